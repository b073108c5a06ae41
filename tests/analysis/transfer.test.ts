import { describe, expect, it } from 'vitest';
import { comparableRuns } from '../../src/analysis/comparable-runs.ts';
import { armBudgets, budgetBanners, budgetChecks } from '../../src/analysis/equal-budget.ts';
import { lineageOutcomes } from '../../src/analysis/lineage-outcome.ts';
import { isShownBeyondBoth, transferGains } from '../../src/analysis/transfer.ts';
import type { ArmName } from '../../src/core/config/arms.ts';
import { type LineageSketch, runOf } from './fixture.ts';

/** One run of lineage `a` that rises from 0.2 by `gain`. */
function rise(arm: ArmName, seed: number, gain: number, more: Partial<LineageSketch> = {}) {
  return runOf({ arm, seed, lineages: { a: { scores: [0.2, 0.2 + gain], ...more } } });
}

const seeds = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
const gainsOf = (...runs: Parameters<typeof lineageOutcomes>[0]) => transferGains(lineageOutcomes(runs));

describe('transfer gain', () => {
  it('is paired minus control, seed by seed, per control', () => {
    const [solo, sham] = gainsOf(rise('paired', 1, 0.5), rise('solo', 1, 0.25), rise('sham', 1, 0.75));
    expect(solo).toMatchObject({ control: 'solo', lineage: 'a', inference: null });
    expect(solo!.points.map((p) => [p.seed, p.gain])).toEqual([[1, expect.closeTo(0.25, 12)]]);
    expect(sham!.points[0]!.gain).toBeCloseTo(-0.25, 12);
  });

  it('is told at 5, 10 and 20 generations and for the area too, where the curves reach so far', () => {
    const curve = (steps: number, to: number) => Array.from({ length: 13 }, (_, g) => (g < steps ? 0 : to));
    const [solo] = gainsOf(
      rise('paired', 1, 0, { scores: curve(4, 0.5) }),
      rise('solo', 1, 0, { scores: curve(7, 0.75) }),
    );
    const { early, gain, area } = solo!.points[0]!;
    expect(early).toEqual({ at5: 0.5, at10: -0.25, at20: null });
    expect(gain).toBe(-0.25);
    // Nine of twelve generations at 0.5, against six at 0.75.
    expect(area).toBeCloseTo((9 * 0.5 - 6 * 0.75) / 12, 12);
  });

  it('exists only for seeds that have both arms, measured', () => {
    const [solo, sham] = gainsOf(
      rise('paired', 1, 0.5),
      rise('paired', 2, 0.5),
      rise('paired', 3, 0.5),
      rise('solo', 2, 0.1),
      rise('solo', 3, 0, { scores: [null, 0.9] }),
      rise('solo', 4, 0.1),
    );
    expect(solo!.points.map((p) => p.seed)).toEqual([2]);
    expect(sham!.points).toEqual([]);
  });

  it('does not take rounding for a gain', () => {
    const paired = rise('paired', 1, 0, { scores: [0.1, 0.3] });
    const solo = rise('solo', 1, 0, { scores: [0.2, 0.4] });
    expect(0.3 - 0.1 === 0.4 - 0.2).toBe(false);
    expect(gainsOf(paired, solo)[0]!.points[0]!.gain).toBe(0);
  });

  it('leaves out a test that was not opened or failed', () => {
    const points = gainsOf(
      rise('paired', 1, 0.5, { test: 0.75 }),
      rise('solo', 1, 0.1, { test: 0.5 }),
      rise('paired', 2, 0.5, { test: null }),
      rise('solo', 2, 0.1),
      rise('paired', 3, 0.5),
      rise('solo', 3, 0.1, { test: 'failed' }),
    )[0]!.points;
    expect(points.map((p) => p.testGain)).toEqual([0.25, null, null]);
  });

  it.each([1, 2, 3])('has points and nothing else for %i seeds', (n) => {
    const gains = gainsOf(...seeds(n).flatMap((s) => [rise('paired', s, 0.5), rise('solo', s, 0.1 * s)]));
    expect(gains[0]!.points).toHaveLength(n);
    expect(gains[0]!.inference).toBeNull();
  });

  it.each([
    [4, 0.125],
    [5, 0.0625],
    [6, 0.03125],
  ])('has interval, range and an exact p with its floor for %i seeds', (n, floor) => {
    const gains = gainsOf(...seeds(n).flatMap((s) => [rise('paired', s, 0.5), rise('solo', s, 0.1 + 0.01 * s)]));
    const { inference } = gains[0]!;
    expect(inference).toMatchObject({ p: floor, floor, holmP: floor });
    expect(inference!.range.low).toBeCloseTo(0.4 - 0.01 * n, 12);
    expect(inference!.range.high).toBeCloseTo(0.39, 12);
    expect(inference!.interval.low).toBeLessThan(inference!.mean);
  });

  it('corrects p over every comparison that was tested', () => {
    const runs = seeds(6).flatMap((s) => [rise('paired', s, 0.5), rise('solo', s, 0.1), rise('sham', s, 0.2)]);
    expect(gainsOf(...runs).map((g) => g.inference!.holmP)).toEqual([0.0625, 0.0625]);
  });

  it('claims help beyond both controls only with six seeds, a positive mean and a corrected p of 0.05', () => {
    const shown = (n: number, sham: number) => {
      const runs = seeds(n).flatMap((s) => [rise('paired', s, 0.5), rise('solo', s, 0.1), rise('sham', s, sham)]);
      return isShownBeyondBoth(gainsOf(...runs), 'a');
    };
    expect([shown(3, 0.1), shown(5, 0.1), shown(6, 0.1)]).toEqual([false, false, false]);
    expect(shown(7, 0.1)).toBe(true);
    expect(shown(7, 0.9)).toBe(false);
    expect(shown(7, 0.5)).toBe(false);
  });

  it('keeps going above the n that is enumerated, without a p', () => {
    const runs = seeds(21).flatMap((s) => [rise('paired', s, 0.5), rise('solo', s, 0.01 * s)]);
    expect(gainsOf(...runs)[0]!.inference).toMatchObject({ p: null, floor: null, holmP: null });
  });
});

