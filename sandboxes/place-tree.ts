import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fchownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { GenomeInvalidError } from '../src/core/errors.ts';
import { type FileTree, parseTreePath, type TreeFile } from '../src/core/file-tree.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Writes a tree over a workspace that hostile code may have prepared: a link
 * or a special file on the way is removed, never followed. Precondition:
 * nothing runs in the workspace.
 *
 * @param reserved - Names at the top level that belong to the runtime (mounts).
 * @param owner - Whose the files and directories become. Default: this process's.
 * @throws {GenomeInvalidError} for a bad path, a path below a mount, or a tree that does not fit on the volume.
 */
export function placeTree(root: string, files: FileTree, reserved: ReadonlySet<string>, owner?: Owner): void {
  if (!lstatSync(root).isDirectory()) throw new GenomeInvalidError('the workspace itself is no longer a directory');
  const safeDirectories = new Set<string>(['.']);
  for (const [path, file] of files) {
    parseTreePath(path);
    if (reserved.has(path.split('/')[0]!)) {
      throw new GenomeInvalidError(`the path ${JSON.stringify(path)} belongs to a read-only mount`);
    }
    try {
      makeDirectories(root, dirname(path), safeDirectories, owner);
      writeFresh(`${root}/${path}`, file, owner);
    } catch (cause) {
      throw placeError(path, cause);
    }
  }
}

function placeError(path: string, cause: unknown): unknown {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code !== 'ENOSPC' && code !== 'ENAMETOOLONG') return cause;
  const why = code === 'ENOSPC' ? 'does not fit on the volume of the sandbox' : 'is too long for the file system';
  return new GenomeInvalidError(`the path ${JSON.stringify(path)} ${why}`, { cause });
}

function makeDirectories(root: string, directory: string, safe: Set<string>, owner: Owner | undefined): void {
  if (safe.has(directory)) return;
  makeDirectories(root, dirname(directory), safe, owner);
  const path = `${root}/${directory}`;
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info !== undefined && !info.isDirectory()) rmSync(path);
  if (info === undefined || !info.isDirectory()) {
    mkdirSync(path, { mode: 0o755 });
    if (owner !== undefined) lchownSync(path, owner.uid, owner.gid);
  } else if ((info.mode & 0o700) !== 0o700) chmodSync(path, 0o755);
  safe.add(directory);
}

function writeFresh(path: string, file: TreeFile, owner: Owner | undefined): void {
  const fd = openFresh(path, file.isExecutable ? 0o755 : 0o644);
  try {
    for (let at = 0; at < file.bytes.length; ) at += writeSync(fd, file.bytes, at);
    if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
  } finally {
    closeSync(fd);
  }
}

/** Removes what is there first, whatever it is. */
function openFresh(path: string, mode: number): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  try {
    return openSync(path, flags, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    removeTree(path);
    return openSync(path, flags, mode);
  }
}

/** Removes a tree even where a candidate made it too deep for a path, or took the right to do so from its directories. */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    flatten(path);
    rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Moves every directory of a tree to its top and empties it there, so that no path is longer than two names. */
function flatten(root: string): void {
  const prefix = randomBytes(8).toString('hex');
  const pending: string[] = [root];
  let moved = 0;
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    chmodSync(at, 0o700);
    for (const entry of readdirSync(at, { withFileTypes: true, encoding: 'buffer' })) {
      const path = Buffer.concat([Buffer.from(`${at}/`), entry.name]);
      if (!entry.isDirectory()) {
        rmSync(path);
        continue;
      }
      const top = `${root}/${prefix}-${(moved += 1)}`;
      // A directory that is moved gets another parent, and so must be open to writing itself.
      chmodSync(path, 0o700);
      renameSync(path, top);
      pending.push(top);
    }
  }
}
