import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge } from '../../actors/gate/judge.ts';
import { isHigherBeyondNoise, pairsOf, spentErrorRate } from '../../actors/gate/paired-test.ts';
import { binomialUpperTail } from '../../src/analysis/statistics.ts';
import type { GateConfig } from '../../src/core/config/gate-schema.ts';
import { evidenceOf, gateSettings, right, scored } from './gate-evidence.ts';

const pairs = (candidate: readonly number[], reference: readonly number[]) =>
  pairsOf(scored(candidate), scored(reference));
const higher = (candidate: readonly number[], reference: readonly number[], errorRate = 0.05) =>
  isHigherBeyondNoise(pairs(candidate, reference), errorRate);

describe('the paired test', () => {
  it('is exact McNemar where items are right or wrong', () => {
    // 8 items became right and 1 wrong: (9 + 1) / 2^9.
    const before = [...right(0, 8), 1, 1, 0];
    const after = [...right(8, 8), 0, 1, 0];
    expect(higher(after, before, 0.02)).toEqual({
      isHigher: true,
      reason: 'McNemar p 0.0195, error rate 0.02 (n 11, 9 differ)',
    });
    expect(higher(after, before, 0.019).isHigher).toBe(false);
  });

  it('is an exact sign-flip test for other scores: as extreme a sum in so many of 2^n sign patterns', () => {
    const gains = [1, 2, 3, 4, -0.5];
    // Sums of at least 9.5: with no sign changed, and with only that of −0.5.
    const { isHigher, reason } = higher(gains, [0, 0, 0, 0, 0], 2 / 32);
    expect([isHigher, reason]).toEqual([true, 'sign-flip p 0.0625, error rate 0.0625 (n 5, 5 differ)']);
    expect(higher(gains, [0, 0, 0, 0, 0], 0.06).isHigher).toBe(false);
    expect(higher([0, 0, 0, 0, 0], gains, 0.5).isHigher).toBe(false);
  });

  it("is the lower end of Student's interval beyond 20 differing items", () => {
    const noise = Array.from({ length: 40 }, (_, i) => (i % 5) / 10);
    const shifted = noise.map((x, i) => x + (i % 2 === 0 ? 0.3 : -0.1));
    expect(higher(shifted, noise)).toMatchObject({
      isHigher: true,
      reason: expect.stringMatching(/^gain at least 0\.0/),
    });
    expect(higher(noise, shifted).isHigher).toBe(false);
  });

  it('spends its whole error rate on the side that is asked about, beyond 20 items as well', () => {
    // Mean 1, standard deviation 5.04 over 60 items: t is 1.54, one-sided p .065.
    const zero = Array.from({ length: 60 }, () => 0);
    const gains = zero.map((_, i) => (i % 2 === 0 ? 6 : -4));
    expect([0.06, 0.07].map((rate) => higher(gains, zero, rate).isHigher)).toEqual([false, true]);
  });

  it('does not know where no result could have shown it', () => {
    const { isHigher, reason } = higher([1, 1, 1, 1], [0, 0, 0, 0]);
    expect([isHigher, reason]).toEqual([null, '4 items cannot show it: p is at least 0.0625 (n 4, 4 differ)']);
    expect(higher(right(5, 5), right(0, 5)).isHigher).toBe(true);
  });

  it('compares what both measured of the same situations, wherever they stand', () => {
    const [candidate, reference] = [scored([1, null, 0.5]), scored([0.25, 0.5], 2)];
    expect(pairsOf(candidate, reference)).toEqual([{ situation: 's2', candidate: 0.5, reference: 0.25 }]);
  });

  it('calls two equally good agents different no more often than the error rate, for every number that differs', () => {
    const rate = fc.double({ min: 0.001, max: 0.5, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), rate, (n, errorRate) => {
        // Under no difference, how many of n changed for the better is a fair coin's doing.
        const firstSignificant = Array.from({ length: n + 1 }, (_, k) => k).find((k) => {
          const flips = right(k, n);
          return (
            isHigherBeyondNoise(
              pairs(
                flips,
                flips.map((x) => 1 - x),
              ),
              errorRate,
            ).isHigher === true
          );
        });
        const falsePromotions = firstSignificant === undefined ? 0 : binomialUpperTail(n, firstSignificant);
        expect(falsePromotions).toBeLessThanOrEqual(errorRate);
      }),
      { numRuns: 60 },
    );
  });
});

describe('spending the error rate', () => {
  it('gives each look an equal share, and each test of a lineage less than the one before', () => {
    expect(spentErrorRate(0.05, null, 4)).toBe(0.0125);
    expect([1, 2, 3].map((test) => spentErrorRate(0.06, test, 1))).toEqual([0.03, 0.01, 0.005]);
  });

  it('never spends more than there is, however many tests and looks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 20 }), (tests, looks) => {
        let spent = 0;
        for (let test = 1; test <= tests; test += 1) spent += looks * spentErrorRate(0.05, test, looks);
        expect(spent).toBeLessThan(0.05 + 1e-12);
      }),
      { numRuns: 50 },
    );
  });
});

