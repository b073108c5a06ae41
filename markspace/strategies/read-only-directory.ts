import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ContentCache } from './content-cache.ts';

/** What a directory shall hold: paths (`/` between segments) and the SHA-256 of each file's bytes. */
export interface DirectoryPlan {
  /** Directories that are there even when nothing is in them. */
  readonly directories: readonly string[];
  readonly files: ReadonlyMap<string, string>;
}

const directoryMode = 0o555;

/**
 * Builds the directory beside its place and renames it there, so that a crash
 * leaves a whole one or none. Every content must be in the cache.
 */
export function buildDirectory(target: string, plan: DirectoryPlan, cache: ContentCache): void {
  const partial = `${target}.partial`;
  removeTree(partial);
  const directories = directoriesOf(plan);
  for (const directory of directories) mkdirSync(join(partial, directory));
  for (const [path, sha] of plan.files) cache.link(sha, `${partial}/${path}`);
  for (const directory of directories) chmodSync(join(partial, directory), directoryMode);
  renameSync(partial, target);
}

/** Whether the directory holds exactly the plan: no link, no addition, no writable bit, no other content. */
export function isIntact(target: string, plan: DirectoryPlan, cache: ContentCache): boolean {
  const missing = new Set([...directoriesOf(plan), ...plan.files.keys()]);
  const walk = (path: string): boolean => {
    if (!missing.delete(path)) return false;
    const sha = plan.files.get(path);
    const full = path === '' ? target : `${target}/${path}`;
    if (sha !== undefined) return cache.isLinkTo(sha, full);
    const found = lstatSync(full);
    if (!found.isDirectory() || (found.mode & 0o7777) !== directoryMode) return false;
    return readdirSync(full).every((name) => walk(path === '' ? name : `${path}/${name}`));
  };
  return lstatSync(target, { throwIfNoEntry: false }) !== undefined && walk('') && missing.size === 0;
}

/** Parents before children, the directory itself (`''`) first. */
function directoriesOf(plan: DirectoryPlan): string[] {
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
  if (found === undefined) return;
  makeRemovable(path);
  rmSync(path, { recursive: true, force: true });
}

function makeRemovable(path: string): void {
  if (!lstatSync(path).isDirectory()) return;
  chmodSync(path, 0o700);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) makeRemovable(join(path, entry.name));
  }
}
