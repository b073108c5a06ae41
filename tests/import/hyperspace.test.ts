import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  diffGenerations,
  importResults,
  locateTarget,
  readLog,
  readRun,
  resume,
  selectionScore,
} from '../../src/index.ts';
import { cli } from '../cli/run-cli.ts';
import { scratchDir } from '../support/example-run.ts';
import { type TreeGeneration, writeAgent, writeFile, writeGeneration } from '../support/hyperspace-tree.ts';

const full = (acc: number) => ({ acc, mae: 0.5, n: 20 });
const none = { acc: 0, mae: 1, n: 10 };
const scored = (gen: number, score: number, code = `answer = ${gen}\n`): TreeGeneration => ({
  ...{ gen, valid: true, train_score: score, val_score: score, code },
  ...(score === 0
    ? { eval_train_staged: none, eval_val_staged: none }
    : { eval_train: full(score), eval_val: full(score), eval_val_staged: full(score) }),
});
const zero: TreeGeneration = {
  gen: 0,
  valid: true,
  val_score: 0,
  is_initial: true,
  code: 'answer = 0\n',
  eval_val_staged: none,
};

/** A pair of three generations each; `kimi` fails its second and cannot be evaluated in its third. */
function pair(root: string, seed = 7): string {
  const at = join(root, 'claude_vs_kimi-k2p5', `seed${seed}`);
  writeAgent(join(at, 'claude'), [zero, scored(1, 0.4), scored(2, 0.3)]);
  writeAgent(join(at, 'kimi_b'), [
    zero,
    { gen: 1, valid: false, error: "No module named 'utils'" },
    { gen: 2, valid: true, train_score: 0, val_score: 0, code: 'answer = 2\n' },
  ]);
  writeFile(join(at, 'claude', 'run_config.json'), JSON.stringify({ model: 'claude-sonnet-4-6', seed }));
  return at;
}

const refs = (dir: string) => execFileSync('git', ['-C', join(dir, 'lineage'), 'for-each-ref'], { encoding: 'utf8' });

