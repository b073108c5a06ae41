import { normalQuantile } from './normal.ts';
import type { Interval } from './summary.ts';

/**
 * Wilson's score interval of a proportion.
 * @param k - Successes of `n`.
 * @throws {RangeError} unless 0 ≤ k ≤ n, whole, n ≥ 1.
 * @see Wilson, Probable inference, the law of succession, and statistical inference (1927).
 */
export function wilsonInterval(k: number, n: number, level = 0.95): Interval {
  if (!Number.isInteger(n) || n < 1 || !Number.isInteger(k) || k < 0 || k > n)
    throw new RangeError(`a proportion takes 0 to n successes of n ≥ 1, not ${k} of ${n}`);
  const z = normalQuantile((1 + level) / 2);
  const center = (k + z ** 2 / 2) / (n + z ** 2);
  const half = (z / (n + z ** 2)) * Math.sqrt((k * (n - k)) / n + z ** 2 / 4);
  return { low: k === 0 ? 0 : center - half, high: k === n ? 1 : center + half };
}

/** How often two agents were right on the same items: both, only the first, only the second, neither. */
export interface PairedCounts {
  readonly both: number;
  readonly first: number;
  readonly second: number;
  readonly neither: number;
}

/**
 * Newcombe's interval of the difference of two proportions on the same items
 * (his method 10): Wilson's intervals of both, squared and added, less what
 * the correlation takes away.
 * @see Newcombe, Improved confidence intervals for the difference between binomial proportions based on paired data (1998).
 */
export function newcombeInterval(counts: PairedCounts, level = 0.95): Interval {
  const { both, first, second, neither } = counts;
  const n = both + first + second + neither;
  const [a, b] = [both + first, both + second];
  const [p, q] = [a / n, b / n];
  const [own, other] = [wilsonInterval(a, n, level), wilsonInterval(b, n, level)];
  const phi = correlation(counts);
  const half = (x: number, y: number) => Math.sqrt(Math.max(0, x ** 2 - 2 * phi * x * y + y ** 2));
  return {
    low: p - q - half(p - own.low, other.high - q),
    high: p - q + half(q - other.low, own.high - p),
  };
}

/** φ with Newcombe's continuity correction of its numerator; 0 where a margin is empty. */
function correlation({ both, first, second, neither }: PairedCounts): number {
  const margins = (both + first) * (second + neither) * (both + second) * (first + neither);
  if (margins === 0) return 0;
  const product = both * neither - first * second;
  const corrected = product > 0 ? Math.max(0, product - (both + first + second + neither) / 2) : product;
  return corrected / Math.sqrt(margins);
}

/**
 * Exact two-sided McNemar test: whether the items that only one of them got
 * right fall to either side like a fair coin.
 * @see McNemar, Note on the sampling error of the difference between correlated proportions (1947).
 */
export function mcNemarP({ first, second }: Pick<PairedCounts, 'first' | 'second'>): number {
  return Math.min(1, 2 * binomialUpperTail(first + second, Math.max(first, second)));
}

/** P(X ≥ k) for n tosses of a fair coin. */
export function binomialUpperTail(n: number, k: number): number {
  let logTerm = -n * Math.LN2;
  let tail = 0;
  for (let i = 0; i <= n; i += 1) {
    if (i >= k) tail += Math.exp(logTerm);
    logTerm += Math.log(n - i) - Math.log(i + 1);
  }
  return Math.min(1, tail);
}
