import { describe, expect, it } from 'vitest';
import { armLineages, costPerHundredth, lastMinusBest } from '../../src/analysis/efficiency.ts';
import { scoreFormat } from '../../src/analysis/format.ts';
import { lineageOutcomes } from '../../src/analysis/lineage-outcome.ts';
import { efficiencyColumns } from '../../src/analysis/tables/efficiency.ts';
import { type LineageSketch, runOf } from './fixture.ts';

const outcome = (scores: LineageSketch['scores'], more: Partial<LineageSketch> = {}, seed = 1) =>
  lineageOutcomes([runOf({ arm: 'solo', seed, lineages: { a: { scores, ...more } } })])[0]!;

describe('area under the curve', () => {
  it('is the mean improvement of the best so far over the generations there were', () => {
    // imp@1 … imp@4: 0.25, 0.25, 0.25, 0.75.
    expect(outcome([0.25, 0.5, 0.25, null, 1]).area).toBeCloseTo(1.5 / 4, 12);
    expect(outcome([0.25, 0.125]).area).toBe(0);
  });

  it('is not measured without a start or a generation after it', () => {
    expect(outcome([null, 0.5]).area).toBeNull();
    expect(outcome([0.5]).area).toBeNull();
  });
});

describe('cost per 0.01 gained', () => {
  it('is everything spent over the whole gain', () => {
    expect(costPerHundredth(outcome([0.25, 0.5], { evaluations: 50 }))).toEqual({
      tokens: 10_000 / 25,
      calls: 40 / 25,
      evaluations: 2,
      usd: 0.5 / 25,
    });
  });

  it('does not exist where nothing was gained, and has no USD without prices', () => {
    expect(costPerHundredth(outcome([0.5, 0.5, 0.25]))).toBeNull();
    expect(costPerHundredth(outcome([null, 0.5]))).toBeNull();
    expect(costPerHundredth(outcome([0.25, 0.5], { spent: { costUsd: null } }))!.usd).toBeNull();
  });
});

describe('the last score minus the best', () => {
  it.each<[string, (number | null)[], number | null]>([
    ['ended at its best', [0.25, 0.5], 0],
    ['lost half of its gain', [0.25, 0.75, 0.5], -0.25],
    ['the last generation that was measured counts', [0.25, 0.75, 0.5, null], -0.25],
    ['worse than it began', [0.25, 0.5, 0], -0.5],
    ['nothing was gained', [0.5, 0.25], -0.25],
    ['nothing was measured', [null, null], null],
  ])('%s', (_, scores, difference) => {
    expect(lastMinusBest(outcome(scores))).toBe(difference);
  });
});

describe('the table of efficiency', () => {
  const cells = (n: number, failing = 0) => {
    const outcomes = Array.from({ length: n }, (_, i) =>
      outcome(i < failing ? [null, 0.5] : [0.25, 0.5 + i / 100], {}, i + 1),
    );
    const [row] = armLineages(outcomes);
    return Object.fromEntries(efficiencyColumns(scoreFormat(outcomes)).map((c) => [c.key, c.show(row!)]));
  };

  it('shows points up to three seeds, then median and range, always with n', () => {
    expect(cells(3)).toMatchObject({ n: '3', area: '+0.250, +0.260, +0.270', imp_5: '–' });
    expect(cells(5)).toMatchObject({ n: '5', area: '+0.270 (+0.250 to +0.290)' });
  });

  it('states what was lost in units of the score beside the gain, however small that was', () => {
    const outcomes = [outcome([2, 2.0001, 1.5])];
    const columns = efficiencyColumns(scoreFormat(outcomes));
    const [row] = armLineages(outcomes);
    const shown = Object.fromEntries(columns.map((c) => [c.key, c.show(row!)]));
    expect(shown).toMatchObject({ gain: '0.00', last_minus_best: '−0.50' });
    expect(Object.values(shown).join()).not.toContain('%');
  });

  it('says of how many seeds a number is when it is not of all', () => {
    expect(cells(3, 1).area).toBe('+0.260, +0.270; 2 of 3');
    expect(cells(6, 1).area).toBe('+0.280 (+0.260 to +0.300; 5 of 6)');
    expect(cells(2, 2).area).toBe('–');
  });
});