describe('import hyperspace', () => {
  it('makes a run of each pairing and seed, with commits, trailers and notes', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    pair(source);
    const { runs } = await importResults('hyperspace', source, { out });
    expect(runs).toEqual([
      {
        ...{ run: 'claude-vs-kimi-k2p5-seed7', pairing: 'claude_vs_kimi-k2p5', seed: 7 },
        lineages: [
          { id: 'claude', generations: 3, invalid: 0 },
          { id: 'kimi-b', generations: 3, invalid: 1 },
        ],
        missing: [],
      },
    ]);
    const record = await readRun(join(out, runs[0]!.run));
    expect(record).toMatchObject({ status: 'done', arm: 'paired', seed: 7, experiment: 'claude-vs-kimi-k2p5' });
    const [claude] = record.lineages;
    expect(claude).toMatchObject({ id: 'claude', model: 'claude-sonnet-4-6' });
    expect(claude!.generations.map((g) => [g.verdict, g.parent, selectionScore(g), g.published, g.isPartial])).toEqual([
      ['seed', null, 0, false, true],
      ['promoted', 0, 0.4, true, undefined],
      ['archived', 1, 0.3, false, undefined],
    ]);
    expect(claude!.generations[1]!.selection).toMatchObject({ n: 20, score: 0.4 });
    expect(claude!.generations[1]!.selection!.items).toHaveLength(20);
    const log = await readLog(record);
    expect(log).toHaveLength(6);
    const commit = log.find((entry) => entry.lineage === 'claude' && entry.generation === 1)!;
    expect(Object.fromEntries(commit.trailers)).toMatchObject({
      Generation: '1',
      Model: 'claude-sonnet-4-6',
      Verdict: 'promoted',
    });
    expect(commit.note).toMatchObject({ selection: { status: 'measured', score: 0.4, n: 20 } });
    expect(commit.refs).toContain('refs/heads/lineage/claude');
    const change = await diffGenerations(await locateTarget('claude-vs-kimi-k2p5-seed7/claude/2', out), null);
    expect(change).toContain('-answer = 1\n+answer = 2');
  });

  it('records no score for what could not be edited or evaluated, also where the source wrote 0', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    pair(source);
    const { runs } = await importResults('hyperspace', source, { out });
    const [, kimi] = (await readRun(join(out, runs[0]!.run))).lineages;
    expect(kimi!.generations.map((g) => [g.verdict, selectionScore(g)])).toEqual([
      ['seed', 0],
      ['failed', null],
      ['failed', null],
    ]);
    expect(kimi!.generations[1]).toMatchObject({
      failure: { stage: 'meta-agent', message: "No module named 'utils'" },
      genome: kimi!.generations[0]!.genome,
      selection: null,
    });
    expect(kimi!.generations[2]).toMatchObject({ selection: { status: 'failed' }, failure: null, parent: 0 });
  });

  it('keeps a recorded score whose evaluations were not kept, as a score alone', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    const bare = [
      { gen: 0, valid: true, val_score: 0, code: 'a\n' },
      { gen: 1, valid: true, val_score: 0.7, code: 'b\n' },
    ];
    writeAgent(join(source, 'a_vs_b', 'seed1', 'a'), bare);
    writeAgent(join(source, 'a_vs_b', 'seed1', 'b'), bare);
    const { runs } = await importResults('hyperspace', source, { out });
    const { lineages } = await readRun(join(out, runs[0]!.run));
    expect(lineages[0]!.generations.map((g) => g.selection)).toMatchObject([
      { status: 'measured', score: 0, n: 1 },
      { status: 'measured', score: 0.7, n: 1 },
    ]);
    expect(runs[0]!.missing.map(({ path }) => path)).toContain('a_vs_b/seed1/a/gen_1/eval_val');
  });

  it('takes parents, tournaments and partial evaluations of replication runs from their metadata', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    const at = join(source, 'replication_v1', 'arm_d_annealing', 'seed43');
    writeAgent(at, [
      { ...zero, parent: null, run_full_eval: false, train_score: 0, eval_train_staged: none },
      { ...scored(1, 0.25), parent: 0, forked_from: 0, run_full_eval: true },
      {
        ...{ ...scored(2, 0.5), parent: 1, forked_from: 0, run_full_eval: true, tournament: true, winner: 'blind' },
        ...{ blind_score: 0.5, directed_score: 0.25 },
      },
      { gen: 3, valid: false, error: 'eval failed', parent: 1, forked_from: 1, code: 'answer = 3\n' },
    ]);
    const { runs } = await importResults('hyperspace', source, { out });
    expect(runs[0]).toMatchObject({
      run: 'replication-v1-arm-d-annealing-seed43',
      pairing: 'replication_v1/arm_d_annealing',
    });
    const record = await readRun(join(out, runs[0]!.run));
    const [, first, second, third] = record.lineages[0]!.generations;
    expect(record.arm).toBe('annealing');
    expect(second).toMatchObject({
      parent: 1,
      metaFrom: 0,
      tournament: { winner: 'blind', directed: 0.25, blind: 0.5 },
    });
    const commits = await readLog(record);
    const forked = commits.find(({ generation }) => generation === 2)!;
    expect(forked.parents).toEqual([record.lineages[0]!.generations[0]!.commit]);
    expect(Object.fromEntries(forked.trailers)).toMatchObject({ 'Forked-From': 'd-annealing/0' });
    expect(first!.parent).toBe(0);
    expect(third).toMatchObject({ verdict: 'failed', selection: { status: 'failed', message: 'eval failed' } });
  });

  it('gives the same commits when it is done again, from anywhere in the tree', async () => {
    const [source, out, again] = [scratchDir(), scratchDir(), scratchDir()];
    const at = pair(source);
    const first = await importResults('hyperspace', source, { out });
    await importResults('hyperspace', source, { out });
    await importResults('hyperspace', at, { out: again });
    const run = first.runs[0]!.run;
    expect(readdirSync(again).filter((name) => name === run)).toEqual([run]);
    expect(refs(join(again, run))).toBe(refs(join(out, run)));
  });

  it('refuses to resume, and says why', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    pair(source);
    const { runs } = await importResults('hyperspace', source, { out });
    await expect(resume(runs[0]!.run, { out })).rejects.toMatchObject({
      code: 'RUN_FORMAT',
      message: expect.stringContaining('imported from hyperspace and cannot be resumed'),
    });
  });
});