describe('improvement beyond noise', () => {
  const improvement = (settings: Partial<GateConfig['improvement']>) =>
    gateSettings({ improvement: { test: 'paired', ...settings } });
  const outcomeOf = (result: ReturnType<typeof judge>) => [
    result.verdict,
    result.checks.at(-1)!.outcome,
    result.retest ?? [],
  ];
  const ask = (
    before: readonly number[],
    after: readonly number[],
    settings: Partial<GateConfig['improvement']> = {},
  ) => outcomeOf(judge(evidenceOf({ candidate: scored(after), best: scored(before) }), improvement(settings), null));

  it('promotes a gain that noise does not explain, and refuses one that it may', () => {
    expect(ask(right(40, 100), right(60, 100))).toEqual(['promoted', 'pass', []]);
    expect(ask(right(40, 100), right(43, 100))).toEqual(['refused', 'refuse', []]);
    expect(ask(right(40, 100), right(40, 100))).toEqual(['archived', 'refuse', []]);
    expect(ask(right(40, 100), right(20, 100))).toEqual(['archived', 'refuse', []]);
  });

  it('does not take what cannot be told for a pass', () => {
    expect(ask([0, 0], [1, 1])).toEqual(['refused', 'unknown', []]);
  });

  const looking = { looks: 2, itemsPerLook: 3 };
  const fresh = (from: number, candidate: readonly (number | null)[], best: readonly number[]) => ({
    places: candidate.map((_, i) => from + i),
    candidate: scored(candidate, from),
    best: scored(best, from),
  });
  /** Five more of fifty right: one-sided p is 2^−5, above each of three looks' share of .05. */
  const wouldBe = { candidate: scored(right(15, 50)), best: scored(right(10, 50)) };
  const look = (more: object) => outcomeOf(judge(evidenceOf({ ...wouldBe, ...more }), improvement(looking), null));

  it('has a would-be champion measured on items that were never used, and decides on all of them together', () => {
    expect(look({})).toEqual(['refused', 'refuse', [50, 51, 52]]);
    const first = fresh(50, [1, 0, 0], [0, 0, 0]);
    // p 2^−6 is below .05/3.
    expect(look({ retests: [first] })[0]).toBe('promoted');
    const noGain = fresh(50, [0, 0, 0], [0, 0, 0]);
    expect(look({ retests: [noGain] })).toEqual(['refused', 'refuse', [53, 54, 55]]);
    expect(look({ retests: [noGain, fresh(53, [0, 0, 0], [0, 0, 0])] })).toEqual(['refused', 'refuse', []]);
  });

  it('takes places that no generation before used', () => {
    const memory = { judged: 3, nextPlace: 90, edits: [], library: [], promoted: [] };
    expect(look({ memory })).toEqual(['refused', 'refuse', [90, 91, 92]]);
    const used = judge(
      evidenceOf({ ...wouldBe, memory, retests: [fresh(90, [0, 0, 0], [0, 0, 0])] }),
      improvement(looking),
      null,
    );
    expect(used.memory).toMatchObject({ nextPlace: 93, judged: 4 });
  });

  it('knows a single fresh item by its place', () => {
    const one = { looks: 1, itemsPerLook: 1 };
    const at = (retests: object[]) =>
      outcomeOf(
        judge(evidenceOf({ ...wouldBe, retests: retests as never }), improvement({ ...one, errorRate: 0.04 }), null),
      );
    expect(at([])).toEqual(['refused', 'refuse', [50]]);
    expect(at([fresh(50, [1], [0])])[0]).toBe('promoted');
    expect(at([fresh(50, [0], [0])])).toEqual(['refused', 'refuse', []]);
  });

  it('gives up on one that lost its lead, and refuses one that fails on fresh items', () => {
    expect(look({ retests: [fresh(50, [0, 0, 0], [1, 1, 1])] })[2]).toEqual([53, 54, 55]);
    expect(look({ retests: [fresh(50, [0, 0, 0, 0, 0], [1, 1, 1, 1, 1])] })).toEqual(['refused', 'refuse', []]);
    expect(look({ retests: [fresh(50, [null, 1, 1], [0, 0, 0])] })).toEqual(['refused', 'refuse', []]);
  });

  it('spends less on each test of a lineage when the error rate is the lineage’s', () => {
    const memory = (judged: number) => ({ judged, nextPlace: 0, edits: [], library: [], promoted: [] });
    const at = (judged: number) =>
      judge(
        evidenceOf({ candidate: scored(right(16, 50)), best: scored(right(10, 50)), memory: memory(judged) }),
        improvement({ per: 'lineage' }),
        null,
      ).verdict;
    // p is 2^−6 = .0156; the shares are .025 for the first test and .0083 for the second.
    expect([at(0), at(1)]).toEqual(['promoted', 'refused']);
  });
});
