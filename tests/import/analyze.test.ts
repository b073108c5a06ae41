import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { similarityRatio } from '../../src/analysis/sequence-matcher.ts';
import { type Analysis, importResults } from '../../src/index.ts';
import { inspectedRun } from '../cli/inspected-run.ts';
import { cli, tinyRun } from '../cli/run-cli.ts';
import { scratchDir } from '../support/example-run.ts';
import { type TreeGeneration, writeAgent, writeFile } from '../support/hyperspace-tree.ts';

async function analysis(...args: readonly string[]): Promise<Analysis & { stderr: string }> {
  const { exitCode, stdout, stderr } = await cli(['analyze', ...args, '--json']);
  expect([exitCode, stderr]).toEqual([0, expect.any(String)]);
  return { ...(JSON.parse(stdout) as Analysis), stderr };
}

const mine = 'def solve(problem):\n    return guess(problem)\n';
const theirs =
  'import table\n\nANSWERS = table.read()\n\nclass Grader:\n    def grade(self, q):\n        return ANSWERS[q]\n';

/** `b` takes `a`'s code in generation 3, which `a` published in generation 1 and improved in the same generation 3. */
function adopting(root: string): { readonly taken: string; readonly before: string; readonly improved: string } {
  const improved = theirs.replace('[q]', '.get(q)');
  const taken = theirs.replace('Grader', 'Judge');
  const before = `${mine}# once more\n`;
  const lineage = (codes: readonly string[], scores: readonly number[]): TreeGeneration[] =>
    codes.map((code, gen) => ({ gen, code, valid: true, val_score: scores[gen]! }));
  const at = join(root, 'a_vs_b', 'seed5');
  writeAgent(join(at, 'a'), lineage([mine, theirs, theirs, improved], [0, 0.5, 0.5, 0.6]));
  writeAgent(join(at, 'b'), lineage([mine, mine, before, taken], [0, 0.1, 0.2, 0.55]));
  return { taken, before, improved };
}

const distance = (a: string, b: string) => 1 - similarityRatio(a, b);

describe('analyze: adoption', () => {
  it('finds what is closer to the peer than to its own past, in the shape that scripts rely on', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    const { taken, before, improved } = adopting(source);
    await importResults('hyperspace', source, { out });
    const published = await analysis(join(out, 'a-vs-b-seed5'), '--adoption', 'similarity');
    const [dOwn, dPeer] = [distance(taken, before), distance(taken, improved)];
    expect(published.adoptions).toEqual([
      {
        ...{ run: 'a-vs-b-seed5', seed: 5, generation: 3, adopter: 'b', peer: 'a', witness: 'similarity' },
        ...{ ratio: dPeer / (dOwn + dPeer), dOwn, dPeer, before: 0.2, after: 0.55 },
      },
    ]);
    expect(Object.keys(published).filter((key) => key !== 'stderr')).toEqual([
      'adoptions',
      'crashRecoveries',
      'neglect',
      'efficiency',
      'thresholds',
    ]);
    const causal = await analysis(out, '--adoption', 'similarity-causal');
    expect(causal.adoptions).toMatchObject([{ witness: 'similarity-causal', dPeer: distance(taken, theirs) }]);
    const proven = await analysis(out, '--adoption', 'provenance');
    expect(proven.adoptions).toEqual([]);
    expect(proven.stderr).toContain('this run has none');
  });

  it('asks similarity where a run has no provenance, and says so', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    adopting(source);
    await importResults('hyperspace', source, { out });
    const { adoptions, stderr } = await analysis(out);
    expect(adoptions).toMatchObject([{ witness: 'similarity' }]);
    expect(stderr).toContain(
      'adoption by similarity (the run has no provenance: imported from hyperspace): a-vs-b-seed5',
    );
  });

  it('believes the provenance of a run of our own', async () => {
    const dir = await inspectedRun(scratchDir());
    const { adoptions, stderr } = await analysis(dir);
    expect(adoptions).toMatchObject([
      { generation: 2, adopter: 'taker', peer: 'giver', witness: 'provenance', run: 'shared-paired-1', seed: 1 },
    ]);
    expect(stderr).toContain('adoption by provenance (recorded by this run)');
  });
});

