import type { ArchiveEntry } from '../../src/core/define.ts';
import type { CommitId, GenomeId } from '../../src/core/ids.ts';
import type { Evaluation, Generation } from '../../src/core/records.ts';

/** A generation that can be a parent, with what the next generation needs to know of it. */
export interface Ancestor {
  readonly generation: number;
  readonly genome: GenomeId;
  readonly commit: CommitId;
  readonly bytes: number;
  readonly train: Evaluation | null;
  readonly selection: Evaluation | null;
  readonly isPromoted: boolean;
  readonly children: number;
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
  readonly archive: readonly Ancestor[];
  readonly best: number | null;
  readonly publishedScore: number | null;
  readonly sinceImprovement: number;
  readonly history: readonly HistoryLine[];
}

export const emptyState: LineageState = {
  archive: [],
  best: null,
  publishedScore: null,
  sinceImprovement: 0,
  history: [],
};

const historyLines = 20;

/** The state after one more generation. Pure, so a resumed lineage folds its journal and is where it was. */
export function advance(state: LineageState, g: Generation): LineageState {
  const isParent = g.verdict !== 'failed';
  const credited = state.archive.map((a) => credit(a, g));
  const archive = isParent ? [...credited, ancestorOf(g)] : credited;
  const improved = isImprovement(state, g);
  return {
    archive,
    best: improved ? g.generation : state.best,
    publishedScore: g.published && g.selection?.status === 'measured' ? g.selection.score : state.publishedScore,
    sinceImprovement: improved || g.verdict === 'seed' ? 0 : state.sinceImprovement + 1,
    history: [...state.history, historyLine(g)].slice(-historyLines),
  };
}

function credit(ancestor: Ancestor, g: Generation): Ancestor {
  const isParent = ancestor.generation === g.parent;
  const isEditor = ancestor.generation === g.metaFrom;
  if (!isParent && !isEditor) return ancestor;
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
  return { generation, genome, commit, bytes, train, selection, isPromoted, children: 0, editsDone: 0, editsFailed: 0 };
}

function isImprovement(state: LineageState, g: Generation): boolean {
  if (g.verdict === 'failed' || g.selection?.status !== 'measured') return false;
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
  const found = state.archive.find((a) => a.generation === generation);
  if (found === undefined) throw new RangeError(`generation ${generation} is not in the archive`);
  return found;
}

export function scoreOf(state: LineageState, generation: number): number | null {
  const { selection } = ancestor(state, generation);
  return selection?.status === 'measured' ? selection.score : null;
}

/** What a selection policy may look at. */
export function archiveEntries(state: LineageState): readonly ArchiveEntry[] {
  return state.archive.map((a) => ({
    generation: a.generation,
    score: a.selection?.status === 'measured' ? a.selection.score : null,
    children: a.children,
    isPromoted: a.isPromoted,
  }));
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
