import { places } from './families.ts';
import { pagesOf, type WorldPlan } from './plan.ts';
import type { Walk } from './walk.ts';

/** A file as an observation shows it. */
export interface ListedFile {
  readonly path: string;
  /** Apparent size in bytes, as `ls -l` says it. */
  readonly size: number;
  /** `system`: on the read-only device. */
  readonly owner: 'me' | 'system';
  readonly isWritable: boolean;
  readonly isDirectoryWritable: boolean;
  /** Second name, open in some process, takes less than its size; the first that holds. */
  readonly flag: 'linked' | 'held' | 'sparse' | 'plain';
  /** At the world's birth; less than 0 for what a command has written since. */
  readonly ageSeconds: number;
}

/** How many files an observation shows. */
export const listedCount = 6;

/** Largest first; of equals the first in the order of their paths' code units. Empty files are of no interest. */
export function listedFiles(
  found: Walk,
  held: ReadonlySet<number>,
  system: WorldPlan['system'],
  bornSeconds: number,
): readonly ListedFile[] {
  const own = found.files.map(
    ({ path, info, isDirectoryWritable }): ListedFile => ({
      ...{ path, size: info.size, owner: 'me', isDirectoryWritable },
      isWritable: (info.mode & 0o200) !== 0,
      flag: held.has(info.ino)
        ? 'held'
        : info.nlink > 1
          ? 'linked'
          : info.blocks * 512 < pagesOf(info.size)
            ? 'sparse'
            : 'plain',
      ageSeconds: bornSeconds - Math.floor(info.mtimeMs / 1_000),
    }),
  );
  return largest([...own, ...systemFiles(system)]);
}

/** The same for a world that nobody has touched, from the plan alone. */
export function plannedFiles(plan: WorldPlan): readonly ListedFile[] {
  const modes = new Map(plan.directories.map(({ path, mode }) => [path, mode]));
  const isOpen = (path: string) => ((modes.get(path.slice(0, path.lastIndexOf('/'))) ?? 0o755) & 0o200) !== 0;
  const linked = new Set(plan.links.map(({ target }) => target));
  const own = plan.files.map(
    (file): ListedFile => ({
      ...{ path: file.path, size: file.size, owner: 'me', ageSeconds: file.ageSeconds },
      isWritable: (file.mode & 0o200) !== 0,
      isDirectoryWritable: isOpen(file.path),
      flag: file.isHeld ? 'held' : linked.has(file.path) ? 'linked' : file.content === null ? 'sparse' : 'plain',
    }),
  );
  const byPath = new Map(own.map((file) => [file.path, file]));
  const second = plan.links.map(({ path, target }) => {
    return { ...byPath.get(target)!, path, isDirectoryWritable: isOpen(path) };
  });
  return largest([...own, ...second, ...systemFiles(plan.system)]);
}

function systemFiles(system: WorldPlan['system']): ListedFile[] {
  return system.map(({ path, size, ageSeconds }) => ({
    ...{ path, size, owner: 'system' as const, flag: 'plain' as const, ageSeconds },
    ...{ isWritable: true, isDirectoryWritable: true },
  }));
}

function largest(files: readonly ListedFile[]): ListedFile[] {
  return files
    .filter(({ size, path }) => size > 0 && path !== places.system)
    .sort((a, b) => b.size - a.size || (a.path < b.path ? -1 : 1));
}
