import { type SignFlipTest, signFlipP } from './sign-flip.ts';
import type { Wait } from './survival.ts';

export interface WaitPair {
  readonly first: Wait;
  readonly second: Wait;
}

/**
 * Exact two-sided test of "within a pair it makes no difference which is
 * which", for waits that may be censored: every wait gets its Gehan score in
 * the pooled sample (how many certainly took longer, less how many certainly
 * took shorter), and the differences within pairs are tested by sign flips.
 * Swapping a pair changes no score, so the test is exact whenever the two of a
 * pair were watched for equally long by the same rule (equal budgets).
 * @throws {RangeError} for no pair, or more than are enumerated.
 * @see Gehan, A generalized Wilcoxon test for comparing arbitrarily singly-censored samples (1965);
 *   O'Brien and Fleming, A paired Prentice-Wilcoxon test for censored paired data (1987), with these scores in place of theirs.
 */
export function censoredPairsTest(pairs: readonly WaitPair[]): SignFlipTest {
  return signFlipP(gehanDifferences(pairs));
}

/** Score of the first less score of the second; above 0 the first was sooner. */
export function gehanDifferences(pairs: readonly WaitPair[]): number[] {
  const pool = pairs.flatMap(({ first, second }) => [first, second]);
  const score = (wait: Wait) =>
    pool.reduce((sum, other) => sum + Number(isSooner(wait, other)) - Number(isSooner(other, wait)), 0);
  return pairs.map(({ first, second }) => score(first) - score(second));
}

/** Certainly sooner: it came, and the other came later or had not come by then. */
function isSooner(a: Wait, b: Wait): boolean {
  return a.isReached && (a.time < b.time || (a.time === b.time && !b.isReached));
}
