import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli, scratchDir } from '../support/example-run.ts';

interface Outcome {
  readonly status: string;
  readonly runs: readonly {
    readonly arm: string;
    readonly status: string;
    readonly lineages: Readonly<
      Record<string, { readonly generations: number; readonly failed: number; readonly best: number }>
    >;
  }[];
}

/** The command as the experiment's README has it. */
async function runSample(name: string, ...args: string[]) {
  const out = scratchDir();
  const end = await runCli(['run', name, '--out', out, '--json', ...args]);
  expect(end.code, end.stderr).toBe(0);
  return { out, outcome: JSON.parse(end.stdout) as Outcome };
}

describe('the synthetic sample, offline', () => {
  it('shows adoptions that pay, as it was built to, and a report of both arms', async () => {
    const { out, outcome } = await runSample('imo-grading/sample');
    expect(outcome.runs.map(({ arm, status }) => [arm, status])).toEqual([
      ['paired', 'done'],
      ['solo', 'done'],
    ]);
    const [paired, solo] = outcome.runs.map(({ lineages }) => lineages);
    for (const lineage of ['one', 'two']) {
      expect([paired![lineage]!.failed, solo![lineage]!.failed]).toEqual([0, 0]);
      expect(paired![lineage]!.best).toBeGreaterThan(solo![lineage]!.best);
    }
    const report = readFileSync(join(out, 'imo-grading-sample', 'report', 'report.md'), 'utf8');
    expect(report.match(/accuracy \d\.\d{3}, absoluteError \d\.\d{3}/g)).toHaveLength(4);
    const adoptions = readFileSync(join(out, 'imo-grading-sample', 'report', 'adoptions.csv'), 'utf8');
    expect(adoptions.trim().split('\n').length).toBeGreaterThan(2);
  }, 900_000);

  it('runs the four arms of the replication', async () => {
    const { outcome } = await runSample('imo-grading/sample/replication.yaml', '--set', 'budget.generations=2');
    expect(outcome.runs.map(({ arm, status, lineages }) => [arm, status, lineages.agent!.generations])).toEqual([
      ['full', 'done', 2],
      ['frozen-meta', 'done', 2],
      ['random-parent', 'done', 2],
      ['annealing', 'done', 2],
    ]);
  }, 900_000);
});