describe('a results tree that is broken', () => {
  async function missingOf(breakIt: (agent: string, root: string) => void) {
    const [source, out] = [scratchDir(), scratchDir()];
    const agent = join(pair(source), 'claude');
    breakIt(agent, source);
    const { runs } = await importResults('hyperspace', source, { out });
    const record = await readRun(join(out, runs[0]!.run));
    const generations = record.lineages[0]!.generations;
    return { missing: runs[0]!.missing, generations, record };
  }
  const place = 'claude_vs_kimi-k2p5/seed7/claude';

  it.each<[string, (agent: string) => void, string, string, number[]]>([
    [
      'broken JSON',
      (a) => writeFileSync(join(a, 'gen_1', 'metadata.json'), '{"valid": tr'),
      `${place}/gen_1/metadata.json`,
      'is not readable JSON',
      [0, 2],
    ],
    [
      'JSON that is no object',
      (a) => writeFileSync(join(a, 'gen_1', 'metadata.json'), '[1]'),
      `${place}/gen_1/metadata.json`,
      'is JSON, and not an object',
      [0, 2],
    ],
    [
      'a directory without metadata',
      (a) => void mkdirSync(join(a, 'gen_3')),
      `${place}/gen_3`,
      'has no metadata.json: the generation is not imported',
      [0, 1, 2],
    ],
    [
      'a gap in the numbering',
      (a) => writeGeneration(join(a, 'gen_5'), scored(5, 0.1)),
      `${place}/gen_3 to gen_4`,
      'is not there: the numbering has a gap',
      [0, 1, 2, 5],
    ],
    [
      'huge metadata',
      (a) => truncateSync(join(a, 'gen_1', 'metadata.json'), 2 ** 31),
      `${place}/gen_1/metadata.json`,
      'is larger than 1 MiB, the most that is read',
      [0, 2],
    ],
    [
      'a huge file of code',
      (a) => {
        writeFileSync(join(a, 'gen_1', 'repo', 'big.bin'), '');
        truncateSync(join(a, 'gen_1', 'repo', 'big.bin'), 2 ** 33);
      },
      `${place}/gen_1/repo/big.bin`,
      'is larger than 4 MiB, the most that is read',
      [0, 1, 2],
    ],
    [
      'metadata with neither validity nor score',
      (a) => writeFileSync(join(a, 'gen_1', 'metadata.json'), '{"train_score": 0.4}'),
      `${place}/gen_1/metadata.json`,
      'does not say whether the generation is valid: the generation is not imported',
      [0, 2],
    ],
    [
      'predictions that end inside quotes',
      (a) => writeFileSync(join(a, 'gen_1', 'eval_val', 'predictions.csv'), 'Grading ID,Reward,prediction\n"a'),
      `${place}/gen_1/eval_val/predictions.csv`,
      'ends inside quotes',
      [0, 1, 2],
    ],
    [
      'a score that is a text',
      (a) => writeFileSync(join(a, 'gen_1', 'metadata.json'), '{"valid": true, "val_score": "0.4"}'),
      `${place}/gen_1/metadata.json`,
      'val_score is "0.4", which is not what it should be',
      [0, 1, 2],
    ],
  ])('tells %s with its path, and imports the rest', async (_, breakIt, path, what, numbers) => {
    const { missing, generations } = await missingOf(breakIt);
    expect(missing).toContainEqual({ path, what });
    expect(generations.map((g) => g.generation)).toEqual(numbers);
  });

  it('does not follow links, to files, directories or whole generations', async () => {
    const secret = scratchDir();
    writeGeneration(join(secret, 'gen'), scored(3, 0.9, 'stolen = 1\n'));
    const { missing, generations, record } = await missingOf((agent) => {
      symlinkSync(join(secret, 'gen'), join(agent, 'gen_3'));
      symlinkSync(join(secret, 'gen', 'repo', 'task_agent.py'), join(agent, 'gen_1', 'repo', 'linked.py'));
      symlinkSync(join(secret, 'gen', 'repo'), join(agent, 'gen_1', 'repo', 'folder'));
      symlinkSync(secret, join(agent, 'gen_2', 'more'));
    });
    const links = missing
      .filter(({ what }) => what === 'is a link, and links are not followed')
      .map(({ path }) => path);
    const at = (path: string) => `${place}/${path}`;
    expect(links.sort()).toEqual(['gen_1/repo/folder', 'gen_1/repo/linked.py', 'gen_2/more', 'gen_3'].map(at));
    expect(generations.map((g) => g.generation)).toEqual([0, 1, 2]);
    const genomes = join(record.dir, 'genomes');
    const kept = readdirSync(genomes, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(kept.length).toBeGreaterThan(5);
    const texts = kept.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
    expect(texts.filter((text) => text.includes('stolen'))).toEqual([]);
  });

  it('leaves out names that are not UTF-8, that git refuses, and what is no file, and does not wait for a pipe', async () => {
    const { missing } = await missingOf((agent) => {
      const repo = join(agent, 'gen_1', 'repo');
      writeFileSync(Buffer.concat([Buffer.from(`${repo}/caf`), Buffer.from([0xe9])]), 'x');
      writeFile(join(repo, 'a\\b'), 'x');
      mkdirSync(join(repo, '.git'));
      writeFile(join(repo, '.git', 'config'), 'x');
      execFileSync('mkfifo', [join(repo, 'pipe')]);
    });
    const told = Object.fromEntries(missing.map(({ path, what }) => [path.slice(`${place}/gen_1/repo/`.length), what]));
    expect(Object.keys(told).sort()).toEqual(['.git', 'a\\b', 'caf\\xe9', 'pipe']);
    expect(told['caf\\xe9']).toBe('its name is not UTF-8');
    expect(told.pipe).toBe('is neither a file nor a directory');
  });

  it('imports a child whose parent is not there as a root, and says so', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    const at = join(source, 'arm_a_full', 'seed1');
    writeAgent(at, [
      { ...zero, parent: null },
      { ...scored(2, 0.4), parent: 1 },
    ]);
    const { runs } = await importResults('hyperspace', source, { out });
    const { lineages } = await readRun(join(out, runs[0]!.run));
    expect(lineages[0]!.generations.map((g) => [g.generation, g.parent])).toEqual([
      [0, null],
      [2, null],
    ]);
    expect(runs[0]!.missing).toContainEqual({
      path: 'arm_a_full/seed1/gen_2/metadata.json',
      what: 'its parent, generation 1, was not imported',
    });
  });
});