describe('analyze: crashes, neglect and rates', () => {
  const curve = (scores: readonly (number | null)[]): TreeGeneration[] =>
    scores.map((score, gen) =>
      score === null
        ? { gen, valid: false, error: 'HTTP 400' }
        : { gen, valid: true, val_score: score, code: `v${gen}\n` },
    );

  it('counts a crash both ways where the publication contradicts itself', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    writeAgent(join(source, 'a_vs_b', 'seed1', 'a'), curve([0, 0.5, 0, 0, 0.6]));
    writeAgent(join(source, 'a_vs_b', 'seed1', 'b'), curve([0, 0.5, null, 0, 0.7]));
    await importResults('hyperspace', source, { out });
    expect((await analysis(out)).crashRecoveries).toMatchObject([
      { lineage: 'a', from: 2, to: 3, recovery: 4, before: 0.5, after: 0.6, invalidAs: ['zero', 'unmeasured'] },
      { lineage: 'b', from: 2, to: 3, recovery: 4, before: 0.5, after: 0.7, invalidAs: ['zero'] },
    ]);
    const { stdout } = await cli(['analyze', out]);
    expect(stdout).toContain('2 with invalid generations counted as 0, 1 with those ending a crash');
  });

  it('finds neglect in the traces, and none where there are none', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    const agents = join(source, 'a_vs_b', 'seed1');
    for (const name of ['a', 'b']) writeAgent(join(agents, name), curve([0, 0.1, 0.2, 0.3, 0.4]));
    const call = (tool: string) =>
      `${JSON.stringify({ messages: [{ role: 'tool', content: tool }], response: 'ok' })}\n`;
    for (const gen of [0, 1, 2, 3, 4]) {
      const trace = gen === 1 ? call('cat strategies/b_gen0/task_agent.py') : call('cat task_agent.py');
      writeFile(join(agents, 'a', `gen_${gen}`, 'llm_calls.jsonl'), trace);
      writeFile(
        join(agents, 'b', `gen_${gen}`, 'llm_calls.jsonl'),
        'version https://git-lfs.github.com/spec/v1\noid sha256:0\n',
      );
    }
    const { runs } = await importResults('hyperspace', source, { out });
    expect(runs[0]!.missing).toHaveLength(5 + 2 * 5);
    expect((await analysis(out)).neglect).toEqual([
      { run: 'a-vs-b-seed1', seed: 1, lineage: 'a', lastRead: 1, from: 2, length: 3, peerBest: 0.2, isLast: true },
    ]);
  });

  it('measures neither rates nor crashes of scores that are not from 0 to 1, and takes thresholds from the experiment', async () => {
    const out = scratchDir();
    const packing = (...more: string[]) =>
      cli([...tinyRun, '--set', 'budget.generations=1', '--set', 'niche.params.circles=26', '--out', out, ...more]);
    expect((await packing()).exitCode).toBe(0);
    const plain = await analysis(join(out, 'packing-paired-1'));
    expect(plain).toMatchObject({ thresholds: [], crashRecoveries: [] });
    expect(plain.efficiency).toMatchObject([
      { notMeasured: 'scores are not from 0 to 1', seeds: 0, scorePerGeneration: null, range: null },
    ]);
    const { stdout } = await cli(['analyze', join(out, 'packing-paired-1')]);
    expect(stdout).toContain('Crashes that recovered: not measured, scores are not from 0 to 1');
    expect(stdout).toMatch(/packing +paired +0 of 1 +not measured +scores are not from 0 to 1/);
    expect(stdout).toMatch(/packing +paired +none stated +not measured/);
    expect((await packing('--set', 'report.thresholds=[2.9, 1.5]')).exitCode).toBe(0);
    const { thresholds } = await analysis(join(out, 'packing-paired-1-r2'));
    expect(thresholds.map((t) => [t.threshold, t.reached, t.seeds])).toEqual([
      [1.5, 1, 1],
      [2.9, 0, 1],
    ]);
  });

  it('says with exit code 2 that there is no run', async () => {
    const { exitCode, stderr } = await cli(['analyze', join(scratchDir(), 'nowhere')]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('no run')]);
    expect((await cli(['analyze', '.', '--adoption', 'rumor'])).exitCode).toBe(2);
  });
});
