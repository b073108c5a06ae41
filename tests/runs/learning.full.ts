import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Generation } from '../../src/core/records.ts';
import { type CliProcess, factsOf, runCli, scratchDir, startCli } from '../support/example-run.ts';
import { resultOf } from './kill-and-resume.ts';
import { writeLearning } from './learning-run.ts';

const name = 'learning-paired-3';

let dir = '';
let place = '';
let generations: readonly Generation[] = [];
beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'gal-learning-'));
  const end = await runCli(['run', writeLearning(place), '--out', join(place, 'out')]);
  expect(end.code, end.stderr).toBe(0);
  dir = join(place, 'out', name);
  generations = resultOf(dir).generations;
}, 600_000);
afterAll(() => rmSync(place, { recursive: true, force: true }));

describe('a run in which lineages learn', () => {
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', join(dir, 'lineage'), ...args], { encoding: 'utf8' }).trim();
  const of = (lineage: string, generation: number) =>
    generations.find((g) => g.lineage === lineage && g.generation === generation)!;
  const changedBy = (lineage: string, generation: number) => {
    const { commit, parent } = of(lineage, generation);
    return git('diff', '--name-only', of(lineage, parent!).commit, commit).split('\n');
  };

  it('commits a generation that changed weights alone, and one that changed code and weights, like any other', () => {
    expect(of('turns', 4)).toMatchObject({ changedFiles: [], lesson: { status: 'trained' } });
    expect(changedBy('turns', 4).every((path) => path.startsWith('adapter/'))).toBe(true);
    expect(of('both', 2)).toMatchObject({ lesson: { status: 'trained' } });
    const both = changedBy('both', 2);
    expect(both).toContain('adapter/adapter_model.safetensors');
    expect(both.some((path) => !path.startsWith('adapter/'))).toBe(true);
    const text = git('log', '-1', '--format=%B', of('turns', 4).commit);
    expect(text).toMatch(/weights trained on \d+ examples of \d generations/);
    expect(text).toMatch(/^Adapter: sha256:[0-9a-f]{64}$/m);
    expect(text).toMatch(/^Task-Model: .*--turns-g4-[0-9a-f]{8}$/m);
  });

  it('promotes what the environment measures to be better: the same code scores higher with weights that survivors taught', () => {
    const [before, after] = [of('turns', of('turns', 4).parent!), of('turns', 4)];
    expect(after.genome).toBe(before.genome);
    expect(after.verdict).toBe('promoted');
    expect((after.selection as { score: number }).score).toBeGreaterThan((before.selection as { score: number }).score);
  });

  it('keeps every adapter that a commit names as an object of git-lfs, and no working copies', () => {
    const named = generations.flatMap((g) => (g.adapter === undefined ? [] : [g.commit]));
    for (const commit of named) {
      const pointer = git('show', `${commit}:adapter/adapter_model.safetensors`);
      const oid = /oid sha256:([0-9a-f]{64})/.exec(pointer)![1]!;
      expect(existsSync(join(dir, 'lineage/.git/lfs/objects', oid.slice(0, 2), oid.slice(2, 4), oid))).toBe(true);
    }
    expect(existsSync(join(dir, 'adapters'))).toBe(false);
  });

  it('trains on training situations alone: what it was trained on was asked there', () => {
    const trained = generations.filter((g) => g.lesson?.status === 'trained');
    expect(trained.length).toBeGreaterThan(1);
    const trees = (g: Generation) => g.train?.items.map(({ trajectories }) => trajectories) ?? [];
    expect(generations.flatMap(trees).every((tree) => tree !== undefined)).toBe(true);
    for (const { selection } of generations) {
      for (const item of selection?.items ?? []) expect(item).not.toHaveProperty('trajectories');
    }
  });
});

/** @throws when it ended by itself before. */
async function killedWhen(child: CliProcess, isDue: () => boolean): Promise<void> {
  let isOver = false;
  void child.ended.then(() => (isOver = true));
  while (!isOver && !isDue()) await wait(5);
  child.kill('SIGKILL');
  const { signal, stderr } = await child.ended;
  expect(signal, stderr).toBe('SIGKILL');
}

describe('a learning run that is killed', () => {
  it.each([
    ['when it has trained, before the weights were put into service', 'adapter.trained', 1],
    ['when weights have just gone into service, before anything was measured with them', 'trainer.finished', 3],
  ])(
    '%s comes to the same commits when it is resumed',
    async (_, type, count) => {
      const scratch = scratchDir();
      const killed = join(scratch, 'out', name);
      const child = startCli(['run', writeLearning(scratch), '--out', join(scratch, 'out')]);
      const isDue = () =>
        existsSync(join(killed, 'journal.jsonl')) && factsOf(killed).filter((f) => f.type === type).length >= count;
      await killedWhen(child, isDue);
      const resumed = await runCli(['resume', killed]);
      expect(resumed.code, resumed.stderr).toBe(0);
      expect(resultOf(killed)).toEqual(resultOf(dir));
    },
    600_000,
  );

  it('says which object is damaged instead of going on with other weights', async () => {
    const scratch = scratchDir();
    const killed = join(scratch, 'out', name);
    const child = startCli(['run', writeLearning(scratch), '--out', join(scratch, 'out')]);
    const promoted = () =>
      existsSync(join(killed, 'journal.jsonl')) &&
      factsOf(killed).some((f) => {
        const { generation } = f.body as { generation?: Generation };
        return f.type === 'lineage.finished' && generation?.verdict === 'promoted' && generation.adapter !== undefined;
      });
    await killedWhen(child, promoted);
    const objects = join(killed, 'lineage/.git/lfs/objects');
    for (const entry of readdirSync(objects, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      if (entry.isFile()) writeFileSync(file, readFileSync(file).fill(7));
    }
    const resumed = await runCli(['resume', killed]);
    expect(resumed.code).not.toBe(0);
    expect(resumed.stderr).toMatch(/lfs\/objects\/.* is damaged/);
  }, 600_000);
});