describe('where imported runs are written', () => {
  it('leaves nothing half when it is stopped, and can be run again', async () => {
    const [source, out, undisturbed] = [scratchDir(), scratchDir(), scratchDir()];
    pair(source);
    pair(source, 8);
    const stop = new AbortController();
    const options = {
      out,
      signal: stop.signal,
      onProgress: ({ index }: { index: number }) => void (index === 1 && stop.abort()),
    };
    await expect(importResults('hyperspace', source, options)).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
    const visible = () => readdirSync(out).filter((name) => name.includes('seed') && !name.startsWith('.'));
    expect(visible()).toEqual(['claude-vs-kimi-k2p5-seed7']);
    expect(readdirSync(out).filter((name) => name.startsWith('.'))).toEqual([]);
    await importResults('hyperspace', source, { out });
    await importResults('hyperspace', source, { out: undisturbed });
    expect(visible()).toEqual(['claude-vs-kimi-k2p5-seed7', 'claude-vs-kimi-k2p5-seed8']);
    expect(readdirSync(out).filter((name) => name.endsWith('.importing'))).toEqual([]);
    for (const run of visible()) expect(refs(join(out, run))).toBe(refs(join(undisturbed, run)));
  });

  it('clears away what a killed import left, and waits for no one', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    pair(source);
    const growing = join(out, '.claude-vs-kimi-k2p5-seed7.importing');
    writeFile(join(growing, 'lineage', 'half'), 'x');
    writeFile(join(growing, 'lock'), JSON.stringify({ pid: 2 ** 22 + 1, startedAt: 'gone' }));
    const { runs } = await importResults('hyperspace', source, { out });
    expect(readdirSync(out).filter((name) => name.startsWith('.'))).toEqual([]);
    expect((await readRun(join(out, runs[0]!.run))).lineages).toHaveLength(2);
  });

  it('imports a run of which nothing can be read, as one without generations', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    for (const name of ['a', 'b']) writeFile(join(source, 'a_vs_b', 'seed1', name, 'gen_0', 'metadata.json'), '{');
    const { runs } = await importResults('hyperspace', source, { out });
    expect(runs[0]!.lineages.map((l) => l.generations)).toEqual([0, 0]);
    const { exitCode } = await cli(['show', join(out, 'a-vs-b-seed1')]);
    expect(exitCode).toBe(0);
    expect((await cli(['analyze', out, '--json'])).exitCode).toBe(0);
  });

  it('prints one JSON document on standard output, and progress beside it', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    pair(source);
    pair(source, 8);
    const { exitCode, stdout, stderr } = await cli(['import', 'hyperspace', source, '--out', out, '--json']);
    expect(exitCode).toBe(0);
    const { runs, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({});
    expect(runs.map((run: object) => Object.keys(run))).toEqual(
      [0, 1].map(() => ['run', 'pairing', 'seed', 'lineages', 'missing']),
    );
    expect(stderr).toContain('importing 2 of 2: claude-vs-kimi-k2p5-seed8');
    const shown = await cli(['show', join(out, 'claude-vs-kimi-k2p5-seed8')]);
    expect(shown.stdout).toContain('cost not available');
    expect(shown.stdout).toContain('imported from hyperspace (claude_vs_kimi-k2p5)');
    const listed = JSON.parse((await cli(['ls', '--out', out, '--json'])).stdout);
    expect(listed.runs[0]).toMatchObject({ startedAtMs: null, wallMs: null });
  });

  it('leaves a run alone that was not imported', async () => {
    const [source, out] = [scratchDir(), scratchDir()];
    pair(source);
    writeFile(join(out, 'claude-vs-kimi-k2p5-seed7', 'notes.txt'), 'mine');
    await expect(importResults('hyperspace', source, { out })).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining('it is left alone'),
    });
    expect(readdirSync(join(out, 'claude-vs-kimi-k2p5-seed7'))).toEqual(['notes.txt']);
  });

  it('says that there is nothing to import', async () => {
    const out = scratchDir();
    await expect(importResults('hyperspace', scratchDir(), { out })).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    await expect(importResults('hyperspace', join(out, 'nowhere'), { out })).rejects.toMatchObject({
      code: 'RUN_NOT_FOUND',
    });
  });
});
