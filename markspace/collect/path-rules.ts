import { adapterFolder } from '../../src/core/adapter.ts';
import { parseTreePath } from '../../src/core/file-tree.ts';
import { quoted } from '../denials.ts';
import type { Refusal, Rule } from './rule.ts';

/** Directories that are mounted over the genome; a genome that has its own could pass for a peer's. */
export const mountTargets = ['strategies', 'evals', 'marks'] as const;

/** Every path leads to a place of its own inside the tree, on every file system. */
export const pathRule: Rule = ({ child }) => checkPaths(child.keys());

/** @returns the first path with a forbidden spelling, or that another path would replace or shadow. */
export function checkPaths(paths: Iterable<string>): Refusal | null {
  const files = new Map<string, string>();
  const directories = new Map<string, string>();
  for (const path of paths) {
    const problem = spellingProblem(path);
    if (problem !== null) return { rule: 'path', message: problem };
    const file = fold(path);
    const parents = ancestors(path);
    const clash =
      files.get(file) ?? directories.get(file) ?? parents.map((p) => files.get(fold(p))).find((p) => p !== undefined);
    if (clash !== undefined) return collision(path, clash);
    files.set(file, path);
    for (const parent of parents) {
      const known = directories.get(fold(parent)) ?? parent;
      if (known !== parent) return collision(path, known);
      directories.set(fold(parent), parent);
    }
  }
  return null;
}

function spellingProblem(path: unknown): string | null {
  if (typeof path !== 'string') return `a path is ${quoted(path)}, not text`;
  try {
    parseTreePath(path);
  } catch {
    return `the path ${quoted(path)} is not allowed: use short, plain, relative paths in Unicode normal form C`;
  }
  return null;
}

function collision(path: string, other: string): Refusal {
  return { rule: 'path-collision', message: `${quoted(path)} and ${quoted(other)} would be one place on some disks` };
}

/** As a case-insensitive, compatibility-normalising file system compares names. */
function fold(path: string): string {
  return path.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase();
}

function ancestors(path: string): string[] {
  const segments = path.split('/');
  return segments.slice(1).map((_, i) => segments.slice(0, i + 1).join('/'));
}

export const reservedPathRule: Rule = ({ child }) => {
  for (const path of child.keys()) {
    const top = fold(path.split('/')[0]!);
    if (mountTargets.some((target) => target === top)) {
      return { rule: 'reserved-path', message: `${quoted(path)} is below a mount: keep files outside ${top}/` };
    }
    if (top === adapterFolder) {
      return {
        rule: 'reserved-path',
        message: `${quoted(path)} is where weights are kept: keep files outside ${top}/`,
      };
    }
  }
  return null;
};
