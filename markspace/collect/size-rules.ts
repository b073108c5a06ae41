import { type FileTree, type TreeFile, totalBytes } from '../../src/core/file-tree.ts';
import { quoted } from '../denials.ts';
import type { Rule } from './rule.ts';

export const fileTypeRule: Rule = ({ child }) => {
  for (const [path, file] of child) {
    if (!isTreeFile(file)) return { rule: 'file-type', message: `${quoted(path)} is not a regular file` };
  }
  return null;
};

function isTreeFile(file: unknown): file is TreeFile {
  const { bytes, isExecutable } = (file ?? {}) as Partial<TreeFile>;
  return bytes instanceof Uint8Array && typeof isExecutable === 'boolean';
}

export const fileCountRule: Rule = ({ child, policy }) => {
  const { maxFiles } = policy.genome;
  if (child.size <= maxFiles) return null;
  return { rule: 'max-files', message: `${child.size} files; at most ${maxFiles} are allowed` };
};

export const fileSizeRule: Rule = ({ child, policy }) => {
  const { maxFileBytes } = policy.genome;
  for (const [path, { bytes }] of child) {
    if (bytes.byteLength <= maxFileBytes) continue;
    const message = `${quoted(path)} has ${bytes.byteLength} bytes; at most ${maxFileBytes} are allowed`;
    return { rule: 'max-file-bytes', message };
  }
  return null;
};

export const totalSizeRule: Rule = ({ child, policy }) => {
  const { maxBytes } = policy.genome;
  const total = totalBytes(child);
  if (total <= maxBytes) return null;
  return { rule: 'max-bytes', message: `${total} bytes in all; at most ${maxBytes} are allowed` };
};

/** Growth counts lines that exist nowhere in the parent, so moving a file is free. */
export const growthRule: Rule = ({ parent, child, policy }) => {
  const { maxGrowthLines } = policy.genome;
  const added = addedLines(parent, child);
  if (added <= maxGrowthLines) return null;
  const message = `${added} lines added (200 bytes of a long line count as one); at most ${maxGrowthLines} are allowed`;
  return { rule: 'max-growth-lines', message };
};

const bytesPerLine = 200;

function addedLines(parent: FileTree, child: FileTree): number {
  const known = new Map<string, number>();
  for (const line of linesOf(parent)) known.set(line, (known.get(line) ?? 0) + 1);
  let added = 0;
  for (const line of linesOf(child)) {
    const left = known.get(line) ?? 0;
    if (left > 0) known.set(line, left - 1);
    else added += Math.max(1, Math.ceil(line.length / bytesPerLine));
  }
  return added;
}

/** Lines as Latin-1 text, which any bytes are: one character a byte. */
function* linesOf(tree: FileTree): Generator<string> {
  for (const { bytes } of tree.values()) {
    if (bytes.byteLength === 0) continue;
    const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1').split('\n');
    if (lines.at(-1) === '') lines.pop();
    yield* lines;
  }
}
