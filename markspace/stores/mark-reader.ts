import { type FileHandle, open, stat } from 'node:fs/promises';
import { StorageFailedError } from '../../src/core/errors.ts';
import { readLines } from './line-file.ts';
import { createMarkIndex, type MarkIndex } from './mark-index.ts';
import { createLineReader, type LineReader } from './mark-log.ts';

/**
 * Reads a file of marks beside the process that writes it, or after its
 * death, and never changes it: a torn last line stays where it is.
 */
export interface MarkReader extends AsyncDisposable {
  /** What was read so far. Another one once the file has been rewritten. */
  readonly marks: Pick<MarkIndex, 'size' | 'nextOrder' | 'get' | 'inScope' | 'under' | 'since'>;
  /**
   * Reads what has been added. A file that is not there yet has no marks.
   * @throws {StorageFailedError} naming the line that is damaged.
   */
  refresh(): Promise<void>;
}

interface Place {
  readonly handle: FileHandle;
  readonly index: MarkIndex;
  readonly lines: LineReader;
  /** Where the next line begins. */
  bytes: number;
}

export function createMarkReader(path: string): MarkReader {
  let at: Place | null = null;
  const nothing = createMarkIndex();

  async function leave(): Promise<void> {
    const left = at;
    at = null;
    await left?.handle.close();
  }

  /** Another file by that name, or one that is shorter, was compacted or repaired. */
  async function isStillThere({ handle, bytes }: Place): Promise<boolean> {
    const [held, named] = await Promise.all([handle.stat(), stat(path).catch(() => null)]);
    return named !== null && named.ino === held.ino && named.dev === held.dev && named.size >= bytes;
  }

  async function enter(): Promise<Place | null> {
    try {
      const handle = await open(path, 'r');
      const index = createMarkIndex();
      return { handle, index, lines: createLineReader(index, path), bytes: 0 };
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw new StorageFailedError(`cannot read ${path}`, { cause });
    }
  }

  return {
    get marks() {
      return at?.index ?? nothing;
    },
    async refresh() {
      if (at !== null && !(await isStillThere(at))) await leave();
      const isFirst = at === null;
      at ??= await enter();
      if (at === null) return;
      try {
        await readOn(at);
      } catch (error) {
        await leave();
        // Lines that a failed append took back may have been read and replaced: only a whole reading tells.
        if (isFirst) throw error;
        at = await enter();
        if (at !== null) await readOn(at);
      }
    },
    [Symbol.asyncDispose]: leave,
  };
}

/** Takes in every whole line from `place.bytes` on. */
async function readOn(place: Place): Promise<void> {
  place.bytes = (await readLines(place.handle, place.bytes, place.lines.read)).wholeBytes;
}
