import type { ArchiveEntry, SelectParent } from '../../src/core/define.ts';
import type { RandomStream } from '../../src/core/random.ts';

/** What a policy may draw. Of a Python stream `next` is `random()` and `int` is `_randbelow`. */
export type Draws = Pick<RandomStream, 'next' | 'int'>;

type Policy = (archive: readonly ArchiveEntry[], draws: Draws) => number;

/** Highest measured score, the oldest of equals; the oldest entry when none was measured. */
const best: Policy = (archive) =>
  archive.reduce((a: ArchiveEntry, b) =>
    (b.score ?? Number.NEGATIVE_INFINITY) > (a.score ?? Number.NEGATIVE_INFINITY) ? b : a,
  ).generation;

/** As `best`, but of equal scores the one with the fewest bytes, against code that only grows. */
const bestSmallest: Policy = (archive) => {
  const of = ({ score }: ArchiveEntry) => score ?? Number.NEGATIVE_INFINITY;
  return archive.reduce((a, b) => (of(b) > of(a) || (of(b) === of(a) && b.bytes < a.bytes) ? b : a)).generation;
};

/** The newest valid generation, whatever it scored. */
const latest: Policy = (archive) => archive.at(-1)!.generation;

/** Every valid generation equally likely. */
const random: Policy = (archive, draws) => archive[draws.int(archive.length)]!.generation;

/** Always generation 0: independent samples from the initial harness. */
const root: Policy = (archive) => archive[0]!.generation;

/**
 * In proportion to sigmoid(10·(s − mean of the top 3)) · exp(−(children/8)³):
 * good scores first, fewer the more children they have. Only what was measured
 * can be drawn, unless nothing was.
 * @see Hyperagents (DGM-H), parent selection, as in the published replication.
 */
const scoreChildProp: Policy = (archive, draws) => {
  const scored = archive.filter((entry) => entry.score !== null);
  if (scored.length === 0) return random(archive, draws);
  const weights = scoreChildWeights(scored);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  // Seventy children are enough for a weight that is 0 as a double.
  if (sum === 0) return random(scored, draws);
  const rest = draws.next() * sum;
  let cumulative = 0;
  const at = weights.findIndex((weight) => (cumulative += weight) > rest);
  return scored[at === -1 ? scored.length - 1 : at]!.generation;
};

/** The weights of {@link scoreChildProp}, none normalised. Every entry has a score. */
export function scoreChildWeights(scored: readonly ArchiveEntry[]): number[] {
  const scores = scored.map(effectiveScore);
  const top = [...scores].sort((a, b) => b - a).slice(0, 3);
  const middle = top.reduce((sum, s) => sum + s, 0) / top.length;
  return scored.map(({ children }, i) => sigmoid(10 * (scores[i]! - middle)) * Math.exp(-((children / 8) ** 3)));
}

/** A score without full evaluation counts a tenth of itself. */
const effectiveScore = ({ score, isFull }: ArchiveEntry) => (isFull ? 1 : 0.1) * score!;

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Pure functions of archive and randomness; the archive is never empty. */
export const selectionPolicies = {
  best,
  'best-smallest': bestSmallest,
  latest,
  random,
  root,
  'score-child-prop': scoreChildProp,
} as const satisfies Record<string, Policy>;

/**
 * Whose children may be made. `without-failed-child` is the published rule: a
 * child that failed disqualifies its parent. When it leaves nobody, everybody may.
 */
export function eligible(
  archive: readonly ArchiveEntry[],
  parents: 'valid' | 'without-failed-child',
): readonly ArchiveEntry[] {
  if (parents === 'valid') return archive;
  const unspoiled = archive.filter((entry) => entry.failedChildren === 0);
  return unspoiled.length === 0 ? archive : unspoiled;
}

/** Chance of a tournament: `probability` at first, times `decay` after each one held. */
export interface Annealing {
  readonly probability: number;
  readonly decay: number;
}

/**
 * Whether a blind child, of the same parent but by generation 0's meta-agent,
 * competes with the directed one this time. Always one draw, so that what is
 * drawn later does not depend on the probability.
 */
export function drawsTournament({ probability, decay }: Annealing, held: number, draws: Draws): boolean {
  return draws.next() < probability * decay ** held;
}

/** The blind child wins only if it is strictly better; one that was not measured beats nobody. */
export function tournamentWinner(directed: number | null, blind: number | null): 'directed' | 'blind' {
  return blind !== null && (directed === null || blind > directed) ? 'blind' : 'directed';
}

/** A policy by name, or one that was plugged in; among eligible parents only. */
export function parentSelection(
  policy: keyof typeof selectionPolicies | SelectParent,
  parents: 'valid' | 'without-failed-child',
): Policy {
  const select: Policy =
    typeof policy === 'string' ? selectionPolicies[policy] : (archive, draws) => policy(archive, draws.next);
  return (archive, draws) => select(eligible(archive, parents), draws);
}
