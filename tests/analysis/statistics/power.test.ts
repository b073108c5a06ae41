import { describe, expect, it } from 'vitest';
import { normalCdf } from '../../../src/analysis/statistics/normal.ts';
import { pairedInference } from '../../../src/analysis/statistics/paired-inference.ts';
import { detectableEffect, fewestFor, tTestPower } from '../../../src/analysis/statistics/power.ts';
import { smallestP } from '../../../src/analysis/statistics/sign-flip.ts';

describe('the detectable effect', () => {
  it('agrees with the closed form for six seeds, where only six equal signs are enough', () => {
    // p ≤ 0.05 of six needs all above 0 or all below.
    for (const wanted of [0.2, 0.5, 0.8, 0.95]) {
      const effect = detectableEffect({ n: 6, alpha: 0.05 }, wanted)!;
      const exact = normalCdf(effect) ** 6 + normalCdf(-effect) ** 6;
      // 2,000 simulations: four standard errors.
      expect(Math.abs(exact - wanted)).toBeLessThan(4 * Math.sqrt((wanted * (1 - wanted)) / 2_000));
    }
  });

  it("is that of the t-test above, by Cohen's and G*Power's published tables", () => {
    expect(detectableEffect({ n: 34, alpha: 0.05 })).toBeCloseTo(0.5, 1);
    expect(tTestPower(34, 0.05, 0.5)).toBeCloseTo(0.8078, 3);
  });

  it('falls with n, and rises with the power and with how small p has to be', () => {
    const falling = [6, 7, 8, 10, 12, 13, 20, 60].map((n) => detectableEffect({ n, alpha: 0.05 })!);
    expect(falling).toEqual([...falling].sort((a, b) => b - a));
    const [less, more] = [0.5, 0.9].map((wanted) => detectableEffect({ n: 9, alpha: 0.05 }, wanted)!);
    expect(less).toBeLessThan(more!);
    expect(detectableEffect({ n: 9, alpha: 0.01 })).toBeGreaterThan(detectableEffect({ n: 9, alpha: 0.05 })!);
  });

  it('does not exist where p cannot be small enough', () => {
    expect(detectableEffect({ n: 5, alpha: 0.05 })).toBeNull();
    expect(detectableEffect({ n: 6, alpha: 0.0125 })).toBeNull();
    expect(detectableEffect({ n: 8, alpha: 0.0125 })).not.toBeNull();
  });

  it('goes over from the exact test to the t-test without a jump', () => {
    const [exact, approximate] = [12, 13].map((n) => detectableEffect({ n, alpha: 0.05 })!);
    expect(exact! / approximate!).toBeGreaterThan(1);
    expect(exact! / approximate!).toBeLessThan(1.12);
  });
});

describe('fewestFor', () => {
  it.each([0.05, 0.025, 0.0125, 0.0625, 1 / 128, 1])('is the first n whose smallest p is at most %f', (alpha) => {
    const n = fewestFor(alpha);
    expect(smallestP(n)).toBeLessThanOrEqual(alpha);
    expect(n === 1 || smallestP(n - 1) > alpha).toBe(true);
  });
});

describe('pairedInference', () => {
  it.each([0, 1, 2, 3])('says nothing of %i differences', (n) => {
    expect(pairedInference(Array(n).fill(1))).toBeNull();
  });

  it('gives four and more mean, range, interval and p, and no p above what is enumerated', () => {
    expect(pairedInference([1, 2, 3, 4])).toMatchObject({
      mean: 2.5,
      range: { low: 1, high: 4 },
      p: 0.125,
      floor: 0.125,
    });
    const many = pairedInference(Array.from({ length: 21 }, (_, i) => i));
    expect(many).toMatchObject({ p: null, floor: null, mean: 10 });
  });
});
