export interface Interval {
  readonly low: number;
  readonly high: number;
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

/** Sample standard deviation, n − 1 below. @throws {RangeError} for fewer than two values. */
export function standardDeviation(values: readonly number[]): number {
  if (values.length < 2) throw new RangeError('a standard deviation takes at least 2 values');
  const center = mean(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - center) ** 2, 0) / (values.length - 1));
}

/** Lowest and highest. @throws {RangeError} for no values. */
export function range(values: readonly number[]): Interval {
  if (values.length === 0) throw new RangeError('no values have no range');
  return { low: Math.min(...values), high: Math.max(...values) };
}
