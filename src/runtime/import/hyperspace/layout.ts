import { basename, dirname } from 'node:path';
import type { SourceTree } from '../source-tree.ts';

/** One run in a results tree. */
export interface FoundRun {
  /** `<A>_vs_<B>`, or `<experiment>/<arm>` of the replication. */
  readonly pairing: string;
  /** What the publication summarizes together: the pairing, or the whole replication. */
  readonly family: string;
  readonly kind: 'transfer' | 'replication';
  /** Where the path says it. */
  readonly seed: number | null;
  /** Relative to the root; of a replication run, the lineage's own directory. */
  readonly path: string;
  readonly agents: readonly FoundAgent[];
}

export interface FoundAgent {
  /** The directory's name; a replication run's lineage has none of its own. */
  readonly name: string;
  readonly path: string;
  /** Numbers of its generations, ascending. */
  readonly generations: readonly number[];
}

const maxDepth = 8;
const generationName = /^gen_(0|[1-9]\d{0,6})$/;
const seedName = /^seed(\d{1,10})$/;

/**
 * Finds every run below the root, whichever level of the tree the root is:
 * `<A>_vs_<B>/seed<N>/<agent>/gen_<k>` and `<experiment>/arm_<x>/seed<N>/gen_<k>`.
 * A directory with `gen_<k>` in it is an agent.
 */
export function findRunsIn(tree: SourceTree): FoundRun[] {
  const runs = new Map<string, FoundAgent[]>();
  const walk = (path: string, depth: number) => {
    const names = tree.directories(path);
    const generations = names.flatMap((name) => generationName.exec(name)?.[1] ?? []).map(Number);
    if (generations.length > 0) {
      const agent = { name: nameAt(tree, path), path, generations: generations.sort((a, b) => a - b) };
      const key = seedName.test(agent.name) ? path : parentOf(path);
      runs.set(key, [...(runs.get(key) ?? []), agent]);
      return;
    }
    if (depth > maxDepth) return tree.missing.add(path, 'lies too deep to be looked at');
    for (const name of names) if (!name.startsWith('.')) walk(path === '' ? name : `${path}/${name}`, depth + 1);
  };
  walk('', 0);
  return [...runs].map(([path, agents]) => describe(tree, path, agents));
}

const parentOf = (path: string) => (path === '' ? '..' : dirname(path) === '.' ? '' : dirname(path));

/** The name of a directory; that of the root is its real one. */
function nameAt(tree: SourceTree, path: string): string {
  if (path === '..') return basename(dirname(tree.root));
  return path === '' ? basename(tree.root) : basename(path);
}

/** The directory above, which may lie above the root: only its name is looked at. */
function nameAbove(tree: SourceTree, path: string): string {
  if (path === '..') return basename(dirname(dirname(tree.root)));
  return path === '' ? basename(dirname(tree.root)) : nameAt(tree, parentOf(path));
}

function describe(tree: SourceTree, path: string, agents: readonly FoundAgent[]): FoundRun {
  const seed = seedName.exec(nameAt(tree, path))?.[1];
  const above = seed === undefined ? nameAt(tree, path) : nameAbove(tree, path);
  const isReplication = agents.length === 1 && agents[0]!.path === path;
  const isArm = isReplication && above.startsWith('arm_');
  const experiment = isArm ? experimentAbove(tree, path) : null;
  return {
    pairing: experiment === null ? above : `${experiment}/${above}`,
    family: experiment ?? (isArm ? 'replication' : above),
    kind: isReplication ? 'replication' : 'transfer',
    seed: seed === undefined ? null : Number(seed),
    path,
    agents,
  };
}

/** The directory that holds the arms, when it lies below the root: a run is called the same wherever its tree lies. */
function experimentAbove(tree: SourceTree, path: string): string | null {
  const experiment = path === '' ? '' : dirname(dirname(path));
  return experiment === '' || experiment === '.' ? null : nameAt(tree, experiment);
}
