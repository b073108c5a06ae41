import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StorageFailedError } from '../../src/core/errors.ts';
import type { Mark } from '../mark.ts';
import { readLines } from './line-file.ts';
import type { MarkIndex } from './mark-index.ts';
import { createLineReader, goneLine, type Lines, markLines } from './mark-log.ts';

/** An open log of marks. One operation at a time; its rewrite may be written beside it. */
export interface LogFile {
  /** What the last crash left behind and opening cut off: a record whose writing was never finished. */
  readonly torn: { readonly records: number; readonly bytes: number };
  /**
   * Resolves when the marks are on the device.
   * @throws {StorageFailedError} and nothing of them stays. When even that cannot be promised, nothing more is taken until the file is opened again.
   */
  append(marks: readonly Mark[]): Promise<void>;
  /** Begins another file that shall take this one's place. */
  rewrite(): Promise<Rewrite>;
  close(): Promise<void>;
}

/** The log's next file. Before `commit` nothing of it counts, whatever happens. */
export interface Rewrite {
  append(marks: readonly Mark[]): Promise<void>;
  appendGone(gone: readonly (readonly [id: string, order: number])[]): Promise<void>;
  sync(): Promise<void>;
  /** Puts the file in the log's place, durably. The log goes on in it. */
  commit(): Promise<void>;
  abandon(): Promise<void>;
}

/** Where a file's writing goes on. */
interface Tail {
  readonly handle: FileHandle;
  bytes: number;
  sum: number;
}

/**
 * Opens or makes a log and reads what is in it, a chunk at a time. A last
 * line without its line feed was never acknowledged and is cut off; any other
 * damage is an error, because leaving it out would lose an acknowledged mark.
 * @param index - Empty; takes the marks.
 * @throws {StorageFailedError} when the file cannot be opened, or naming the line that is damaged.
 */
export async function openLogFile(path: string, index: MarkIndex): Promise<LogFile> {
  try {
    // A rewrite that a crash interrupted counts for nothing.
    await rm(rewritePath(path), { force: true });
    const handle = await openOrMake(path);
    try {
      const reader = createLineReader(index, path);
      const { wholeBytes, bytes } = await readLines(handle, 0, reader.read);
      if (bytes > wholeBytes) await handle.truncate(wholeBytes);
      await handle.datasync();
      return logOn(path, { handle, bytes: wholeBytes, sum: reader.sum }, bytes - wholeBytes);
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (cause) {
    throw asStorageFailed(`cannot open ${path}`, cause);
  }
}

const rewritePath = (path: string) => `${path}.rewrite`;

async function openOrMake(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const handle = await open(path, 'wx+', 0o600);
  await syncDirectory(path);
  return handle;
}

/** A new name survives a power cut only once its directory does. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(dirname(path), 'r');
  await directory.sync().finally(() => directory.close());
}

function logOn(path: string, tail: Tail, tornBytes: number): LogFile {
  let broken: StorageFailedError | null = null;
  /** The file that was before. */
  let left: Promise<void> = Promise.resolve();
  const breakWith = (problem: string, cause: unknown) => {
    broken = asStorageFailed(`${path} ${problem}: open it again`, cause);
    return broken;
  };

  return {
    torn: { records: tornBytes > 0 ? 1 : 0, bytes: tornBytes },
    async append(marks) {
      if (broken !== null) throw broken;
      const { handle, bytes, sum } = tail;
      try {
        await write(tail, markLines(marks, sum));
      } catch (cause) {
        // The end that was, so that the next append does not follow half a line.
        tail.bytes = bytes;
        tail.sum = sum;
        await handle.truncate(bytes).catch((error) => breakWith('cannot be repaired', error));
        throw asStorageFailed(`cannot write to ${path}`, cause);
      }
      try {
        await handle.datasync();
      } catch (cause) {
        throw breakWith('could not be synced', cause);
      }
    },
    async rewrite() {
      if (broken !== null) throw broken;
      const handle = await open(rewritePath(path), 'wx+', 0o600).catch((cause) => {
        throw asStorageFailed(`cannot write ${rewritePath(path)}`, cause);
      });
      const next: Tail = { handle, bytes: 0, sum: 0 };
      return rewriteOn(path, next, async () => {
        if (broken !== null) throw broken;
        await handle.datasync();
        await rename(rewritePath(path), path);
        const before = tail;
        tail = next;
        // Without this a power cut could bring the old file back, and lose what follows.
        await syncDirectory(path).catch((cause) => {
          throw breakWith('was rewritten, but its directory could not be synced', cause);
        });
        // The device takes its time to free a large file; nobody waits for it.
        left = before.handle.close().catch(() => {});
      });
    },
    async close() {
      await left;
      await tail.handle.close();
    },
  };
}

function rewriteOn(path: string, next: Tail, takePlace: () => Promise<void>): Rewrite {
  let isOver = false;
  const attempt = async (step: () => Promise<void>) => {
    try {
      await step();
    } catch (cause) {
      throw asStorageFailed(`cannot rewrite ${path}`, cause);
    }
  };
  return {
    append: (marks) => attempt(() => write(next, markLines(marks, next.sum))),
    appendGone: (gone) => attempt(() => write(next, goneLine(gone, next.sum))),
    sync: () => attempt(() => next.handle.datasync()),
    commit: () =>
      attempt(async () => {
        await takePlace();
        isOver = true;
      }),
    async abandon() {
      if (isOver) return;
      isOver = true;
      await next.handle.close();
      await rm(rewritePath(path), { force: true });
    },
  };
}

async function write(tail: Tail, { text, sum }: Lines): Promise<void> {
  const data = Buffer.from(text);
  for (let done = 0; done < data.byteLength; ) {
    const { bytesWritten } = await tail.handle.write(data, done, data.byteLength - done, tail.bytes);
    done += bytesWritten;
    tail.bytes += bytesWritten;
  }
  tail.sum = sum;
}

function asStorageFailed(message: string, cause: unknown): StorageFailedError {
  if (cause instanceof StorageFailedError) return cause;
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? null;
  return new StorageFailedError(code === null ? message : `${message} (${code})`, { details: { code }, cause });
}
