import { GenomeInvalidError } from './errors.ts';
import type { GenomeId } from './ids.ts';
import { canonicalJson, sha256 } from './json.ts';

export interface TreeFile {
  readonly bytes: Uint8Array;
  readonly isExecutable: boolean;
}

/** A directory's regular files by path (`/` between segments, no leading `/`). Nothing else exists in a tree. */
export type FileTree = ReadonlyMap<string, TreeFile>;

/** Ceilings for a tree that comes out of a sandbox. */
export interface TreeLimits {
  readonly maxFiles: number;
  readonly maxBytes: number;
  readonly maxFileBytes: number;
}

const maxPathBytes = 512;

/**
 * Checks a path by its segments, so that no spelling leads out of the tree.
 * @throws {GenomeInvalidError} naming the path and what is wrong with it.
 */
export function parseTreePath(path: string): string {
  const fail = (why: string): never => {
    throw new GenomeInvalidError(`the path ${JSON.stringify(path)} ${why}`);
  };
  if (path === '') fail('is empty');
  if (Buffer.byteLength(path) > maxPathBytes) fail(`is longer than ${maxPathBytes} bytes`);
  if (/\p{Cs}/u.test(path)) fail('is not valid Unicode');
  if (path !== path.normalize('NFC')) fail('is not in Unicode normal form C');
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.' || segment === '..') fail('has an empty, "." or ".." segment');
    // git itself refuses these, in every case-folded spelling; so do case-insensitive file systems.
    if (/^(\.git|git~1)[. ]*$/i.test(segment)) fail('has a segment reserved by git');
    if (/[\p{Cc}\p{Cf}\\:]/u.test(segment)) fail('has a control or format character, a backslash or a colon');
  }
  return path;
}

/** Sorts a tree by path in code-unit order, so that equal trees iterate equally. */
export function sortTree(files: Iterable<readonly [string, TreeFile]>): FileTree {
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** One line of a tree's manifest; the bytes are named by their SHA-256. */
export interface ManifestEntry {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly isExecutable: boolean;
}

export function manifestOf(tree: FileTree): ManifestEntry[] {
  return [...sortTree(tree)].map(([path, file]) => ({
    path,
    sha256: sha256(file.bytes),
    bytes: file.bytes.byteLength,
    isExecutable: file.isExecutable,
  }));
}

/** The id of a tree is a pure function of its paths, contents and executable bits. */
export function treeId(manifest: readonly ManifestEntry[]): GenomeId {
  return sha256(canonicalJson(manifest.map((e) => [e.path, e.sha256, e.isExecutable]))) as GenomeId;
}

export function textFile(text: string, isExecutable = false): TreeFile {
  return { bytes: new TextEncoder().encode(text), isExecutable };
}

export function totalBytes(tree: FileTree): number {
  let sum = 0;
  for (const file of tree.values()) sum += file.bytes.byteLength;
  return sum;
}

/** Bytes as text, or `null` when they are not UTF-8 text (a NUL byte counts as binary). */
export function textOf(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
