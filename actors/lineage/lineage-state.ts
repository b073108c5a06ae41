import type { ArchiveEntry } from '../../src/core/define.ts';
import type { CommitId, GenomeId } from '../../src/core/ids.ts';
import { type Evaluation, type Generation, mayBeBest } from '../../src/core/records.ts';

/** A generation that can be a parent, with what the next generation needs to know of it. */
export interface Ancestor extends ArchiveEntry {
  readonly genome: GenomeId;
  readonly commit: CommitId;
  readonly bytes: number;
  readonly train: Evaluation | null;
  readonly selection: Evaluation | null;
  /** Edits its meta-agent ended well, and edits it did not. */
  readonly editsDone: number;
  readonly editsFailed: number;
}

/** One line of the history an agent is shown: facts only, no selection score. */
export interface HistoryLine {
  readonly generation: number;
  readonly parent: number | null;
  readonly verdict: Generation['verdict'];
  readonly trainScore: number | null;
  readonly problem: string | null;
}

/** Everything a lineage knows; a fold of `advance` over its generations. */
export interface LineageState {
  /** In the order of their numbers. */
  readonly archive: readonly Ancestor[];
  readonly best: number | null;
  readonly sinceImprovement: number;
  readonly history: readonly HistoryLine[];
}

export const emptyState: LineageState = {
  archive: [],
  best: null,
  sinceImprovement: 0,
  history: [],
};

const historyLines = 20;

/** The state after one more generation. Pure, so a resumed lineage folds its journal and is where it was. */
export function advance(state: LineageState, g: Generation): LineageState {
  const archive = g.verdict === 'failed' ? [...state.archive] : [...state.archive, ancestorOf(g)];
  for (const credited of new Set([g.parent, g.metaFrom])) {
    const at = credited === null ? -1 : indexOf(state, credited);
    if (at !== -1) archive[at] = credit(archive[at]!, g);
  }
  const improved = isImprovement(state, g);
  return {
    archive,
    best: improved ? g.generation : state.best,
    sinceImprovement: improved || g.verdict === 'seed' ? 0 : state.sinceImprovement + 1,
    history: [...state.history, historyLine(g)].slice(-historyLines),
  };
}

function credit(ancestor: Ancestor, g: Generation): Ancestor {
  const isParent = ancestor.generation === g.parent;
  const isEditor = ancestor.generation === g.metaFrom;
  const didEdit = g.failure?.stage !== 'meta-agent' && g.failure?.stage !== 'collect';
  return {
    ...ancestor,
    children: ancestor.children + (isParent && g.verdict !== 'failed' ? 1 : 0),
    editsDone: ancestor.editsDone + (isEditor && didEdit ? 1 : 0),
    editsFailed: ancestor.editsFailed + (isEditor && !didEdit ? 1 : 0),
  };
}

function ancestorOf(g: Generation): Ancestor {
  const { generation, genome, commit, bytes, train, selection } = g;
  const isPromoted = g.verdict === 'promoted' || g.verdict === 'seed';
  const score = selection?.status === 'measured' ? selection.score : null;
  const counts = { children: 0, editsDone: 0, editsFailed: 0 };
  return { generation, genome, commit, bytes, train, selection, score, isPromoted, ...counts };
}

function isImprovement(state: LineageState, g: Generation): boolean {
  if (!mayBeBest(g.verdict) || g.selection?.status !== 'measured') return false;
  const best = state.best === null ? null : scoreOf(state, state.best);
  return best === null || g.selection.score > best;
}

function historyLine(g: Generation): HistoryLine {
  return {
    generation: g.generation,
    parent: g.parent,
    verdict: g.verdict,
    trainScore: g.train?.status === 'measured' ? g.train.score : null,
    problem: g.failure?.message ?? (g.train?.status === 'failed' ? g.train.message : null),
  };
}

export function ancestor(state: LineageState, generation: number): Ancestor {
  const found = state.archive[indexOf(state, generation)];
  if (found === undefined) throw new RangeError(`generation ${generation} is not in the archive`);
  return found;
}

/** Where a generation stands in the archive, or -1: a binary search, because the archive only grows. */
function indexOf({ archive }: LineageState, generation: number): number {
  let low = 0;
  let high = archive.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = archive[middle]!.generation;
    if (found === generation) return middle;
    if (found < generation) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

export function scoreOf(state: LineageState, generation: number): number | null {
  return ancestor(state, generation).score;
}

/** After this many failed edits in a row of successes none, a meta-agent is no longer asked. */
const failuresBeforeFallback = 2;

/**
 * Whose meta-agent edits a child of `parent`: the parent's own, unless it has
 * only ever failed; then the latest one that is not known to be broken.
 */
export function metaAgentFor(state: LineageState, parent: number): Ancestor {
  const own = ancestor(state, parent);
  const isBroken = (a: Ancestor) => a.editsDone === 0 && a.editsFailed >= failuresBeforeFallback;
  if (!isBroken(own)) return own;
  return (
    state.archive.findLast((a) => a.editsDone > 0) ?? state.archive.findLast((a) => !isBroken(a)) ?? state.archive[0]!
  );
}
