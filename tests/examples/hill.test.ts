import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { factsOf, hill, runCli, scratchDir } from '../support/example-run.ts';

describe('the example that plugs in everything', () => {
  it('runs with its own niche, model, selection policy, gate and sandbox', async () => {
    const out = scratchDir();
    const end = await runCli(['run', hill, '--out', out, '--json', '--set', 'budget.generations=2']);
    expect(end.code, end.stderr).toBe(0);
    const outcome = JSON.parse(end.stdout);
    expect(outcome).toMatchObject({ experiment: 'hill', status: 'done' });
    expect(outcome.runs.map((r: { arm: string; status: string }) => [r.arm, r.status])).toEqual([
      ['paired', 'done'],
      ['solo', 'done'],
    ]);
    const [paired] = outcome.runs;
    expect(paired.lineages.a).toMatchObject({ model: 'walker', generations: 2, failed: 0 });
    // The niche's own measure of where the seed stands, x = 0 under a top at 7.25.
    expect(paired.lineages.a.best).toBeGreaterThanOrEqual(100 - 7.25 ** 2);
    const facts = factsOf(join(out, 'hill-paired-1'));
    const judged = facts.filter((f) => f.type === 'gate.finished');
    expect(judged.length).toBe(4);
    for (const { body } of judged) expect(body).toMatchObject({ checks: [{ name: 'margin' }] });
  }, 60_000);
});
