import { type FileHandle, open } from 'node:fs/promises';
import { JournalCorruptError, StorageFailedError } from '../core/errors.ts';
import type { Fact } from '../core/journal.ts';
import { genesis, leadBytes, readLines } from './journal-lines.ts';

/** Where a journal ends: how many facts, the last one's hash, and the bytes of whole lines. */
export interface JournalEnd {
  readonly seq: number;
  readonly hash: string;
  readonly bytes: number;
}

const chunkBytes = 1 << 20;
const lineFeed = 0x0a;

/**
 * Reads a journal from the start, without loading it whole and without the
 * process that writes it. A torn last line is left out. A fact's `body` is
 * parsed when it is first asked for: most readers want few of them.
 * @throws {JournalCorruptError} naming the line when the hash chain is broken before the last line.
 * @throws {StorageFailedError} when the file cannot be read.
 */
export async function scanJournal(path: string, onFact: (fact: Fact) => void): Promise<JournalEnd> {
  let seq = 0;
  let hash = genesis;
  let bytes = 0;
  // Only the last line can be without its line feed; it was torn by a crash, and never acknowledged.
  for await (const block of wholeLinesOf(path)) {
    const read = readLines(block, seq, hash, onFact);
    ({ seq, hash } = read);
    if (read.end < block.byteLength) {
      throw new JournalCorruptError(`${path}: line ${seq + 1} does not continue the chain; the journal was altered`);
    }
    bytes += block.byteLength - leadBytes;
  }
  return { seq, hash, bytes };
}

/** The file in blocks that end in a line feed, `leadBytes` before each; what stands behind the last one is left out. */
async function* wholeLinesOf(path: string): AsyncGenerator<Buffer> {
  const file = await openThere(path);
  if (file === null) return;
  await using _closing = { [Symbol.asyncDispose]: () => file.close() };
  let rest = Buffer.alloc(0);
  while (true) {
    // As much again as is left over, so that a line of any length is copied a few times at most.
    const block = Buffer.allocUnsafe(leadBytes + rest.length + Math.max(chunkBytes, rest.length));
    const from = leadBytes + rest.copy(block, leadBytes);
    const { bytesRead } = await file
      .read(block, from, block.length - from, null)
      .catch((cause: unknown) => unreadable(path, cause));
    if (bytesRead === 0) return;
    const read = block.subarray(0, from + bytesRead);
    const lastLineFeed = read.lastIndexOf(lineFeed);
    const end = lastLineFeed < leadBytes ? leadBytes : lastLineFeed + 1;
    rest = read.subarray(end);
    if (end > leadBytes) yield read.subarray(0, end);
  }
}

/** `null` for a file that is not there. */
function openThere(path: string): Promise<FileHandle | null> {
  return open(path).catch((cause: NodeJS.ErrnoException) => (cause.code === 'ENOENT' ? null : unreadable(path, cause)));
}

function unreadable(path: string, cause: unknown): never {
  throw new StorageFailedError(`cannot read ${path}`, { cause });
}
