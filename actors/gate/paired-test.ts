import { binomialUpperTail, maxSignFlipN, signFlipP, tInterval } from '../../src/analysis/statistics.ts';
import type { Evaluation } from '../../src/core/records.ts';

/** One item, as measured for the candidate and for what it is compared with. */
export interface Pair {
  readonly situation: string;
  readonly candidate: number;
  readonly reference: number;
}

/** The items that both measured, in the candidate's order. */
export function pairsOf(candidate: Evaluation, reference: Evaluation): Pair[] {
  const theirs = new Map(reference.items.map(({ situation, consequence }) => [situation, consequence]));
  return candidate.items.flatMap(({ situation, consequence }): Pair[] => {
    const other = theirs.get(situation);
    if (consequence.status !== 'measured' || other?.status !== 'measured') return [];
    return [{ situation, candidate: consequence.score, reference: other.score }];
  });
}

export interface PairedAnswer {
  /** `null` when no scores of these items could have shown it at this error rate. */
  readonly isHigher: boolean | null;
  /** Test, n and p or interval, in words. */
  readonly reason: string;
}

/**
 * Whether the candidate scores higher on these items, at a one-sided error
 * rate: exact McNemar for items that are right or wrong, an exact sign-flip
 * test for other scores that differ on up to 20 items, and beyond that the
 * lower end of Student's interval of the mean difference.
 * @see McNemar, Note on the sampling error of the difference between correlated proportions (1947).
 */
export function isHigherBeyondNoise(pairs: readonly Pair[], errorRate: number): PairedAnswer {
  const differences = pairs.map((p) => p.candidate - p.reference).filter((d) => d !== 0);
  const isBinary = pairs.every((p) => isBit(p.candidate) && isBit(p.reference));
  const of = `n ${pairs.length}, ${differences.length} differ`;
  if (!isBinary && differences.length > maxSignFlipN) {
    const { low } = tInterval(
      pairs.map((p) => p.candidate - p.reference),
      1 - 2 * errorRate,
    );
    return {
      isHigher: low > 0,
      reason: `gain at least ${low.toPrecision(3)} at error rate ${rate(errorRate)} (${of})`,
    };
  }
  // However the items that are there had come out, p could not have been smaller.
  const floor = 2 ** -(isBinary ? pairs.length : Math.min(pairs.length, maxSignFlipN));
  if (floor > errorRate) {
    return { isHigher: null, reason: `${pairs.length} items cannot show it: p is at least ${rate(floor)} (${of})` };
  }
  const p = isBinary ? mcNemarP(differences) : signFlipUpperP(differences);
  const test = isBinary ? 'McNemar' : 'sign-flip';
  return { isHigher: p <= errorRate, reason: `${test} p ${rate(p)}, error rate ${rate(errorRate)} (${of})` };
}

const isBit = (score: number) => score === 0 || score === 1;
const rate = (p: number) => String(Number(p.toPrecision(3)));

/** One-sided: as many or more of the items that changed had changed for the better by a fair coin. */
function mcNemarP(differences: readonly number[]): number {
  return binomialUpperTail(differences.length, differences.filter((d) => d > 0).length);
}

/** One-sided p of the exact sign-flip test; the two-sided one counts each tail once. */
function signFlipUpperP(differences: readonly number[]): number {
  const sum = differences.reduce((total, d) => total + d, 0);
  return sum > 0 ? signFlipP(differences).p / 2 : 1;
}

/**
 * Share of the error rate for one of several tests, such that all of them
 * together err no more often, however they depend on each other (union bound).
 * @param test - Which test of the lineage this is, from 1; `null` when each generation has an error rate of its own.
 * @param looks - Looks at one candidate, which split its share evenly.
 */
export function spentErrorRate(errorRate: number, test: number | null, looks: number): number {
  // 1/(t(t+1)) over all t is 1, so an endless lineage spends no more either.
  return (test === null ? errorRate : errorRate / (test * (test + 1))) / looks;
}
