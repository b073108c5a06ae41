import { describe, expect, it } from 'vitest';
import { median, range, standardDeviation } from '../../../src/analysis/statistics/summary.ts';

describe('median', () => {
  it('is the middle, or the mean of the two middles', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('range and standard deviation', () => {
  it('are of the sample, and of nothing when there is none', () => {
    expect(range([2, -1, 5])).toEqual({ low: -1, high: 5 });
    expect(standardDeviation([1, 2, 3, 4, 5])).toBeCloseTo(Math.sqrt(2.5), 14);
    expect(() => range([])).toThrow(RangeError);
    expect(() => standardDeviation([1])).toThrow(RangeError);
  });
});
