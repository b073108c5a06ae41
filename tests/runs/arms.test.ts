import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adoptionEvents } from '../../src/analysis/adoptions.ts';
import { armBudgets, budgetBanners } from '../../src/analysis/equal-budget.ts';
import { lineageOutcomes, twinOutcomes } from '../../src/analysis/lineage-outcome.ts';
import { transferGains } from '../../src/analysis/transfer.ts';
import { plan, type RunRecord, readLog, resume } from '../../src/index.ts';
import { repository, scratchDir } from '../support/example-run.ts';
import { armsRun, type Shown } from './arms-run.ts';
import { resultOf } from './kill-and-resume.ts';

const two = { a: 'mutator:numeric', b: 'mutator:structural' };
const timeout = 120_000;
const strategy = (lineage: string, model: string, seed: number, generation: number): Shown => ({
  ...{ directory: `${lineage}_gen${generation}`, lineage, model, generation },
  score: 1000 * seed + generation,
});
const lineage = (record: RunRecord, id: string) => record.lineages.find((l) => l.id === id)!;
const adopted = (record: RunRecord, id: string) =>
  lineage(record, id).generations.flatMap(({ generation, adoption }) =>
    adoption === null ? [] : [[generation, adoption.from.lineage, adoption.from.generation]],
  );

