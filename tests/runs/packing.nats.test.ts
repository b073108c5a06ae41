import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { repository, runCli, scratchDir } from '../support/example-run.ts';
import { natsMissing, openNatsServer } from '../support/nats.ts';
import { itNeeds } from '../support/require-service.ts';

const refsOf = (out: string) =>
  execFileSync('git', ['-C', join(out, 'packing-paired-7', 'lineage'), 'for-each-ref'], { encoding: 'utf8' });

async function runPacking(out: string, ...more: string[]): Promise<void> {
  const small = ['--set', 'budget.generations=2', '--set', 'items.test=1', '--sandbox', 'process'];
  const experiment = join(repository, 'experiments', 'packing');
  const end = await runCli([
    'run',
    experiment,
    '--seed',
    '7',
    '--arm',
    'paired',
    ...small,
    '--out',
    out,
    '--json',
    ...more,
  ]);
  expect(end.code, end.stderr).toBe(0);
}

describe('the same seed', () => {
  itNeeds('nats-server', natsMissing)(
    'gives the same commits and notes again, and over NATS',
    async () => {
      await using server = await openNatsServer();
      const [here, again, overNats] = [scratchDir(), scratchDir(), scratchDir()];
      await runPacking(here);
      await runPacking(again);
      await runPacking(overNats, '--nats', server.url);
      expect(refsOf(again)).toBe(refsOf(here));
      expect(refsOf(overNats)).toBe(refsOf(here));
    },
    120_000,
  );
});
