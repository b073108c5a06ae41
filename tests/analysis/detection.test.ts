import { describe, expect, it } from 'vitest';
import { type DetectionQuestion, detection } from '../../src/analysis/detection.ts';
import { lineageOutcomes } from '../../src/analysis/lineage-outcome.ts';
import { isShownBeyondBoth, transferGains } from '../../src/analysis/transfer.ts';
import { runOf } from './fixture.ts';

const ask = (question: Partial<DetectionQuestion> = {}) =>
  detection({
    arms: ['paired', 'solo', 'sham'],
    seeds: 8,
    lineages: 2,
    items: { selection: 2, test: 100 },
    gainSd: null,
    itemSd: null,
    power: 0.8,
    ...question,
  });

describe('what an experiment can show', () => {
  it.each([
    [1, 'points'],
    [3, 'points'],
    [4, 'interval'],
    [5, 'interval'],
    [6, 'claim'],
    [20, 'claim'],
    [21, 'interval'],
  ])('with %i seeds is %s, as reports have it', (seeds, allows) => {
    expect(ask({ seeds }).seeds.allows).toBe(allows);
  });

  it('is nothing of transfer without the paired arm or without a control', () => {
    for (const arms of [
      ['solo', 'sham'],
      ['paired', 'iid'],
    ]) {
      expect(ask({ arms }).seeds).toMatchObject({
        allows: 'nothing',
        comparisons: 0,
        smallestP: null,
        seedsForClaim: null,
        detectable: null,
      });
    }
  });

  it('names the smallest p, before and after the correction', () => {
    expect(ask().seeds).toMatchObject({ comparisons: 4, smallestP: 1 / 128, smallestHolmP: 4 / 128 });
    expect(ask({ seeds: 3 }).seeds).toMatchObject({ smallestP: 0.25, smallestHolmP: 1 });
  });

  it.each([1, 2, 3])('asks for as many seeds as a report needs to claim help of %i lineages', (lineages) => {
    const enough = ask({ lineages }).seeds.seedsForClaim!;
    const shown = (n: number) => {
      const ids = Array.from({ length: lineages }, (_, i) => `l${i}`);
      const runs = Array.from({ length: n }, (_, seed) =>
        (['paired', 'solo', 'sham'] as const).map((arm) =>
          runOf({
            arm,
            seed,
            lineages: Object.fromEntries(ids.map((id) => [id, { scores: [0, arm === 'paired' ? 2 : 1] }])),
          }),
        ),
      ).flat();
      return isShownBeyondBoth(transferGains(lineageOutcomes(runs)), 'l0');
    };
    expect([shown(enough - 1), shown(enough)]).toEqual([false, true]);
  });

  it('finds smaller effects with more seeds, and none where p cannot be small enough', () => {
    expect(ask({ seeds: 7 }).seeds.detectable).toBeNull();
    const [eight, twelve] = [8, 12].map((seeds) => ask({ seeds }).seeds.detectable!.inSd);
    expect(twelve).toBeLessThan(eight!);
    expect(eight).toBeGreaterThan(1);
  });

  it('tells effects in units of the score only where both deviations are known', () => {
    expect(ask({ gainSd: 0.02 }).seeds.detectable!.inScore).toBeNull();
    const { inSd, inScore } = ask({ gainSd: 0.03, itemSd: 0.04 }).seeds.detectable!;
    // √(0.03² + 2 · 0.04² / 2) = 0.05
    expect(inScore).toBeCloseTo(inSd * 0.05, 12);
    const more = ask({ gainSd: 0.03, itemSd: 0.04, items: { selection: 200, test: 1 } }).seeds.detectable!;
    expect(more.inScore).toBeLessThan(inScore!);
    expect(more.inSd).toBe(inSd);
  });

  it('says of items what they say of two agents', () => {
    const { selection, test } = ask({ itemSd: 0.5 }).items;
    expect(selection).toEqual({ n: 2, smallestP: null, detectable: null });
    expect(test).toMatchObject({ n: 100, smallestP: null });
    // G*Power's paired t-test: n = 100, d = 0.283.
    expect(test.detectable!.inSd).toBeCloseTo(0.283, 2);
    expect(test.detectable!.inScore).toBeCloseTo(test.detectable!.inSd * Math.SQRT2 * 0.5, 12);
  });

  it('refuses a power or a deviation that is none', () => {
    expect(() => ask({ power: 1 })).toThrow(RangeError);
    expect(() => ask({ gainSd: -1 })).toThrow(RangeError);
    expect(() => ask({ itemSd: Number.NaN })).toThrow(RangeError);
  });
});