describe('the arms self and shuffled', { timeout }, () => {
  let all: Awaited<ReturnType<typeof armsRun>>;
  const record = (name: string) => all.records.get(name)!;
  const shown = (name: string, id: string) => [1, 2, 3].map((g) => all.seen.get(`arms-${name}/${id}/${g}`));
  const started: string[] = [];
  let dir: string;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'gal-test-'));
    const onProgress = (event: { type: string; run?: string }) => {
      if (event.type === 'run.started') started.push(event.run!);
    };
    all = await armsRun({
      dir,
      lineages: two,
      arms: ['shuffled', 'self', 'paired', 'solo'],
      seeds: [1, 2],
      rounds: 3,
      onProgress,
    });
  }, timeout);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('shows a lineage the second instance of its own model, and nobody else, in self', () => {
    for (const [id, model] of Object.entries(two)) {
      expect(shown('self-1', id)).toEqual([
        [],
        [strategy(`${id}-twin`, model, 1, 1)],
        [strategy(`${id}-twin`, model, 1, 2)],
      ]);
      expect(shown('self-1', `${id}-twin`).at(-1)).toEqual([strategy(id, model, 1, 2)]);
    }
  });

  it('shows in shuffled what peers published in the paired run of another seed, at the same round', () => {
    expect(shown('paired-2', 'a')).toEqual([[], [strategy('b', two.b, 2, 1)], [strategy('b', two.b, 2, 2)]]);
    expect(shown('shuffled-1', 'a')).toEqual(shown('paired-2', 'a'));
    expect(shown('shuffled-1', 'b')).toEqual(shown('paired-2', 'b'));
    expect(shown('shuffled-2', 'a')).toEqual(shown('paired-1', 'a'));
  });

  it('starts a shuffled run after the paired one that lends to it, wherever the arms stand in the list', () => {
    expect(started).toHaveLength(8);
    expect(started.indexOf('arms-shuffled-1')).toBeGreaterThan(started.indexOf('arms-paired-2'));
    expect(started.indexOf('arms-shuffled-2')).toBeGreaterThan(started.indexOf('arms-paired-1'));
  });

  it('counts what came from a twin as adopted, and nothing that another run lent', () => {
    expect(adopted(record('paired/1'), 'a')).toEqual([[2, 'b', 1]]);
    expect(adopted(record('self/1'), 'a')).toEqual([[2, 'a-twin', 1]]);
    expect(adopted(record('self/1'), 'b-twin')).toEqual([[2, 'b', 1]]);
    const lent = lineage(record('shuffled/1'), 'a').generations;
    expect(lent.find((g) => g.generation === 2)!.changedFiles).toContain('copied.mjs');
    expect(lent.flatMap((g) => [g.adoption, ...g.reads]).filter((x) => x !== null)).toEqual([]);
  });

  it('gives each lineage the same in every arm, reports no twin, and tells what twins cost', () => {
    const records = [...all.records.values()];
    const outcomes = lineageOutcomes(records);
    expect([...new Set(outcomes.map((o) => o.lineage))]).toEqual(['a', 'b']);
    expect(budgetBanners(outcomes)).toEqual([]);
    expect(lineage(record('self/1'), 'a-twin')).toMatchObject({ twinOf: 'a', model: two.a });
    const budgets = armBudgets(outcomes, twinOutcomes(records));
    const of = (arm: string) => budgets.filter((b) => b.arm === arm);
    expect(of('self').map((b) => b.isOfTwins)).toEqual([false, true]);
    const [own, twins] = of('self');
    expect(twins!.evaluations).toEqual(own!.evaluations);
    expect(own!.evaluations).toEqual(of('paired')[0]!.evaluations);
    const report = readFileSync(all.outcome.report!, 'utf8');
    expect(report).toMatch(/\| self, twins +\| 2 \|/);
    expect(report).not.toMatch(/\| self \| a-twin/);
    const gains = transferGains(outcomes).map(({ control, lineage: id, points }) => [control, id, points.length]);
    expect(gains).toEqual(
      ['solo', 'sham', 'self', 'shuffled'].flatMap((c) => ['a', 'b'].map((id) => [c, id, c === 'sham' ? 0 : 2])),
    );
  });

  it('comes to the same when a shuffled run is broken off anywhere and goes on, without the run that lent to it', async () => {
    const whole = join(all.out, 'arms-shuffled-1');
    const lines = readFileSync(join(whole, 'journal.jsonl'), 'utf8').split('\n');
    const rounds = lines.flatMap((line, i) => (line.includes('"round.opened"') ? [i] : []));
    for (const kept of [2, rounds[2]! + 1, rounds[3]! + 6]) {
      const copy = join(scratchDir(), 'arms-shuffled-1');
      cpSync(whole, copy, { recursive: true });
      // A journal that says what is safe in the repository keeps it.
      if (!lines.slice(0, kept).some((line) => line.includes('"lineage.checkpointed"'))) {
        rmSync(join(copy, 'lineage'), { recursive: true });
      }
      writeFileSync(join(copy, 'journal.jsonl'), `${lines.slice(0, kept).join('\n')}\n`);
      const outcome = await resume(copy, { logLevel: 'silent' });
      expect(outcome.status).toBe('done');
      expect(resultOf(copy), `from fact ${kept}`).toEqual(resultOf(whole));
    }
  });
});

describe('a shuffled run', { timeout }, () => {
  it('is refused without the arm paired or with one seed, when it is planned already', async () => {
    const file = join(repository, 'experiments', 'packing');
    const refused = expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/seeds: .*at least two seeds/),
    });
    await expect(plan(file, { arms: ['paired', 'shuffled'], seeds: [1] })).rejects.toThrow(refused);
    await expect(plan(file, { arms: ['shuffled'] })).rejects.toThrow(/arms: .*name the arm paired, too/);
  });

  it('is refused, and says what to resume, while the paired run that lends to it is not done', async () => {
    const errors: string[] = [];
    let isBroken = true;
    const { out, records } = await armsRun({
      ...{ dir: scratchDir(), lineages: two, arms: ['paired', 'shuffled'], seeds: [1, 2], rounds: 2 },
      breaks: (at) => isBroken && at.run === 'arms-paired-2' && at.generation === 2,
      onProgress: (event) => {
        if (event.type === 'run.ended' && event.error instanceof Error)
          errors.push(`${event.run}: ${event.error.message}`);
      },
    });
    expect(records.get('shuffled/2')!.status).toBe('done');
    expect(errors.at(-1)).toMatch(
      /^arms-shuffled-1: .*arms-paired-2, which is not at its end \(failed\): resume arms-paired-2 first/,
    );
    isBroken = false;
    const outcome = await resume(join(out, 'arms'), { logLevel: 'silent' });
    expect(outcome.runs.map(({ status }) => status)).toEqual(['done', 'done', 'done', 'done']);
  });
});

