import { type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StorageFailedError } from '../src/core/errors.ts';
import type { Mark } from './mark.ts';
import { createMarkIndex, type MarkIndex, sealMark } from './mark-index.ts';
import { encodeRecord, readLog } from './mark-log.ts';
import type { MarkStore } from './store.ts';

export interface FileMarkStore extends MarkStore {
  /** What the last crash left behind and opening cut off: a record whose writing was never finished. */
  readonly torn: { readonly records: number; readonly bytes: number };
}

/**
 * Marks in an append-only JSON Lines file. Appends that arrive while a write
 * is under way share the next one: one write and one `fdatasync` for all.
 *
 * A mark becomes visible when it is on disk, never before. One process opens
 * a file at a time; the run's lock sees to that.
 *
 * @param path - Made if it does not exist; its directory must.
 * @throws {StorageFailedError} when the file cannot be opened, or naming the line that is damaged.
 */
export async function openFileMarkStore(path: string): Promise<FileMarkStore> {
  try {
    const handle = await openLog(path);
    try {
      const data = await readFile(handle);
      const { marks, wholeBytes } = readLog(data, path);
      const tornBytes = data.byteLength - wholeBytes;
      if (tornBytes > 0) await handle.truncate(wholeBytes);
      await handle.datasync();
      const index = createMarkIndex();
      for (const mark of marks) index.add(mark);
      return storeOn(path, handle, index, wholeBytes, tornBytes);
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (cause) {
    throw asStorageFailed(`cannot open ${path}`, cause);
  }
}

async function openLog(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const handle = await open(path, 'wx+', 0o600);
  // A new file survives a power cut only once its directory entry does.
  const directory = await open(dirname(path), 'r');
  await directory.sync().finally(() => directory.close());
  return handle;
}

interface Waiting {
  /** Sealed, but for its place. */
  readonly mark: Mark;
  readonly resolve: (mark: Mark) => void;
  readonly reject: (error: unknown) => void;
}

function storeOn(path: string, handle: FileHandle, index: MarkIndex, size: number, tornBytes: number): FileMarkStore {
  const log = createAppender(path, handle, size);
  const promised = new Map<string, Promise<Mark>>();
  let queue: Waiting[] = [];
  let flushing: Promise<void> | null = null;
  let closed: Promise<void> | null = null;

  async function flush(): Promise<void> {
    // One turn of the event loop, so that a burst becomes one batch.
    await Promise.resolve();
    while (queue.length > 0) {
      const batch = queue;
      queue = [];
      await writeBatch(batch, index, log);
    }
    flushing = null;
  }

  function enqueue(mark: Mark): Promise<Mark> {
    const done = new Promise<Mark>((resolve, reject) => {
      queue.push({ mark, resolve, reject });
    }).finally(() => promised.delete(mark.id));
    promised.set(mark.id, done);
    flushing ??= flush();
    return done;
  }

  return {
    capabilities: { durable: true },
    torn: { records: tornBytes > 0 ? 1 : 0, bytes: tornBytes },
    get size() {
      return index.size;
    },
    get: index.get,
    inScope: index.inScope,
    async append(mark) {
      if (closed !== null) throw new StorageFailedError('the mark store is closed');
      // Checked before it joins a batch, so that a bad mark fails alone.
      return index.get(mark.id) ?? promised.get(mark.id) ?? enqueue(sealMark(mark, 0));
    },
    [Symbol.asyncDispose]() {
      closed ??= (flushing ?? Promise.resolve()).finally(() => handle.close());
      return closed;
    },
  };
}

async function writeBatch(batch: readonly Waiting[], index: MarkIndex, log: Appender): Promise<void> {
  const sealed = batch.map(({ mark }, i) => Object.freeze({ ...mark, order: index.size + i }));
  try {
    await log.append(Buffer.from(sealed.map(encodeRecord).join('')));
  } catch (error) {
    for (const { reject } of batch) reject(error);
    return;
  }
  for (const mark of sealed) index.add(mark);
  batch.forEach(({ resolve }, i) => {
    resolve(sealed[i]!);
  });
}

interface Appender {
  /** @throws {StorageFailedError} and nothing of `data` stays in the file. */
  append(data: Buffer): Promise<void>;
}

/**
 * Writes at the end it knows. After a failed write the file is cut back to
 * that end; when even this fails, or a sync did, what is on disk is unknown
 * and the store takes nothing more until it is opened again.
 */
function createAppender(path: string, handle: FileHandle, size: number): Appender {
  let broken: StorageFailedError | null = null;

  async function write(data: Buffer): Promise<void> {
    for (let done = 0; done < data.byteLength; ) {
      const { bytesWritten } = await handle.write(data, done, data.byteLength - done, size + done);
      done += bytesWritten;
    }
  }

  return {
    async append(data) {
      if (broken !== null) throw broken;
      try {
        await write(data);
      } catch (cause) {
        await handle.truncate(size).catch((error) => {
          broken = asStorageFailed(`${path} cannot be repaired: open it again`, error);
        });
        throw asStorageFailed(`cannot write to ${path}`, cause);
      }
      try {
        await handle.datasync();
      } catch (cause) {
        broken = asStorageFailed(`${path} could not be synced: open it again`, cause);
        throw broken;
      }
      size += data.byteLength;
    },
  };
}

function asStorageFailed(message: string, cause: unknown): StorageFailedError {
  if (cause instanceof StorageFailedError) return cause;
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? null;
  return new StorageFailedError(code === null ? message : `${message} (${code})`, { details: { code }, cause });
}
