import { type Interval, mean, standardDeviation } from './summary.ts';

/**
 * Student's t-interval of the mean.
 * @param level - Coverage, in (0, 1).
 * @throws {RangeError} for fewer than two values.
 */
export function tInterval(values: readonly number[], level = 0.95): Interval {
  const n = values.length;
  if (n < 2) throw new RangeError(`a t-interval takes at least 2 values, not ${n}`);
  const center = mean(values);
  const half = (tQuantile((1 + level) / 2, n - 1) * standardDeviation(values)) / Math.sqrt(n);
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