it('lets three lineages see each other, each adopt from the one it chose, and gains of each be told', {
  timeout,
}, async () => {
  const three = { ...two, c: 'mutator:numeric' };
  const { records, seen } = await armsRun({
    ...{ dir: scratchDir(), lineages: three, arms: ['paired', 'solo'], seeds: [1], rounds: 2 },
    stand: ({ lineage: id, parent }) => parent + (id === 'c' ? 2 : 1),
  });
  expect(seen.get('arms-paired-1/b/2')!.map((one) => one.lineage)).toEqual(['a', 'c']);
  const paired = records.get('paired/1')!;
  expect(['a', 'b', 'c'].map((id) => adopted(paired, id))).toEqual([[[2, 'b', 1]], [[2, 'c', 1]], [[2, 'a', 1]]]);
  const commits = new Map((await readLog(paired)).map((e) => [`${e.lineage}/${e.generation}`, e]));
  expect(commits.get('b/2')!.parents).toEqual([commits.get('b/1')!.commit, commits.get('c/1')!.commit]);
  const outcomes = lineageOutcomes([...records.values()]);
  expect(adoptionEvents(outcomes).map((e) => [e.outcome.lineage, e.from.lineage])).toEqual([
    ['a', 'b'],
    ['b', 'c'],
    ['c', 'a'],
  ]);
  const solo = transferGains(outcomes).filter(({ control }) => control === 'solo');
  expect(solo.map(({ lineage: id, points }) => [id, points.map((p) => p.gain)])).toEqual([
    ['a', [0]],
    ['b', [0]],
    ['c', [0]],
  ]);
});

it('runs the four arms of the replication from one experiment: who edits, who is a parent, and tournaments', {
  timeout,
}, async () => {
  const { records } = await armsRun({
    ...{ dir: scratchDir(), lineages: { a: two.a }, seeds: [3], rounds: 8 },
    arms: ['full', 'frozen-meta', 'random-parent', 'annealing'],
  });
  const of = (arm: string) => lineage(records.get(`${arm}/3`)!, 'a').generations.slice(1);
  const editors = (arm: string) => of(arm).map((g) => g.metaFrom);
  expect(of('full').every((g) => g.metaFrom === g.parent)).toBe(true);
  expect(new Set(editors('frozen-meta'))).toEqual(new Set([0]));
  expect(of('random-parent').every((g) => g.metaFrom === g.parent)).toBe(true);
  // The same draws choose by score here, and by nothing there.
  expect(of('random-parent').map((g) => g.parent)).not.toEqual(of('full').map((g) => g.parent));
  expect(of('frozen-meta').map((g) => g.parent)).toEqual(of('full').map((g) => g.parent));
  expect(of('full').some((g) => g.tournament !== undefined)).toBe(false);
  expect(of('annealing').some((g) => g.tournament !== undefined)).toBe(true);
  for (const record of records.values()) expect(record.lineages[0]!.generations).toHaveLength(9);
});

it('counts in a plan the second instances that self needs, and the second children of annealing', async () => {
  const file = join(repository, 'experiments', 'packing');
  const planned = (arm: string) => plan(file, { arms: [arm], seeds: [1] });
  const [paired, self, full, annealing] = await Promise.all(['paired', 'self', 'full', 'annealing'].map(planned));
  for (const key of ['generations', 'evaluations', 'maxTokens'] as const) expect(self![key]).toBe(2 * paired![key]);
  expect(annealing!.generations).toBe(full!.generations);
  expect(annealing!.maxTokens).toBe(2 * full!.maxTokens);
});
