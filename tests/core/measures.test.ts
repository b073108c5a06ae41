import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/core/json.ts';
import { type Evaluation, measuresOf } from '../../src/core/records.ts';

const evaluation = (...details: Json[]): Evaluation => ({
  status: 'measured',
  split: 'test',
  score: 0,
  n: details.length,
  items: details.map((one, i) => ({
    situation: `test-${i}`,
    consequence: { status: 'measured', score: 0, details: one },
    wallMs: 1,
  })),
});

describe('what a niche measures beside the score', () => {
  it('is the mean over the items, of what every item has', () => {
    const items = [{ measures: { error: 0.25, odd: 1 } }, { measures: { error: 0.75, note: 'x' }, other: 3 }];
    expect(measuresOf(evaluation(...items))).toEqual({ error: 0.5 });
  });

  it.each([
    ['no details', [null, null]],
    ['no measures', [{ error: 1 }]],
    ['measures of another shape', [{ measures: [1, 2] }]],
    ['measures of one item only', [{ measures: { error: 1 } }, {}]],
  ])('is nothing where there are %s', (_what, details) => {
    expect(measuresOf(evaluation(...(details as Json[])))).toEqual({});
  });

  it('is nothing of what was not measured', () => {
    const failed: Evaluation = { status: 'failed', split: 'test', reason: 'crash', message: '', items: [] };
    expect([measuresOf(failed), measuresOf(null)]).toEqual([{}, {}]);
  });
});
