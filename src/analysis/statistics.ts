/**
 * Statistics for few seeds. A bootstrap of the mean over five seeds covers
 * about 84 %, so there is none here: exact sign-flip tests and t-intervals.
 */

/** Above this the exact enumeration (2^n sign patterns) is not attempted. */
export const maxSignFlipN = 20;

export interface SignFlipTest {
  /** Two-sided exact p. */
  readonly p: number;
  /** The smallest p that differences of these magnitudes could have given: 2^(1 − n), n without the zeros. */
  readonly floor: number;
}

/**
 * Exact two-sided sign-flip (paired permutation) test of "the differences are
 * symmetric about 0", statistic |sum|. All 2^n sign patterns are enumerated;
 * sums within 1e-9 of the total magnitude count as ties, against the claim.
 * @throws {RangeError} for no differences, more than {@link maxSignFlipN}, or one that is not finite.
 */
export function signFlipP(differences: readonly number[]): SignFlipTest {
  const n = differences.length;
  if (n < 1 || n > maxSignFlipN)
    throw new RangeError(`a sign-flip test takes 1 to ${maxSignFlipN} differences, not ${n}`);
  if (!differences.every(Number.isFinite)) throw new RangeError('a sign-flip test takes finite differences only');
  const total = differences.reduce((sum, d) => sum + Math.abs(d), 0);
  const bar = Math.abs(differences.reduce((sum, d) => sum + d, 0)) - 1e-9 * total;
  const atLeast = (i: number, sum: number): number =>
    i === n
      ? Number(Math.abs(sum) >= bar)
      : atLeast(i + 1, sum + differences[i]!) + atLeast(i + 1, sum - differences[i]!);
  // Flipping every sign keeps |sum|, so half of the patterns stand for all.
  const p = atLeast(1, differences[0]!) / 2 ** (n - 1);
  const nonZero = differences.filter((d) => d !== 0).length;
  return { p, floor: nonZero === 0 ? 1 : 2 ** (1 - nonZero) };
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Student's t-interval of the mean.
 * @param level - Coverage, in (0, 1).
 * @throws {RangeError} for fewer than two values.
 */
export function tInterval(values: readonly number[], level = 0.95): Interval {
  const n = values.length;
  if (n < 2) throw new RangeError(`a t-interval takes at least 2 values, not ${n}`);
  const center = mean(values);
  const variance = values.reduce((sum, v) => sum + (v - center) ** 2, 0) / (n - 1);
  const half = tQuantile((1 + level) / 2, n - 1) * Math.sqrt(variance / n);
  return { low: center - half, high: center + half };
}

/**
 * Quantile of Student's t with `df` degrees of freedom (a positive integer),
 * for `p` in [0.5, 1): bisection of the closed-form distribution function.
 * @throws {RangeError} outside of that domain.
 */
export function tQuantile(p: number, df: number): number {
  if (!(p >= 0.5 && p < 1)) throw new RangeError(`p must be in [0.5, 1), not ${p}`);
  if (!Number.isInteger(df) || df < 1) throw new RangeError(`df must be a positive integer, not ${df}`);
  // In the angle θ = atan(t / √df) the search interval is bounded.
  let low = 0;
  let high = Math.PI / 2;
  for (let i = 0; i < 100; i += 1) {
    const middle = (low + high) / 2;
    if (centralT(middle, df) < 2 * p - 1) low = middle;
    else high = middle;
  }
  return Math.tan((low + high) / 2) * Math.sqrt(df);
}

/** P(|T| < √df · tan θ), by the finite series for integer df (Abramowitz and Stegun 26.7.3 and 26.7.4). */
function centralT(theta: number, df: number): number {
  const cos = Math.cos(theta);
  const isOdd = df % 2 === 1;
  let term = isOdd ? cos : 1;
  let series = df === 1 ? 0 : term;
  for (let k = isOdd ? 3 : 2; k < df; k += 2) {
    term *= (cos * cos * (k - 1)) / k;
    series += term;
  }
  return isOdd ? (2 / Math.PI) * (theta + Math.sin(theta) * series) : Math.sin(theta) * series;
}

/** Holm's step-down correction over one family of p values, in the order given. */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, i) => i).sort((a, b) => ps[a]! - ps[b]!);
  const corrected: number[] = new Array(ps.length);
  let largest = 0;
  order.forEach((index, rank) => {
    largest = Math.max(largest, Math.min(1, ps[index]! * (ps.length - rank)));
    corrected[index] = largest;
  });
  return corrected;
}

/** @throws {RangeError} for no values. */
export function mean(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('no values have no mean');
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

/** The middle value, or the mean of the two middle ones. @throws {RangeError} for no values. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('no values have no median');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
