import {
  chmodSync,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { sha256 } from '../../src/core/json.ts';

/**
 * Files by the SHA-256 of their bytes, each on disk once. A strategy's files
 * are hard links to these, so showing one to another reader copies nothing.
 *
 * Everything here blocks: thousands of links take less time than as many
 * promises. Contents are compared with their names at the first use in a
 * process, and again whenever the file's change time has moved.
 */
export interface ContentCache {
  /** Whether the content is there and is what its name says. */
  has(sha: string): boolean;
  put(sha: string, bytes: Uint8Array): void;
  /** Makes `target` the same file as the content, or a copy where the disk allows no further link. */
  link(sha: string, target: string): void;
  /** Takes note of the change times that linking moved, so that the next `has` need not read. */
  settle(shas: Iterable<string>): void;
  /** Whether `path` is a read-only file with exactly this content. */
  isLinkTo(sha: string, path: string): boolean;
  /** Removes every content that nothing links to any more. */
  sweep(): void;
}

/** @param onTampered - Told the name of a content that was changed behind the cache. */
export function createContentCache(directory: string, onTampered: (sha: string) => void): ContentCache {
  mkdirSync(directory, { recursive: true });
  const known = new Map<string, Stats>();
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
      else onTampered(sha);
      return isGenuine;
    },
    put(sha, bytes) {
      const partial = `${directory}/${sha}.partial`;
      rmSync(partial, { force: true, recursive: true });
      writeFileSync(partial, bytes, { flag: 'wx', mode: 0o444 });
      // The process's umask may have taken reading away from the sandbox's user.
      chmodSync(partial, 0o444);
      if (find(pathOf(sha))?.isDirectory()) rmSync(pathOf(sha), { recursive: true });
      renameSync(partial, pathOf(sha));
      known.set(sha, lstatSync(pathOf(sha)));
    },
    link(sha, target) {
      try {
        linkSync(pathOf(sha), target);
      } catch (error) {
        if (!linkRefusals.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
        copyFileSync(pathOf(sha), target);
        chmodSync(target, 0o444);
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
    isLinkTo(sha, path) {
      const found = find(path);
      const before = known.get(sha);
      if (found === undefined) return false;
      return (before !== undefined && isSameFile(before, found)) || holds(found, path, sha);
    },
    sweep() {
      for (const name of readdirSync(directory)) {
        if ((find(pathOf(name))?.nlink ?? 0) > 1) continue;
        rmSync(pathOf(name), { recursive: true, force: true });
        known.delete(name);
      }
    },
  };
}

/** Too many links on one file, or a file system without links. */
const linkRefusals = new Set(['EMLINK', 'EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP']);

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
