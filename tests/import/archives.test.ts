import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { analyze, importResults, readLog, readRun, selectionScore } from '../../src/index.ts';
import { cli } from '../cli/run-cli.ts';
import { scratchDir } from '../support/example-run.ts';
import { writeFile } from '../support/hyperspace-tree.ts';

const fitness = (low: number, high: number, median: number) =>
  `95% Bootstrap Confidence Interval: (${low.toFixed(1)}%, ${high.toFixed(1)}%), Median: ${median.toFixed(1)}%`;

describe('import adas', () => {
  const archive = [
    {
      thought: 'step by step',
      name: 'Chain-of-Thought',
      code: 'def forward(self, taskInfo):\n    return 1\n',
      generation: 'initial',
      fitness: fitness(9.4, 20.3, 14.8),
    },
    {
      thought: 'debate',
      name: 'LLM Debate',
      code: 'def forward(self, taskInfo):\n    return 2\n',
      generation: 'initial',
      fitness: fitness(30, 46.1, 38.3),
      test_fitness: fitness(35.1, 41, 38),
    },
    {
      thought: 'worse',
      name: 'Guess',
      code: 'def forward(self, taskInfo):\n    return 3\n',
      generation: 3,
      fitness: fitness(0, 5, 2.3),
    },
    { thought: 'not measured', name: 'Silent', code: 'x\n', generation: 4 },
    { name: 'no code', generation: 5 },
  ];

  it('makes every agent a generation without a parent, with the median as its score', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    writeFile(join(source, 'mgsm_run_archive.json'), JSON.stringify(archive));
    const { runs } = await importResults('adas', join(source, 'mgsm_run_archive.json'), { out });
    expect(runs).toMatchObject([
      {
        run: 'adas-mgsm-run-archive',
        pairing: 'mgsm_run_archive',
        seed: null,
        lineages: [{ id: 'archive', generations: 4, invalid: 1 }],
      },
    ]);
    expect(runs[0]!.missing.map(({ path }) => path)).toEqual(['', '[3].fitness', '[4]']);
    const record = await readRun(join(out, runs[0]!.run));
    const [{ generations, test }] = record.lineages as [(typeof record.lineages)[0]];
    expect(generations.map((g) => [g.verdict, g.parent, selectionScore(g)])).toEqual([
      ['seed', null, 0.148],
      ['seed', null, 0.383],
      ['archived', null, 0.023],
      ['failed', null, null],
    ]);
    expect(generations[1]!.selection!.items[0]!.consequence).toMatchObject({ details: { interval95: [0.3, 0.461] } });
    expect(test).toMatchObject({ status: 'measured', split: 'test', score: 0.38 });
    const log = await readLog(record);
    expect(log.map(({ subject, parents }) => [subject, parents])).toEqual([
      ['archive g0 seed: Chain-of-Thought', []],
      ['archive g1 seed: LLM Debate', []],
      ['archive g2 archived: Guess', []],
      ['archive g3 failed: Silent', []],
    ]);
    expect(Object.fromEntries(log[2]!.trailers)).toMatchObject({ Name: 'Guess', 'Source-Generation': '3' });
  });

  it('says what is wrong with a file that is no archive', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    const path = join(source, 'a.json');
    const refused = async (text: string) => {
      writeFile(path, text);
      const { exitCode, stderr } = await cli(['import', 'adas', path, '--out', out]);
      return [exitCode, stderr];
    };
    expect(await refused('{"a": 1}')).toEqual([3, expect.stringContaining('a list of agents is expected')]);
    expect(await refused('[')).toEqual([3, expect.stringContaining('is not readable JSON')]);
    expect((await cli(['import', 'adas', source, '--out', out])).exitCode).toBe(3);
    expect((await cli(['import', 'adas', join(source, 'b.json'), '--out', out])).exitCode).toBe(2);
  });
});

