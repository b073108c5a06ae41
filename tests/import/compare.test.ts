import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { importResults } from '../../src/index.ts';
import { inspectedRun } from '../cli/inspected-run.ts';
import { cli } from '../cli/run-cli.ts';
import { scratchDir } from '../support/example-run.ts';
import { writeAgent } from '../support/hyperspace-tree.ts';

const generations = [0, 0.1, 0.2].map((score, gen) => ({ gen, code: `v${gen}\n`, valid: true, val_score: score }));

async function imported(...agents: readonly string[]): Promise<string> {
  const [source, out] = [scratchDir(), scratchDir()];
  for (const agent of agents) writeAgent(join(source, agent), generations);
  await importResults('hyperspace', source, { out });
  return out;
}

const compared = async (...runs: readonly string[]) => {
  const { stdout } = await cli(['compare', ...runs]);
  return { text: stdout, ...JSON.parse((await cli(['compare', ...runs, '--json'])).stdout) };
};

it('compares of imported runs only the settings that their source tells, and names the others in one line', async () => {
  const out = await imported('a_vs_b/seed5/a', 'a_vs_b/seed5/b', 'a_vs_c/seed5/a', 'a_vs_c/seed5/c');
  const [first, second] = ['a-vs-b-seed5', 'a-vs-c-seed5'];
  const { text, differs, notAvailable, notComparable } = await compared(join(out, first), join(out, second));
  expect(differs).toEqual([
    { setting: 'lineages.b.model', [first]: '"b"', [second]: 'not set' },
    { setting: 'lineages.c.model', [first]: 'not set', [second]: '"c"' },
  ]);
  expect(notAvailable.map((g: { group: string }) => g.group)).toEqual([first, second]);
  expect(notAvailable[1].settings).toEqual(
    expect.arrayContaining(['budget.generations', 'models.b.kind', 'models.c.module']),
  );
  expect(notAvailable[1].settings).not.toContain('selection');
  expect(notComparable).toEqual([]);
  const lines = text.split('\n').filter((line: string) => line.startsWith('Not available'));
  expect(lines).toEqual([expect.stringMatching(/^Not available, .* in a-vs-b-seed5, a-vs-c-seed5: .*budget.*models/)]);
});

it('lists a difference that the sources of imported runs do tell', async () => {
  const out = await imported('ablation/arm_a_full/seed1', 'ablation/arm_b_freeze/seed1');
  const { differs } = await compared(out);
  expect(differs.map((d: { setting: string }) => d.setting)).toContain('metaAgent.from');
});

it('takes no setting of a run for different from one that an imported run does not tell', async () => {
  const out = await imported('a_vs_b/seed1/a', 'a_vs_b/seed1/b');
  const native = await inspectedRun(scratchDir());
  const { differs, notAvailable, notComparable } = await compared(native, join(out, 'a-vs-b-seed1'));
  const known = /^(niche\.module|lineages\.[^.]+\.model|selection|metaAgent\.from)$/;
  expect(differs.filter((d: { setting: string }) => !known.test(d.setting))).toEqual([]);
  expect(notAvailable).toMatchObject([{ group: 'a-vs-b-seed1' }]);
  expect(notComparable[0].reasons).toEqual([
    expect.stringMatching(/^other niche: niche\.module .* against "hyperspace"$/),
  ]);
});

it('pairs nothing by seed where the source names none', async () => {
  const out = scratchDir();
  for (const [name, better] of [
    ['one', 'Accuracy: (30.0%, 40.0%), Median: 35.0%'],
    ['two', 'Accuracy: (50.0%, 60.0%), Median: 55.0%'],
  ] as const) {
    const fitness = ['Accuracy: (9.0%, 20.0%), Median: 15.0%', better];
    const agents = fitness.map((f, i) => ({
      name: `${i}`,
      code: `${i}\n`,
      generation: i === 0 ? 'initial' : i,
      fitness: f,
    }));
    const path = join(scratchDir(), `${name}.json`);
    writeFileSync(path, JSON.stringify(agents));
    await importResults('adas', path, { out });
  }
  const { notComparable, differences, outcomes } = await compared(join(out, 'adas-one'), join(out, 'adas-two'));
  expect(notComparable).toEqual([{ group: 'adas-two', reasons: ['no seed to pair by in adas-one and adas-two'] }]);
  expect(differences).toEqual([]);
  expect(outcomes).toHaveLength(2);
});
