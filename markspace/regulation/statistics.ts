/**
 * Counts on a logarithmic scale: work comes in bursts, and their sizes differ by factors. The offset keeps small
 * counts from looking far apart.
 */
export const countScale = (count: number) => Math.log(count + 4);
export const countOf = (value: number) => Math.max(0, Math.exp(value) - 4);
/** What Poisson noise around this count amounts to on that scale; below one a window it is no less than at one. */
export const countNoise = (count: number) => Math.sqrt(Math.max(1, count)) / (count + 4);

/**
 * A share on a scale where binomial noise has standard deviation {@link shareNoise}.
 * @see Anscombe, The transformation of Poisson, binomial and negative-binomial data (1948).
 */
export const shareScale = (hits: number, of: number) => 2 * Math.asin(Math.sqrt((hits + 3 / 8) / (of + 3 / 4)));
export const shareNoise = (of: number) => 1 / Math.sqrt(of + 1 / 2);

/**
 * How many estimated standard deviations are as rare as `sigmas` known ones,
 * when the estimate has `freedom` degrees of freedom.
 * @see Wallace, Bounds on normal approximations to Student's and the chi-square distributions (1959), inverted.
 */
export function studentSigmas(sigmas: number, freedom: number): number {
  const w = (sigmas * (8 * freedom + 3)) / (8 * freedom + 1);
  return Math.sqrt(freedom * Math.expm1(w ** 2 / freedom));
}

export interface Moments {
  readonly n: number;
  readonly mean: number;
  readonly variance: number;
}

/**
 * One more value, by Welford's update. Past `memory` values the weight stays
 * 1/memory, so that the moments follow a slow change and forget the far past.
 */
export function withValue({ n, mean, variance }: Moments, value: number, memory: number): Moments {
  const count = Math.min(n + 1, memory);
  const delta = value - mean;
  const next = mean + delta / count;
  const isFirst = count === 1;
  const spread = isFirst ? 0 : ((count - 2) * variance + delta * (value - next)) / (count - 1);
  return { n: count, mean: next, variance: spread };
}

/** Moments of the values that are no outliers among themselves, by median and MAD; the spread is at least the noise. */
export function robustMoments(values: readonly number[], noiseOf: (mean: number) => number, sigmas: number): Moments {
  const { mean: center, variance } = medianMoments(values);
  const reach = sigmas * Math.max(Math.sqrt(variance), noiseOf(center));
  const kept = values.filter((value) => Math.abs(value - center) <= reach);
  const none: Moments = { n: 0, mean: 0, variance: 0 };
  const moments = kept.reduce((so, value) => withValue(so, value, Number.POSITIVE_INFINITY), none);
  return { ...moments, n: values.length };
}

/** The median, and the squared standard deviation that a normal sample with this median absolute deviation has. */
export function medianMoments(values: readonly number[]): Moments {
  const center = median(values);
  const deviation = 1.4826 * median(values.map((value) => Math.abs(value - center)));
  return { n: values.length, mean: center, variance: deviation ** 2 };
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
