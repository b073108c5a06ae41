import { type FileTree, textOf } from '../core/file-tree.ts';
import { tokenize } from './tokens.ts';

/** Lines that have occurred, compared by their tokens: indentation and spacing do not count. */
export interface LineSet {
  readonly size: number;
  has(line: number): boolean;
  addTree(tree: FileTree): void;
}

export function createLineSet(...trees: readonly FileTree[]): LineSet {
  const lines = new Set<number>();
  const addTree = (tree: FileTree) => {
    for (const file of linesOfTree(tree)) for (const line of file) lines.add(line);
  };
  for (const tree of trees) addTree(tree);
  return {
    get size() {
      return lines.size;
    },
    has: (line) => lines.has(line),
    addTree,
  };
}

/** The lines of each text file of a tree, in order; binary files have none. */
export function linesOfTree(tree: FileTree): number[][] {
  return [...tree.values()].map((file) => linesOf(textOf(file.bytes) ?? ''));
}

/**
 * The lines of a text that can say where code comes from, as 53-bit hashes of
 * their tokens. Lines with fewer than two tokens, or with no word, are left
 * out: a closing bracket proves nothing.
 */
export function linesOf(text: string): number[] {
  const { hashes, isWord, lineEnds } = tokenize(text);
  const lines: number[] = [];
  let start = 0;
  for (const end of lineEnds) {
    if (end - start >= 2 && isWord.subarray(start, end).includes(1)) lines.push(lineHash(hashes, start, end));
    start = end;
  }
  return lines;
}

function lineHash(hashes: Uint32Array, start: number, end: number): number {
  let high = end - start;
  let low = 0x9e3779b9;
  for (let i = start; i < end; i += 1) {
    high = Math.imul(high ^ hashes[i]!, 0x85ebca6b);
    high ^= high >>> 15;
    low = Math.imul(low ^ hashes[i]!, 0x01000193) + i - start;
    low ^= low >>> 13;
  }
  return (high >>> 0) * 2 ** 21 + (low & 0x1fffff);
}
