import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli, scratchDir } from '../support/example-run.ts';

const twoRuns = (out: string, ...set: string[]) => [
  ...['run', 'packing', '--arm', 'paired', '--seed', '1,2', '--sandbox', 'process', '--parallel', '2'],
  ...['items.selection=1', 'items.test=1', 'niche.params.circles=6', 'budget.generations=1', ...set].flatMap(
    (value) => ['--set', value],
  ),
  ...['--out', out, '--json'],
];

describe('runs below a ceiling', () => {
  it('end as they do without one, when there is room for a single sandbox and everybody wants warm ones', async () => {
    const lineagesOf = async (...set: string[]) => {
      const { code, stdout, stderr } = await runCli(twoRuns(scratchDir(), ...set));
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout).runs.map(({ lineages }: { lineages: unknown }) => lineages);
    };
    const crowded = await lineagesOf('sandbox.ceiling.sandboxes=1', 'sandbox.warm=4');
    expect(crowded).toEqual(await lineagesOf());
    expect(crowded).toHaveLength(2);
  }, 120_000);

  it('are refused before anything is made when not even one sandbox fits', async () => {
    const out = join(scratchDir(), 'runs');
    const { code, stdout, stderr } = await runCli(twoRuns(out, 'sandbox.ceiling.memoryMiB=100'));
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain('one sandbox needs 512 MiB (sandbox.memoryMiB');
    expect(stderr).toContain('may take 100 (sandbox.ceiling.memoryMiB');
    expect(existsSync(out)).toBe(false);
  }, 60_000);
});
