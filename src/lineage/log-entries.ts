import type { CommitId } from '../core/ids.ts';
import type { LogEntry } from './lineage.ts';

/** The full names of the refs at each commit, in code-unit order. */
export function namesByCommit(refsThere: Iterable<readonly [ref: string, commit: CommitId]>): Map<CommitId, string[]> {
  const names = new Map<CommitId, string[]>();
  for (const [ref, commit] of [...refsThere].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const at = names.get(commit);
    if (at === undefined) names.set(commit, [ref]);
    else at.push(ref);
  }
  return names;
}

type Position = Pick<LogEntry, 'lineage' | 'generation'>;

export function byLineageThenGeneration(a: Position, b: Position): number {
  return a.lineage < b.lineage ? -1 : a.lineage > b.lineage ? 1 : a.generation - b.generation;
}