describe('comparable runs', () => {
  it('counts no seed twice: a finished run first, then the latest', () => {
    const old = runOf({ arm: 'solo', seed: 1, run: 'old', startedAtMs: 1, lineages: {} });
    const latest = runOf({ arm: 'solo', seed: 1, run: 'latest', startedAtMs: 2, lineages: {} });
    const running = runOf({ arm: 'solo', seed: 1, run: 'running', startedAtMs: 3, status: 'running', lineages: {} });
    const { runs, superseded } = comparableRuns([old, latest, running]);
    expect(runs.map((r) => r.run)).toEqual(['latest']);
    expect(superseded.map((r) => r.run)).toEqual(['old', 'running']);
  });
});

describe('equal budgets', () => {
  const bannersOf = (...runs: Parameters<typeof lineageOutcomes>[0]) => budgetBanners(lineageOutcomes(runs));

  it('says nothing when arms were given the same', () => {
    expect(bannersOf(rise('paired', 1, 0.1), rise('solo', 1, 0.5))).toEqual([]);
    expect(bannersOf(rise('paired', 1, 0.1))).toEqual([]);
    expect(bannersOf()).toEqual([]);
  });

  it('names where generations and evaluations differ', () => {
    const banners = bannersOf(rise('paired', 1, 0.1), rise('solo', 1, 0, { scores: [0.1, 0.2, 0.3] }));
    expect(banners).toHaveLength(2);
    expect(banners[0]).toMatch(/^Unequal generations .* in 1 of 1 .* lineage a, seed 1: paired 1, solo 2\.$/);
    expect(banners[1]).toMatch(/^Unequal evaluations .* on 3 items in solo and on 2 in paired;/);
  });

  it('does not call arms unequal because a candidate failed early, and says so where that is more than a tenth', () => {
    const evaluated = (arm: 'paired' | 'solo', seed: number, evaluations: number, scores: (number | null)[]) =>
      runOf({ arm, seed, lineages: { a: { scores, evaluations } } });
    const [full, failing] = [
      [0.1, 0.2, 0.3],
      [0.1, null, 0.3],
    ];
    const runs = (least: number) => [
      ...[1, 2, 3].map((seed) => evaluated('paired', seed, 30, full)),
      ...[1, 2, 3].map((seed) => evaluated('solo', seed, least, failing)),
    ];
    expect(bannersOf(...runs(28))).toEqual([]);
    expect(bannersOf(...runs(27))).toEqual([
      'Unequal evaluations between arms: the median lineage was evaluated on 30 items in paired and on 27 in solo; generations without a score, which are evaluated on fewer, are 0 % in paired and 33 % in solo.',
    ]);
  });

  it('does not compare different seeds', () => {
    expect(bannersOf(rise('paired', 1, 0.1), rise('solo', 2, 0, { scores: [0.1, 0.2, 0.3] }))).toEqual([]);
  });

  it('tolerates a tenth more tokens, not more than that', () => {
    const solo = rise('solo', 1, 0.1);
    expect(bannersOf(solo, rise('paired', 1, 0.1, { spent: { promptTokens: 10_000 } }))).toEqual([]);
    const [banner] = bannersOf(solo, rise('paired', 1, 0.1, { spent: { promptTokens: 10_001 } }));
    expect(banner).toMatch(/11,001 in paired and 10,000 in solo/);
  });

  it('says what was compared, whatever came of it', () => {
    const checks = (...runs: Parameters<typeof lineageOutcomes>[0]) => budgetChecks(lineageOutcomes(runs));
    expect(checks(rise('paired', 1, 0.1))).toContain('was not checked');
    expect(checks(rise('paired', 1, 0.1), rise('solo', 1, 0.5))).toMatch(
      /^Checked over 1 lineage and seed pair: generations equal in 1; median evaluations 2 in every arm; median tokens 10,000 in every arm\. Medians may differ by 10 %/,
    );
    const uneven = rise('solo', 2, 0, { scores: [0.1, 0.2, 0.3], spent: { promptTokens: 500 } });
    expect(checks(rise('paired', 2, 0.1), uneven, rise('paired', 1, 0.1), rise('solo', 1, 0.1))).toMatch(
      /^Checked over 2 .*generations equal in 1; median evaluations from 2 in paired to 3 in solo; median tokens from 5750 in solo to 10,000 in paired/,
    );
  });

  it('sums cost per arm and keeps it unknown when one part is', () => {
    const known = lineageOutcomes([rise('solo', 1, 0.1), rise('solo', 2, 0.1)]);
    expect(armBudgets(known)[0]).toMatchObject({ arm: 'solo', runs: 2, usd: 1, generations: { low: 1, high: 1 } });
    const unknown = lineageOutcomes([rise('solo', 1, 0.1), rise('solo', 2, 0.1, { spent: { costUsd: null } })]);
    expect(armBudgets(unknown)[0]!.usd).toBeNull();
  });
});
