import {
  chmodSync,
  closeSync,
  copyFileSync,
  fchmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { sha256 } from '../../src/core/json.ts';
import type { FileSource } from './read-only-directory.ts';

/**
 * Files by the SHA-256 of their bytes, each on disk once. A strategy's files
 * are hard links to these, so showing one to another reader copies nothing.
 *
 * Everything here blocks: thousands of links take less time than as many
 * promises. Contents are compared with their names at the first use in a
 * process, and again whenever the file's change time has moved.
 */
export interface ContentCache extends FileSource {
  /** Whether the content is there and is what its name says. */
  has(sha: string): boolean;
  put(sha: string, bytes: Uint8Array): void;
  /** Makes `target` the same file as the content, or a copy where the disk allows no further link. */
  place(sha: string, target: string): void;
  /** Takes note of the change times that linking moved, so that the next `has` need not read. */
  settle(shas: Iterable<string>): void;
  /** Removes those contents that nothing links to any more; of all there are, where none are named. */
  sweep(shas?: Iterable<string>): void;
  /** How often a content was found changed: what had been linked to it may be wrong since. */
  readonly changes: number;
  /** How often a file was made or found to be a copy, with an inode of its own that no other check looks at. */
  readonly copies: number;
}

/** @param onTampered - Told the name of a content that was changed behind the cache. */
export function createContentCache(directory: string, onTampered: (sha: string) => void): ContentCache {
  mkdirSync(directory, { recursive: true });
  const known = new Map<string, Stats>();
  let changes = 0;
  let copies = 0;
  const pathOf = (sha: string) => `${directory}/${sha}`;
  const find = (path: string) => lstatSync(path, { throwIfNoEntry: false });

  return {
    has(sha) {
      const found = find(pathOf(sha));
      if (found === undefined) return false;
      const before = known.get(sha);
      if (before !== undefined && isSameFile(before, found) && before.ctimeMs === found.ctimeMs) return true;
      const isGenuine = holds(found, pathOf(sha), sha);
      if (isGenuine) known.set(sha, found);
      else {
        changes += 1;
        onTampered(sha);
      }
      return isGenuine;
    },
    put(sha, bytes) {
      const partial = `${directory}/${sha}.partial`;
      writeReadOnly(partial, bytes);
      try {
        renameSync(partial, pathOf(sha));
      } catch {
        // Something else took its place.
        rmSync(pathOf(sha), { recursive: true, force: true });
        renameSync(partial, pathOf(sha));
      }
      known.set(sha, lstatSync(pathOf(sha)));
    },
    place(sha, target) {
      try {
        linkSync(pathOf(sha), target);
      } catch (error) {
        if (!linkRefusals.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
        copyFileSync(pathOf(sha), target);
        chmodSync(target, 0o444);
        copies += 1;
      }
    },
    settle(shas) {
      for (const sha of shas) {
        const found = find(pathOf(sha));
        const before = known.get(sha);
        if (found !== undefined && before !== undefined && isSameFile(before, found)) known.set(sha, found);
        else known.delete(sha);
      }
    },
    isPlaced(sha, path) {
      const found = find(path);
      const before = known.get(sha);
      if (found === undefined) return false;
      if (before !== undefined && isSameFile(before, found)) return true;
      copies += 1;
      return holds(found, path, sha);
    },
    sweep(shas = readdirSync(directory)) {
      for (const name of shas) {
        if ((find(pathOf(name))?.nlink ?? 0) > 1) continue;
        rmSync(pathOf(name), { recursive: true, force: true });
        known.delete(name);
      }
    },
    get changes() {
      return changes;
    },
    get copies() {
      return copies;
    },
  };
}

/** Too many links on one file, or a file system without links. */
const linkRefusals = new Set(['EMLINK', 'EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP']);

/** The process's umask may take reading away from the sandbox's user; what a crash left in the way is removed. */
export function writeReadOnly(path: string, bytes: Uint8Array): void {
  const file = openNew(path);
  try {
    writeFileSync(file, bytes);
    fchmodSync(file, 0o444);
  } finally {
    closeSync(file);
  }
}

function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o444);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    rmSync(path, { force: true, recursive: true });
    return openSync(path, 'wx', 0o444);
  }
}

/** Whether `path` is a read-only file with exactly this content. */
export function isReadOnlyCopy(sha: string, path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && holds(found, path, sha);
}

function holds(found: Stats, path: string, sha: string): boolean {
  return isReadOnlyFile(found) && sha256(readFileSync(path)) === sha;
}

function isReadOnlyFile(found: Stats): boolean {
  return found.isFile() && (found.mode & 0o7777) === 0o444;
}

/** The same file with the same content, however many links it has by now. */
function isSameFile(before: Stats, now: Stats): boolean {
  return isReadOnlyFile(now) && now.ino === before.ino && now.size === before.size && now.mtimeMs === before.mtimeMs;
}