describe('import openevolve', () => {
  const program = (id: string, parent: string | null, iteration: number, island: number, more: object = {}) => ({
    ...{
      id,
      code: `print("${id}")\n`,
      language: 'python',
      parent_id: parent,
      generation: iteration,
      timestamp: 1_700_000_000,
    },
    ...{ iteration_found: iteration, metrics: { combined_score: iteration / 10, runs: 1 }, metadata: { island } },
    ...more,
  });

  function checkpoint(root: string, programs: readonly { readonly id: string }[], number = 20): string {
    const dir = join(root, 'packing', 'openevolve_output', 'checkpoints', `checkpoint_${number}`);
    writeFile(join(dir, 'metadata.json'), JSON.stringify({ islands: [[], []], last_iteration: number }));
    for (const one of programs) writeFile(join(dir, 'programs', `${one.id}.json`), JSON.stringify(one));
    return dir;
  }

  it('makes islands lineages, and a migrant the adoption of what it is a copy of', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    checkpoint(source, [], 10);
    const dir = checkpoint(source, [
      program('c', 'b', 2, 0),
      program('a', null, 0, 0),
      program('b', 'a', 1, 0),
      program('m', 'c', 3, 1, { code: 'print("c")\n', metadata: { island: 1, migrant: true } }),
      program('f', 'm', 4, 1, { metrics: { error: 0, timeout: true } }),
      program('o', 'gone', 5, 1, { metrics: { speed: 0.5, size: 1 } }),
    ]);
    const { runs } = await importResults('openevolve', join(dir, '..', '..'), { out });
    expect(runs).toMatchObject([
      {
        ...{ run: 'openevolve-packing-checkpoint-20', pairing: 'packing/checkpoint_20', seed: null },
        lineages: [
          { id: 'island-0', generations: 3, invalid: 0 },
          { id: 'island-1', generations: 3, invalid: 1 },
        ],
      },
    ]);
    expect(runs[0]!.missing).toContainEqual({
      path: 'programs/o.json',
      what: 'its parent gone is not in the checkpoint',
    });
    const record = await readRun(join(out, runs[0]!.run));
    const [first, second] = record.lineages;
    expect(first!.generations.map((g) => [g.verdict, g.parent, selectionScore(g)])).toEqual([
      ['seed', null, 0],
      ['promoted', 0, 0.1],
      ['promoted', 1, 0.2],
    ]);
    expect(second!.generations.map((g) => [g.verdict, g.parent, selectionScore(g)])).toEqual([
      ['promoted', null, 0.3],
      ['failed', 0, null],
      ['seed', null, 0.75],
    ]);
    expect(second!.generations[0]!.adoption).toMatchObject({
      from: { lineage: 'island-0', generation: 2 },
      lines: 1,
      share: 1,
    });
    const log = await readLog(record);
    const migrant = log.find((entry) => entry.lineage === 'island-1' && entry.generation === 0)!;
    expect(migrant.parents).toEqual([first!.generations[2]!.commit]);
    expect((await analyze(join(out, runs[0]!.run), { out })).adoptions).toMatchObject([
      {
        seed: null,
        witness: 'provenance',
        adopter: 'island-1',
        peer: 'island-0',
        generation: 0,
        dPeer: 0,
        before: null,
        after: 0.3,
      },
    ]);
  });

  it('makes one lineage of programs that name no island, and survives a circle of parents', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    const dir = checkpoint(source, [
      program('x', 'y', 1, 0, { metadata: {} }),
      program('y', 'x', 2, 0),
      program('z', null, 3, 0, { code: 7 }),
    ]);
    writeFile(join(dir, 'programs', 'broken.json'), '{');
    const { runs } = await importResults('openevolve', dir, { out });
    expect(runs[0]!.lineages).toEqual([{ id: 'programs', generations: 2, invalid: 0 }]);
    expect(runs[0]!.missing.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['programs', 'programs/broken.json', 'programs/z.json']),
    );
  });
});
