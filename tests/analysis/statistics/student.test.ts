import { describe, expect, it } from 'vitest';
import { tInterval, tQuantile } from '../../../src/analysis/statistics/student.ts';

describe('tQuantile', () => {
  it.each([
    [1, 12.7062],
    [2, 4.302653],
    [3, 3.182446],
    [4, 2.776445],
    [5, 2.570582],
    [9, 2.262157],
    [10, 2.228139],
    [30, 2.042272],
    [120, 1.97993],
  ])('agrees with the published 0.975 quantile for %i degrees of freedom', (df, published) => {
    expect(tQuantile(0.975, df)).toBeCloseTo(published, 4);
  });

  it('agrees with the published 0.95 and 0.995 quantiles', () => {
    expect(tQuantile(0.95, 4)).toBeCloseTo(2.131847, 5);
    expect(tQuantile(0.995, 7)).toBeCloseTo(3.499483, 5);
    expect(tQuantile(0.5, 6)).toBeCloseTo(0, 12);
  });

  it('refuses what it was not made for', () => {
    expect(() => tQuantile(0.4, 3)).toThrow(RangeError);
    expect(() => tQuantile(1, 3)).toThrow(RangeError);
    expect(() => tQuantile(0.9, 2.5)).toThrow(RangeError);
  });
});

describe('tInterval', () => {
  it('agrees with the calculation by hand', () => {
    // mean 3, s² = 2.5, 2.776445 · √(2.5 / 5) = 1.963243
    const { low, high } = tInterval([1, 2, 3, 4, 5]);
    expect(low).toBeCloseTo(1.036757, 5);
    expect(high).toBeCloseTo(4.963243, 5);
  });

  it("agrees with SciPy 1.17 on Darwin's pairs, to nine digits", () => {
    const darwin = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48];
    const { low, high } = tInterval(darwin);
    expect(low).toBeCloseTo(0.031193318, 9);
    expect(high).toBeCloseTo(41.835473348, 9);
  });

  it('has no width for equal values and refuses a single one', () => {
    expect(tInterval([2, 2, 2, 2])).toEqual({ low: 2, high: 2 });
    expect(() => tInterval([1])).toThrow(RangeError);
  });
});
