import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type FileTree, parseTreePath, sortTree, type TreeFile } from '../../core/file-tree.ts';
import type { MissingList } from './missing.ts';

/**
 * Reading a tree that somebody else made: only regular files and real
 * directories below the root, never through a link, and never more of a file
 * than its ceiling. Whatever is left out is told, with its path. Paths are
 * relative to the root.
 */
export interface SourceTree {
  readonly root: string;
  readonly missing: MissingList;
  /** Names of the real subdirectories, sorted; `[]` when there is no such directory. */
  directories(path: string): readonly string[];
  /** Names of what is there besides directories, sorted. */
  files(path: string): readonly string[];
  /** The bytes of a regular file, or `null` where there is none or it was left out. */
  read(path: string, maxBytes: number): Buffer | null;
  /** A JSON object, or `null` when there is none or it is malformed, which is told. */
  readJson(path: string): Readonly<Record<string, unknown>> | null;
  /** Every file of a directory, or `null` when there is no such directory. */
  readTree(path: string, limits: TreeCeilings): FileTree | null;
}

export interface TreeCeilings {
  readonly maxFiles: number;
  readonly maxFileBytes: number;
  readonly maxBytes: number;
}

const maxJsonBytes = 1_048_576;
/** Directories whose names are remembered: the files of a generation are asked for one after the other. */
const keptListings = 32;
const mebibytes = (bytes: number) => `${Math.round(bytes / 1_048_576)} MiB`;

interface Listing {
  readonly directories: readonly string[];
  readonly files: readonly string[];
}

/** @param root - An existing directory. */
export function openSourceTree(root: string, missing: MissingList): SourceTree {
  const listings = new Map<string, Listing>();
  const list = (path: string): Listing => {
    // A name that its parent does not list as a real directory may be a link: it is not opened.
    const { folder, name } = split(path);
    if (path !== '' && !list(folder).directories.includes(name)) return nothing;
    const known = listings.get(path);
    const listing = known ?? listDirectory(root, path, missing);
    // A Map keeps the order of insertion: its first is the one not used for longest.
    if (known !== undefined) listings.delete(path);
    listings.set(path, listing);
    if (listings.size > keptListings) listings.delete(listings.keys().next().value!);
    return listing;
  };

  const read = (path: string, maxBytes: number) => {
    const { folder, name } = split(path);
    if (!list(folder).files.includes(name)) return null;
    return readRegular(root, path, maxBytes, missing)?.bytes ?? null;
  };

  return {
    root,
    missing,
    directories: (path) => list(path).directories,
    files: (path) => list(path).files,
    read,
    readJson(path) {
      const bytes = read(path, maxJsonBytes);
      return bytes === null ? null : parseObject(bytes, path, missing);
    },
    readTree(path, limits) {
      const { folder, name } = split(path);
      return list(folder).directories.includes(name) ? readFiles(root, path, limits, missing) : null;
    },
  };
}

const nothing: Listing = { directories: [], files: [] };

function split(path: string) {
  const slash = path.lastIndexOf('/');
  return { folder: path.slice(0, Math.max(0, slash)), name: path.slice(slash + 1) };
}

function parseObject(bytes: Buffer, path: string, missing: MissingList): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    missing.add(path, 'is JSON, and not an object');
  } catch {
    missing.add(path, 'is not readable JSON');
  }
  return null;
}

function listDirectory(root: string, path: string, missing: MissingList): Listing {
  const directories: string[] = [];
  const files: string[] = [];
  let entries: ReturnType<typeof entriesOf>;
  try {
    entries = entriesOf(join(root, path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') missing.add(path, 'cannot be listed');
    return { directories, files };
  }
  for (const entry of entries) {
    const name = nameOf(entry.name);
    const at = path === '' ? name.shown : `${path}/${name.shown}`;
    if (!name.isText) missing.add(at, 'its name is not UTF-8');
    else if (entry.isSymbolicLink()) missing.add(at, 'is a link, and links are not followed');
    else if (entry.isDirectory()) directories.push(name.shown);
    else if (entry.isFile()) files.push(name.shown);
    else missing.add(at, 'is neither a file nor a directory');
  }
  return { directories: directories.sort(), files: files.sort() };
}

const entriesOf = (path: string) => readdirSync(path, { withFileTypes: true, encoding: 'buffer' });

/** A name as text, or, with the other bytes spelled out, as it can be shown. */
function nameOf(bytes: Buffer): { readonly shown: string; readonly isText: boolean } {
  try {
    return { shown: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), isText: true };
  } catch {
    const shown = [...bytes].map((b) => (b < 0x80 ? String.fromCharCode(b) : `\\x${b.toString(16)}`)).join('');
    return { shown, isText: false };
  }
}

/** `O_NOFOLLOW`: a link that was put there meanwhile is not followed either; `O_NONBLOCK`: nor is a pipe waited for. */
const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function readRegular(root: string, path: string, maxBytes: number, missing: MissingList) {
  let fd: number | null = null;
  try {
    fd = openSync(join(root, path), flags);
    const stat = fstatSync(fd);
    if (!stat.isFile()) missing.add(path, 'is not a regular file');
    else if (stat.size > maxBytes) missing.add(path, `is larger than ${mebibytes(maxBytes)}, the most that is read`);
    else return { bytes: readAll(fd, stat.size), isExecutable: (stat.mode & 0o100) !== 0 };
  } catch (error) {
    missing.add(path, `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
  } finally {
    if (fd !== null) closeSync(fd);
  }
  return null;
}

function readAll(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let length = 0;
  while (length < size) {
    const got = readSync(fd, bytes, length, size - length, null);
    if (got === 0) break;
    length += got;
  }
  return bytes.subarray(0, length);
}

function readFiles(root: string, path: string, limits: TreeCeilings, missing: MissingList): FileTree {
  const found: [string, TreeFile][] = [];
  let bytes = 0;
  let isFull = false;
  const walk = (folder: string, prefix: string) => {
    const { directories, files } = listDirectory(root, folder, missing);
    for (const name of files) {
      const at = `${folder}/${name}`;
      if (isFull || !isPath(`${prefix}${name}`, at, missing)) continue;
      const file = readRegular(root, at, limits.maxFileBytes, missing);
      if (file === null) continue;
      isFull = found.length >= limits.maxFiles || bytes + file.bytes.byteLength > limits.maxBytes;
      if (isFull)
        missing.add(at, `and what follows is beyond ${limits.maxFiles} files or ${mebibytes(limits.maxBytes)}`);
      else found.push([`${prefix}${name}`, file]);
      bytes += file.bytes.byteLength;
    }
    for (const name of directories) {
      if (!isFull && isPath(`${prefix}${name}`, `${folder}/${name}`, missing))
        walk(`${folder}/${name}`, `${prefix}${name}/`);
    }
  };
  walk(path, '');
  return sortTree(found);
}

function isPath(path: string, at: string, missing: MissingList): boolean {
  try {
    parseTreePath(path);
    return true;
  } catch (error) {
    missing.add(at, `is not imported: ${(error as Error).message}`);
    return false;
  }
}
