import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { repository, runCli, scratchDir } from '../support/example-run.ts';

const rows = readFileSync(join(repository, 'results/published/packing/commits.csv'), 'utf8')
  .trim()
  .split('\n')
  .slice(1);

it('a published run of packing comes to the same commits again', async () => {
  const out = scratchDir();
  const end = await runCli(['run', 'packing', '--seed', '1', '--arm', 'paired', '--out', out]);
  expect(end.code, end.stderr).toBe(0);
  const run = join(out, 'packing-paired-1', 'lineage');
  const commit = (ref: string) =>
    execFileSync('git', ['-C', run, 'rev-parse', `${ref}^{commit}`], { encoding: 'utf8' }).trim();
  const again = ['numeric', 'structural'].map(
    (id) => `packing-paired-1,${id},${commit(`best/${id}`)},${commit(`refs/attempts/${id}/10`)}`,
  );
  expect(again).toEqual(rows.filter((row) => row.startsWith('packing-paired-1,')));
}, 600_000);
