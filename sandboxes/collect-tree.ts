import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync, type Stats } from 'node:fs';
import { GenomeInvalidError } from '../src/core/errors.ts';
import { type FileTree, parseTreePath, sortTree, type TreeFile, type TreeLimits } from '../src/core/file-tree.ts';

/**
 * Reads a workspace that hostile code has written. Precondition: nothing runs
 * in it any more, so what `lstat` says stays true. Synchronous on purpose:
 * genomes are small, and a tree of a hundred files takes two milliseconds
 * instead of twenty.
 *
 * @param skip - Names at the top level that belong to the runtime (mounts).
 * @throws {GenomeInvalidError} naming the path: a link, a special file, a bad
 *   name, a mode that forbids reading, or an exceeded limit.
 */
export function collectTree(root: string, skip: ReadonlySet<string>, limits: TreeLimits): FileTree {
  if (!lstatSync(root).isDirectory()) throw new GenomeInvalidError('the workspace itself is no longer a directory');
  const found: [string, TreeFile][] = [];
  const budget = { directories: 0, bytes: 0 };
  const pending: string[] = [''];
  for (let prefix = pending.pop(); prefix !== undefined; prefix = pending.pop()) {
    for (const entry of namesIn(root, prefix)) {
      if (prefix === '' && skip.has(entry)) continue;
      const path = parseTreePath(prefix === '' ? entry : `${prefix}/${entry}`);
      const info = lstatSync(`${root}/${path}`);
      refuseUnlessPlain(path, info);
      if (info.isDirectory()) {
        budget.directories += 1;
        if (budget.directories > limits.maxFiles) refuse(path, `is one directory too many (limit ${limits.maxFiles})`);
        pending.push(path);
        continue;
      }
      if (found.length >= limits.maxFiles) refuse(path, `is one file too many (limit ${limits.maxFiles})`);
      const file = readPlainFile(root, path, limits, budget);
      found.push([path, file]);
    }
  }
  return sortTree(found);
}

function refuse(path: string, why: string): never {
  throw new GenomeInvalidError(`the path ${JSON.stringify(path)} ${why}`);
}

/** Names as text; a name that is not UTF-8 has no place in a tree. */
function namesIn(root: string, prefix: string): string[] {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return readdirSync(prefix === '' ? root : `${root}/${prefix}`, { encoding: 'buffer' }).map((name) => {
    try {
      return decoder.decode(name);
    } catch {
      return refuse(`${prefix}/${name.toString('latin1')}`, 'is not valid UTF-8');
    }
  });
}

function refuseUnlessPlain(path: string, info: Stats): void {
  if (info.isSymbolicLink()) refuse(path, 'is a symbolic link');
  if (info.isDirectory()) {
    if ((info.mode & 0o500) !== 0o500) refuse(path, 'is a directory whose mode forbids reading');
    return;
  }
  if (!info.isFile()) refuse(path, `is ${kindOf(info)}`);
  if (info.nlink !== 1) refuse(path, 'is a hard link');
  // Root would read it anyway; refusing keeps the answer the same for every user.
  if ((info.mode & 0o400) === 0) refuse(path, 'has a mode that forbids reading');
}

function kindOf(info: Stats): string {
  if (info.isFIFO()) return 'a fifo';
  if (info.isSocket()) return 'a socket';
  return 'a device';
}

function readPlainFile(root: string, path: string, limits: TreeLimits, budget: { bytes: number }): TreeFile {
  // NOFOLLOW and NONBLOCK cost nothing and keep a mistake about the precondition harmless.
  const fd = openSync(`${root}/${path}`, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const info = fstatSync(fd);
    refuseUnlessPlain(path, info);
    if (info.size > limits.maxFileBytes) refuse(path, `has ${info.size} bytes (limit ${limits.maxFileBytes})`);
    budget.bytes += info.size;
    if (budget.bytes > limits.maxBytes) refuse(path, `takes the tree past ${limits.maxBytes} bytes`);
    const bytes = new Uint8Array(info.size);
    let at = 0;
    while (at < bytes.length) {
      const count = readSync(fd, bytes, at, bytes.length - at, at);
      if (count === 0) break;
      at += count;
    }
    return { bytes: at === bytes.length ? bytes : bytes.slice(0, at), isExecutable: (info.mode & 0o100) !== 0 };
  } finally {
    closeSync(fd);
  }
}
