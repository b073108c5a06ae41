import type { FileTree } from '../../src/core/file-tree.ts';

const blockBytes = 512;
/** tar's usual record; an archive is a whole number of them, so that it can be read in such steps. */
export const recordBytes = 20 * blockBytes;

/**
 * A tar archive of the files, in the GNU format, which every tar reads. The
 * directories are left to whoever unpacks it.
 */
export function packTree(files: FileTree): Buffer {
  const parts: Buffer[] = [];
  for (const [path, { bytes, isExecutable }] of files) {
    const name = Buffer.from(path);
    if (name.length > 100) parts.push(header('././@LongLink', 'L', name.length + 1, 0), padded(name, name.length + 1));
    parts.push(header(path, '0', bytes.length, isExecutable ? 0o755 : 0o644), padded(bytes, bytes.length));
  }
  const archive = Buffer.concat(parts);
  return padded(archive, archive.length + 2 * blockBytes, recordBytes);
}

function padded(bytes: Uint8Array, atLeast: number, unit = blockBytes): Buffer {
  const out = Buffer.alloc(Math.ceil(atLeast / unit) * unit);
  out.set(bytes);
  return out;
}

function header(name: string, type: string, size: number, mode: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, digits: number) =>
    block.write(value.toString(8).padStart(digits, '0'), at, 'latin1');
  block.set(Buffer.from(name).subarray(0, 100));
  octal(mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(0, 136, 11);
  block.write(`        ${type}`, 148, 'latin1');
  block.write('ustar  ', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  octal(sum, 148, 6);
  block[154] = 0;
  return block;
}
