import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mcNemarP, newcombeInterval, wilsonInterval } from '../../../src/analysis/statistics/proportions.ts';
import { signFlipP } from '../../../src/analysis/statistics/sign-flip.ts';

describe('wilsonInterval', () => {
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])("agrees with Newcombe's published table for %i of %i", (k, n, low, high) => {
    const interval = wilsonInterval(k, n);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  it('refuses what is no count', () => {
    expect(() => wilsonInterval(0, 0)).toThrow(RangeError);
    expect(() => wilsonInterval(5, 4)).toThrow(RangeError);
    expect(() => wilsonInterval(1.5, 4)).toThrow(RangeError);
  });
});

describe('newcombeInterval', () => {
  it('agrees with the published examples of Newcombe (20, 12, 2, 16) and of Altman (14, 5, 0, 22)', () => {
    const newcombe = newcombeInterval({ both: 20, first: 12, second: 2, neither: 16 });
    expect([newcombe.low, newcombe.high].map((x) => x.toFixed(4))).toEqual(['0.0562', '0.3292']);
    const altman = newcombeInterval({ both: 14, first: 5, second: 0, neither: 22 });
    expect([altman.low, altman.high].map((x) => x.toFixed(3))).toEqual(['0.011', '0.226']);
  });

  it('turns round with the order of the two, and always holds the difference', () => {
    const count = fc.integer({ min: 0, max: 30 });
    const counts = fc
      .record({ both: count, first: count, second: count, neither: count })
      .filter((c) => c.both + c.first + c.second + c.neither > 0);
    fc.assert(
      fc.property(counts, (c) => {
        const { low, high } = newcombeInterval(c);
        const turned = newcombeInterval({ ...c, first: c.second, second: c.first });
        expect(turned.low).toBeCloseTo(-high, 10);
        expect(turned.high).toBeCloseTo(-low, 10);
        const difference = (c.first - c.second) / (c.both + c.first + c.second + c.neither);
        expect(low <= difference + 1e-12 && difference - 1e-12 <= high).toBe(true);
        expect(low >= -1 - 1e-12 && high <= 1 + 1e-12).toBe(true);
      }),
    );
  });
});

describe('mcNemarP', () => {
  it('is the sign-flip test of items that are right or wrong', () => {
    const count = fc.integer({ min: 0, max: 6 });
    fc.assert(
      fc.property(count, count, count, (first, second, equal) => {
        fc.pre(first + second + equal > 0);
        const differences = [...Array(first).fill(1), ...Array(second).fill(-1), ...Array(equal).fill(0)];
        expect(mcNemarP({ first, second })).toBeCloseTo(signFlipP(differences).p, 12);
      }),
    );
  });

  it('agrees with the count by hand for 2 against 15, and is 1 where nothing differs', () => {
    // 2 · (1 + 17 + 136) / 2^17
    expect(mcNemarP({ first: 2, second: 15 })).toBeCloseTo((2 * 154) / 2 ** 17, 12);
    expect(mcNemarP({ first: 0, second: 0 })).toBe(1);
  });
});
