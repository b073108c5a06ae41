import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSignFlipSignificant, signFlipP, smallestP } from '../../../src/analysis/statistics/sign-flip.ts';

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

describe('isSignFlipSignificant', () => {
  it('says the same as p, for every rate', () => {
    const differences = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(differences, fc.constantFrom(0.0125, 0.03125, 0.05, 0.0625, 0.25, 0.5), (list, alpha) => {
        expect(isSignFlipSignificant(list, alpha)).toBe(signFlipP(list).p <= alpha);
      }),
    );
  });

  it('finds nothing where p cannot be as small', () => {
    expect(isSignFlipSignificant([9, 9, 9, 9, 9], 0.05)).toBe(false);
    expect(smallestP(5)).toBeGreaterThan(0.05);
    expect(isSignFlipSignificant([9, 9, 9, 9, 9, 9], 0.05)).toBe(true);
  });
});
