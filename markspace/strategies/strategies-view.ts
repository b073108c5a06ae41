import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { ContentCache } from './content-cache.ts';
import {
  buildAside,
  type DirectoryPlan,
  directoriesOf,
  makeDirectory,
  makeReadOnly,
  moveDirectory,
  removeTree,
  stampOf,
} from './read-only-directory.ts';

/** Paths and contents of each strategy, by the name of its directory. */
export type Strategies = ReadonlyMap<string, ReadonlyMap<string, string>>;

const folder = 'strategies';
const top = ['', folder];

export function planOf(strategies: Strategies): DirectoryPlan {
  const files = new Map<string, string>();
  for (const [name, own] of strategies) for (const [path, sha] of own) files.set(`${folder}/${name}/${path}`, sha);
  return { directories: [folder], files };
}

/** What a view's directories looked like when all was well, and `changes` of the cache then. */
export interface Left {
  readonly changes: number;
  readonly top: string;
  readonly strategies: ReadonlyMap<string, { readonly directories: readonly string[]; readonly stamp: string }>;
}

/** @returns `null` where a file is a copy: no directory tells what becomes of it. */
export function leftAt(target: string, strategies: Strategies, cache: ContentCache, copiesBefore: number): Left | null {
  if (cache.copies !== copiesBefore) return null;
  const known = [...strategies].map(([name, files]) => {
    const directories = directoriesOf({ directories: [], files });
    return [name, { directories, stamp: stampOf(join(target, folder, name), directories) }] as const;
  });
  return { changes: cache.changes, top: stampOf(target, top), strategies: new Map(known) };
}

/** Whether nothing was touched since. */
export function isAsLeft(target: string, left: Left, cache: ContentCache): boolean {
  if (left.changes !== cache.changes || left.top !== stampOf(target, top)) return false;
  for (const [name, { directories, stamp }] of left.strategies) {
    if (stampOf(join(target, folder, name), directories) !== stamp) return false;
  }
  return true;
}

/**
 * Views that nobody is shown any more. Most of what the next ones show has not
 * changed: a strategy is moved over, in three calls of the system instead of
 * one for each of its files.
 */
export interface Spares {
  /** Takes a view out of its place. */
  add(target: string, left: Left, contents: Iterable<string>): void;
  /** Builds a view. @returns the contents that were linked anew. */
  build(target: string, strategies: Strategies): ReadonlySet<string>;
  /** Removes what was not used. */
  clear(): void;
}

export function createSpares(cache: ContentCache): Spares {
  let views: { readonly path: string; readonly contents: Iterable<string> }[] = [];
  const spare = new Map<string, { readonly path: string; readonly changes: number; readonly left: Left }[]>();

  /** A strategy has the same files wherever it is shown: its name says which it is. */
  function takeOver(name: string, to: string): boolean {
    for (let found = spare.get(name)?.pop(); found !== undefined; found = spare.get(name)?.pop()) {
      const { directories, stamp } = found.left.strategies.get(name)!;
      if (found.changes !== cache.changes || stampOf(found.path, directories) !== stamp) continue;
      moveDirectory(found.path, to);
      return true;
    }
    return false;
  }

  return {
    add(target, left, contents) {
      const path = `${target}.spare`;
      removeTree(path);
      renameSync(target, path);
      views.push({ path, contents });
      for (const name of left.strategies.keys()) {
        const known = spare.get(name) ?? [];
        spare.set(name, [...known, { path: join(path, folder, name), changes: left.changes, left }]);
      }
    },
    build(target, strategies) {
      const linked = new Set<string>();
      buildAside(target, (partial) => {
        mkdirSync(join(partial, folder), { recursive: true });
        for (const [name, files] of strategies) {
          const to = join(partial, folder, name);
          if (takeOver(name, to)) continue;
          makeDirectory(to, { directories: [], files }, cache);
          for (const sha of files.values()) linked.add(sha);
        }
        makeReadOnly(join(partial, folder));
        makeReadOnly(partial);
      });
      return linked;
    },
    clear() {
      spare.clear();
      for (const { path, contents } of views) {
        removeTree(path);
        cache.sweep(contents);
      }
      views = [];
    },
  };
}
