import { describe, expect, it } from 'vitest';
import { itemComparisons, itemInterval } from '../../src/analysis/items.ts';
import { lineageOutcomes } from '../../src/analysis/lineage-outcome.ts';
import { renderReport } from '../../src/analysis/report.ts';
import type { RunRecord } from '../../src/analysis/run-record.ts';
import type { ArmName } from '../../src/core/config/arms.ts';
import type { Evaluation } from '../../src/core/records.ts';
import { runOf } from './fixture.ts';

function testOf(scores: readonly number[], from = 0): Evaluation {
  const items = scores.map((score, i) => ({
    situation: `item-${from + i}`,
    consequence: { status: 'measured' as const, score, details: null },
    wallMs: 1,
  }));
  return {
    status: 'measured',
    split: 'test',
    score: scores.reduce((a, b) => a + b, 0) / scores.length,
    n: scores.length,
    items,
  };
}

function tested(arm: ArmName, seed: number, test: Evaluation): RunRecord {
  const record = runOf({ arm, seed, lineages: { a: { scores: [0.1, 0.2] } } });
  return { ...record, lineages: record.lineages.map((l) => ({ ...l, test })) };
}
const compare = (...runs: RunRecord[]) => itemComparisons(lineageOutcomes(runs));

describe("an agent's score over items", () => {
  it("has Wilson's interval where items are right or wrong, Student's where they are not", () => {
    expect(itemInterval(testOf([1, 1, 1, 0, 1]))).toEqual({
      n: 5,
      method: 'Wilson',
      low: expect.closeTo(0.37553, 5),
      high: expect.closeTo(0.96378, 5),
    });
    expect(itemInterval(testOf([1, 2, 3, 4, 5]))).toEqual({
      n: 5,
      method: 'Student',
      low: expect.closeTo(1.036757, 5),
      high: expect.closeTo(4.963243, 5),
    });
  });

  it('has none for three items, where something failed, or where all came out alike', () => {
    expect(itemInterval(testOf([0.3, 0.3, 0.3, 0.3, 0.3]))).toBeNull();
    expect(itemInterval(testOf([1, 1, 1, 1, 1]))).not.toBeNull();
    expect(itemInterval(testOf([1, 0, 1]))).toBeNull();
    expect(itemInterval(null)).toBeNull();
    const failed: Evaluation = { ...testOf([1, 1, 1, 1]), status: 'failed', reason: 'timeout', message: 'too slow' };
    expect(itemInterval(failed)).toBeNull();
  });
});

describe('two agents on the same items', () => {
  it('are compared seed by seed, on what both were measured on', () => {
    const [solo] = compare(
      tested('paired', 1, testOf([1, 1, 1, 0, 1, 1], 2)),
      tested('solo', 1, testOf([0, 0, 0, 0, 0, 1])),
    );
    // Items 2 to 5: 1 1 1 0 against 0 0 0 1.
    expect(solo).toMatchObject({
      control: 'solo',
      lineage: 'a',
      seed: 1,
      n: 4,
      difference: 0.5,
      method: 'Newcombe, McNemar',
    });
    expect(solo!.inference).toMatchObject({ p: 0.625, floor: 0.125, holmP: 0.625 });
  });

  it('have an exact p above twenty items where they are right or wrong, and none where they are not', () => {
    const ones = Array(30).fill(1);
    const zeros = Array(30).fill(0);
    const [binary] = compare(tested('paired', 1, testOf(ones)), tested('solo', 1, testOf(zeros)));
    expect(binary!.inference!.p).toBeCloseTo(2 ** -29, 15);
    const [other] = compare(tested('paired', 1, testOf(ones.map((_, i) => i))), tested('solo', 1, testOf(zeros)));
    expect(other).toMatchObject({ method: 'Student, sign-flip', inference: { p: null, floor: null } });
  });

  it('are shown as a difference and nothing else up to three items', () => {
    const [solo] = compare(tested('paired', 1, testOf([3, 2, 1])), tested('solo', 1, testOf([1, 1, 1])));
    expect(solo).toMatchObject({ n: 3, difference: 1, inference: null });
  });

  it('that never differ get no interval without width in the report', () => {
    const runs = [tested('paired', 1, testOf([0.5, 0.6, 0.7, 0.8])), tested('solo', 1, testOf([0.5, 0.6, 0.7, 0.8]))];
    const context = { experiment: 'x', question: '', niche: '', command: '', version: '', provider: '', models: {} };
    const { markdown } = renderReport(runs, context);
    expect(markdown).toContain('| solo | a | 1 | 4 | 0.000 | Student, sign-flip | no spread seen | 1 (1) | 1 |');
  });

  it('are not compared where a test failed or was another', () => {
    const failed: Evaluation = { ...testOf([1, 1, 1, 1]), status: 'failed', reason: 'timeout', message: 'too slow' };
    expect(compare(tested('paired', 1, failed), tested('solo', 1, testOf([1, 1, 1, 1])))).toEqual([]);
    expect(compare(tested('paired', 1, testOf([1, 1], 9)), tested('solo', 1, testOf([1, 1])))).toEqual([]);
  });

  it('are in the report with their n, and said to describe agents and no method', () => {
    const runs = [tested('paired', 1, testOf([1, 1, 1, 1, 1, 1])), tested('solo', 1, testOf([0, 0, 0, 0, 0, 0]))];
    const context = { experiment: 'x', question: '', niche: '', command: '', version: '', provider: '', models: {} };
    const { markdown, tables } = renderReport(runs, context);
    expect(markdown).toContain('| solo | a | 1 | 6 | +1.00 | Newcombe, McNemar |');
    expect(markdown).toContain('0.0313 (0.0313) | 0.0313 |');
    expect(markdown).toContain('says anything of the method');
    expect(markdown).toContain('1.00 (0.61 to 1.00, 6 items)');
    expect(tables['items.csv']!.split('\n')[0]).toContain('interval_low,p,p_holm,interval_high,p_floor');
    expect(markdown).toContain('help beyond both solo and sham is not shown');
  });
});
