import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a directory shall hold: paths (`/` between segments) and the SHA-256 of each file's bytes. */
export interface DirectoryPlan {
  /** Directories that are there even when nothing is in them. */
  readonly directories: readonly string[];
  readonly files: ReadonlyMap<string, string>;
}

/** Where the files of a plan come from. */
export interface FileSource {
  /** Puts a read-only file with this content at `target`, where nothing is. */
  place(sha: string, target: string): void;
  /** Whether `path` is a read-only file with exactly this content. */
  isPlaced(sha: string, path: string): boolean;
}

const directoryMode = 0o555;

/**
 * Builds the directory beside its place and renames it there, so that a crash
 * leaves a whole one or none.
 */
export function buildDirectory(target: string, plan: DirectoryPlan, source: FileSource): void {
  buildAside(target, (partial) => makeDirectory(partial, plan, source));
}

/** The same, for whoever knows better how to make it. @param make - Makes a read-only directory where nothing is. */
export function buildAside(target: string, make: (partial: string) => void): void {
  const partial = `${target}.partial`;
  removeTree(partial);
  make(partial);
  renameSync(partial, target);
}

export function makeDirectory(at: string, plan: DirectoryPlan, source: FileSource): void {
  const directories = directoriesOf(plan);
  for (const directory of directories) mkdirSync(join(at, directory));
  for (const [path, sha] of plan.files) source.place(sha, `${at}/${path}`);
  for (const directory of directories) makeReadOnly(join(at, directory));
}

export const makeReadOnly = (directory: string) => chmodSync(directory, directoryMode);

/** Takes a read-only directory to another parent, as it is. */
export function moveDirectory(from: string, to: string): void {
  // Its entry `..` changes: only who may write in it may do that.
  chmodSync(from, 0o700);
  chmodSync(dirname(from), 0o700);
  renameSync(from, to);
  makeReadOnly(to);
}

/** Whether the directory holds exactly the plan: no link, no addition, no writable bit, no other content. */
export function isIntact(target: string, plan: DirectoryPlan, source: FileSource): boolean {
  const missing = new Set([...directoriesOf(plan), ...plan.files.keys()]);
  const walk = (path: string): boolean => {
    if (!missing.delete(path)) return false;
    const sha = plan.files.get(path);
    const full = path === '' ? target : `${target}/${path}`;
    if (sha !== undefined) return source.isPlaced(sha, full);
    const found = lstatSync(full);
    if (!found.isDirectory() || (found.mode & 0o7777) !== directoryMode) return false;
    return readdirSync(full).every((name) => walk(path === '' ? name : `${path}/${name}`));
  };
  return lstatSync(target, { throwIfNoEntry: false }) !== undefined && walk('') && missing.size === 0;
}

/**
 * What changes when anything is added to a directory, taken from it, or put in
 * another's place, and cannot be set back: its own change time and those of
 * all below it. What is in its files is another matter.
 */
export function stampOf(target: string, directories: readonly string[]): string {
  const stamps = directories.map((path) => {
    const found = lstatSync(path === '' ? target : `${target}/${path}`, { throwIfNoEntry: false });
    return found === undefined ? '-' : `${found.ino}:${found.mode}:${found.ctimeMs}`;
  });
  return stamps.join(' ');
}

/** Parents before children, the directory itself (`''`) first. */
export function directoriesOf(plan: DirectoryPlan): string[] {
  const all = new Set<string>(['']);
  const add = (path: string): void => {
    if (all.has(path)) return;
    add(parentOf(path));
    all.add(path);
  };
  for (const directory of plan.directories) add(directory);
  for (const path of plan.files.keys()) add(parentOf(path));
  return [...all];
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** Makes `path` a real directory. @returns false when something else lay there and was removed. */
export function ensureDirectory(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return true;
  if (found !== undefined) rmSync(path, { force: true });
  mkdirSync(path, { recursive: true });
  return found === undefined;
}

/** Removes what is there, read-only directories included; never follows a link. */
export function removeTree(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) removeDirectory(path);
  else if (found !== undefined) unlinkSync(path);
}

/** `rmSync` tries to remove each directory before it looks inside, and cannot enter those that are closed. */
function removeDirectory(path: string): void {
  chmodSync(path, 0o700);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const full = `${path}/${entry.name}`;
    if (entry.isDirectory()) removeDirectory(full);
    else unlinkSync(full);
  }
  rmdirSync(path);
}
