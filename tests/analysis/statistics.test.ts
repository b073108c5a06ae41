import { describe, expect, it } from 'vitest';
import { holm, median, signFlipP, tInterval, tQuantile } from '../../src/analysis/statistics.ts';

describe('signFlipP', () => {
  it('agrees with the count by hand for three differences', () => {
    // |sum| of the patterns of 1, 2, -4: 1 (the data), 3, 5, 7, each twice: all 8 reach 1.
    expect(signFlipP([1, 2, -4])).toEqual({ p: 1, floor: 0.25 });
    // 1, 2, 4: only the data and its mirror reach 7.
    expect(signFlipP([1, 2, 4])).toEqual({ p: 0.25, floor: 0.25 });
    // -1, 2, 4: sums of magnitude 5 or more are 7 and 5, each twice.
    expect(signFlipP([-1, 2, 4])).toEqual({ p: 0.5, floor: 0.25 });
  });

  it("agrees with Fisher's published test of Darwin's 15 pairs of Zea mays (p = 1726 / 32768)", () => {
    const darwin = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48];
    expect(signFlipP(darwin).p).toBe(1726 / 32768);
  });

  it.each([
    [4, 0.125],
    [5, 0.0625],
    [6, 0.03125],
  ])('cannot go below %i seeds’ floor %f', (n, floor) => {
    const same = Array.from({ length: n }, () => 0.1);
    expect(signFlipP(same)).toEqual({ p: floor, floor });
  });

  it('counts ties that floating point hides', () => {
    // In tenths some sums of magnitude 1 come out a little smaller than others; p must be that of whole numbers.
    expect(signFlipP([0.1, 0.1, -0.3, 0.2]).p).toBe(1);
    expect(signFlipP([1, 1, -3, 2]).p).toBe(1);
    expect(signFlipP([0.1, 0.2, -0.3])).toEqual(signFlipP([1, 2, -3]));
    expect(signFlipP([0.1, 0.2, 0.3]).p).toBe(signFlipP([1, 2, 3]).p);
  });

  it('knows that zeros carry no information', () => {
    expect(signFlipP([0, 0, 0, 0])).toEqual({ p: 1, floor: 1 });
    expect(signFlipP([0, 0, 1, 1, 1, 1])).toEqual({ p: 0.125, floor: 0.125 });
  });

  it('enumerates 2^20 patterns and refuses more', () => {
    expect(signFlipP(Array.from({ length: 20 }, () => 1)).p).toBe(2 ** -19);
    expect(() => signFlipP(Array.from({ length: 21 }, () => 1))).toThrow(RangeError);
    expect(() => signFlipP([])).toThrow(RangeError);
    expect(() => signFlipP([1, Number.NaN])).toThrow(RangeError);
  });
});

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

describe('holm', () => {
  it('steps down, stays monotone and keeps the order given', () => {
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(holm([0.5, 0.9])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });
});

describe('median', () => {
  it('is the middle, or the mean of the two middles', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(() => median([])).toThrow(RangeError);
  });
});
