import type { FileHandle } from 'node:fs/promises';

const chunkBytes = 256 * 1024;
const newline = 0x0a;

/**
 * Calls back for every whole line, without its line feed, a chunk at a time.
 * @param from - Where the first line begins, in bytes.
 * @returns where the last whole line ends, and where the file did.
 */
export async function readLines(handle: FileHandle, from: number, onLine: (line: string) => void) {
  let buffer = Buffer.allocUnsafe(chunkBytes);
  let held = 0;
  let bytes = from;
  for (;;) {
    // A line longer than the buffer.
    if (held === buffer.length) buffer = Buffer.concat([buffer], 2 * held);
    const { bytesRead } = await handle.read(buffer, held, buffer.length - held, bytes);
    if (bytesRead === 0) return { wholeBytes: bytes - held, bytes };
    bytes += bytesRead;
    const filled = buffer.subarray(0, held + bytesRead);
    let start = 0;
    for (let end = filled.indexOf(newline, held); end !== -1; end = filled.indexOf(newline, start)) {
      onLine(filled.toString('utf8', start, end));
      start = end + 1;
    }
    held = filled.length - start;
    filled.copy(buffer, 0, start);
  }
}
