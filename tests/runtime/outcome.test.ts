import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../../src/runtime/outcome.ts';
import { runOf } from '../analysis/fixture.ts';

const sketch = { arm: 'paired', seed: 1, lineages: { a: { scores: [1, null, 3, 2], evaluations: 8 } } } as const;

describe('the outcome of an experiment', () => {
  it('is a contract for scripts: its keys and what they say', () => {
    const { runs, ...rest } = outcomeOf('demo', [runOf(sketch)], '/r/report.md');
    expect(rest).toEqual({
      experiment: 'demo',
      status: 'done',
      spent: { tokens: 10_000, usd: 0.5, wallMs: 61_000, evaluations: 8 },
      report: '/r/report.md',
    });
    expect(runs).toEqual([
      {
        ...{ run: 'demo-paired-1', dir: 'results/runs/demo-paired-1', arm: 'paired', seed: 1, status: 'done' },
        lineages: {
          a: {
            ...{ model: 'model-a', generations: 3, failed: 1, refused: 1, best: 3, last: 2, bestGeneration: 2 },
            commit: 'c'.repeat(40),
          },
        },
      },
    ]);
  });

  it('has no score where nothing was measured', () => {
    const { runs } = outcomeOf('demo', [runOf({ ...sketch, lineages: { a: { scores: [null, null] } } })], null);
    expect(runs[0]!.lineages.a).toMatchObject({ best: null, last: null, bestGeneration: null, commit: null });
  });

  it('adds up what all runs spent; without a price for one, there is no cost', () => {
    const free = { scores: [1], spent: { costUsd: null } };
    const outcome = outcomeOf(
      'demo',
      [runOf(sketch), runOf({ ...sketch, lineages: { a: free, b: { scores: [1] } } })],
      null,
    );
    expect(outcome.spent).toEqual({ tokens: 30_000, usd: null, wallMs: 122_000, evaluations: 10 });
  });

  it.each([
    [['done', 'done'], 'done'],
    [['done', 'stopped'], 'stopped'],
    [['done', 'running'], 'stopped'],
    [['stopped', 'failed', 'done'], 'failed'],
  ] as const)('of runs %j is %s', (statuses, status) => {
    expect(
      outcomeOf(
        'demo',
        statuses.map((s) => runOf({ ...sketch, status: s })),
        null,
      ).status,
    ).toBe(status);
  });
});
