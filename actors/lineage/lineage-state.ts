import type { ArchiveEntry } from '../../src/core/define.ts';
import type { AdapterId, CommitId, GenomeId } from '../../src/core/ids.ts';
import type { Json } from '../../src/core/json.ts';
import { type Evaluation, type Generation, mayBeBest, type ServedWeights } from '../../src/core/records.ts';

/** A generation that can be a parent, with what the next generation needs to know of it. */
export interface Ancestor extends ArchiveEntry {
  readonly genome: GenomeId;
  readonly commit: CommitId;
  readonly train: Evaluation | null;
  readonly selection: Evaluation | null;
  readonly files: number;
  /** What its task agents answered with; `null` for the model as it came. */
  readonly weights: ServedWeights | null;
  /** Made by a fallback, so that it may have its parent's broken meta-agent still. */
  readonly isSuspect: boolean;
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
  /** Tournaments held so far. */
  readonly tournaments: number;
  /** Where a sequential random stream stands. */
  readonly drawn: number;
  /** What the gate wants to know again; `null` at first. */
  readonly gateMemory: Json;
  /** What is in service in place of the adapter `of`, since weights that followed it were not promoted. */
  readonly rolledBack: { readonly of: AdapterId; readonly weights: ServedWeights } | null;
}

export const emptyState: LineageState = {
  archive: [],
  best: null,
  sinceImprovement: 0,
  history: [],
  tournaments: 0,
  drawn: 0,
  gateMemory: null,
  rolledBack: null,
};

const historyLines = 20;

/** The state after one more generation. Pure, so a resumed lineage folds its journal and is where it was. */
export function advance(state: LineageState, g: Generation): LineageState {
  return advanceInPlace({ ...state, archive: [...state.archive] }, g);
}

/** `advance` for who alone holds `state`, which is of no use afterwards: its archive is not copied, it grows. */
export function advanceInPlace(state: LineageState, g: Generation): LineageState {
  const archive = state.archive as Ancestor[];
  const parent = g.parent === null ? null : (archive[indexOf(state, g.parent)] ?? null);
  const isSuspect = parent !== null && g.metaFrom !== g.parent && isBrokenEditor(parent);
  const improved = isImprovement(state, g);
  for (const credited of new Set([g.parent, g.metaFrom])) {
    const at = credited === null ? -1 : indexOf(state, credited);
    if (at !== -1) archive[at] = credit(archive[at]!, g);
  }
  if (g.verdict !== 'failed') archive.push(ancestorOf(g, isSuspect));
  return {
    archive,
    best: improved ? g.generation : state.best,
    sinceImprovement: improved || g.verdict === 'seed' ? 0 : state.sinceImprovement + 1,
    history: [...state.history, historyLine(g)].slice(-historyLines),
    tournaments: state.tournaments + (g.tournament === undefined ? 0 : 1),
    drawn: g.drawn ?? state.drawn,
    gateMemory: g.gateMemory ?? state.gateMemory,
    rolledBack: rolledBackAfter(state, g),
  };
}

/** The weights that a lineage answers with between two generations; `null` for the model as it came. */
export function inService({ archive, rolledBack }: Pick<LineageState, 'archive' | 'rolledBack'>): ServedWeights | null {
  return rolledBack?.weights ?? archive.findLast(({ isPromoted }) => isPromoted)?.weights ?? null;
}

/** The weights that a child of this parent begins with. */
export function weightsFor(
  { rolledBack }: Pick<LineageState, 'rolledBack'>,
  { weights }: Ancestor,
): ServedWeights | null {
  return rolledBack !== null && weights?.adapter.id === rolledBack.of ? rolledBack.weights : weights;
}

function rolledBackAfter(state: LineageState, g: Generation): LineageState['rolledBack'] {
  if (g.verdict === 'promoted') return null;
  // Whoever began by going back to the best has put the best's own weights into service.
  const restored = g.rollback?.weights === 'restored' ? ancestor(state, g.parent!).weights : null;
  const weights = g.rolledBack ?? restored;
  if (weights === null) return state.rolledBack;
  return { of: restored?.adapter.id ?? state.rolledBack?.of ?? inService(state)!.adapter.id, weights };
}

function credit(ancestor: Ancestor, g: Generation): Ancestor {
  const isParent = ancestor.generation === g.parent;
  const isEditor = ancestor.generation === g.metaFrom;
  const didEdit = g.failure?.stage !== 'meta-agent' && g.failure?.stage !== 'collect';
  return {
    ...ancestor,
    children: ancestor.children + (isParent && g.verdict !== 'failed' ? 1 : 0),
    // A training without survivors says nothing about its parent's code.
    failedChildren:
      ancestor.failedChildren + (isParent && g.verdict === 'failed' && g.failure?.stage !== 'training' ? 1 : 0),
    editsDone: ancestor.editsDone + (isEditor && didEdit ? 1 : 0),
    editsFailed: ancestor.editsFailed + (isEditor && !didEdit ? 1 : 0),
  };
}

function ancestorOf(g: Generation, isSuspect: boolean): Ancestor {
  const { generation, genome, commit, bytes, files, train, selection } = g;
  const isPromoted = g.verdict === 'promoted' || g.verdict === 'seed';
  const score = selection?.status === 'measured' ? selection.score : null;
  const counts = { children: 0, failedChildren: 0, editsDone: 0, editsFailed: 0 };
  const isFull = g.isPartial !== true;
  const weights = g.adapter === undefined ? null : { adapter: g.adapter, model: g.taskModel! };
  const known = { generation, genome, commit, bytes, files, train, selection, weights };
  return { ...known, score, isFull, isPromoted, isSuspect, ...counts };
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

/** After this many failed edits in a row of successes none, a meta-agent is no longer asked; a suspect after one. */
const failuresBeforeFallback = 2;

function isBrokenEditor({ editsDone, editsFailed, isSuspect }: Ancestor): boolean {
  return editsDone === 0 && editsFailed >= (isSuspect ? 1 : failuresBeforeFallback);
}

/**
 * Whose meta-agent edits a child of `parent`: the parent's own, unless it has
 * only ever failed; then the latest one that is not known to be broken. A
 * frozen one is generation 0's, whatever became of it.
 */
export function metaAgentFor(state: LineageState, parent: number, from: 'parent' | 'generation-0'): Ancestor {
  if (from === 'generation-0') return state.archive[0]!;
  const own = ancestor(state, parent);
  if (!isBrokenEditor(own)) return own;
  return (
    state.archive.findLast((a) => a.editsDone > 0) ??
    state.archive.findLast((a) => !isBrokenEditor(a)) ??
    state.archive[0]!
  );
}
