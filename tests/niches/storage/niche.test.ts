import { describe, expect, it } from 'vitest';
import { createBubblewrapProvider } from '../../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { isToken } from '../../../src/core/ids.ts';
import type { Json } from '../../../src/core/json.ts';
import type { Consequence, Situation } from '../../../src/core/niche.ts';
import { quote } from '../../../src/niches/storage/action-language.ts';
import { storage, storageParamsSchema } from '../../../src/niches/storage/niche.ts';
import { observationLength } from '../../../src/niches/storage/observation.ts';
import { itNeedsVolumes, never, openerOf } from './hosts.ts';

const params = storageParamsSchema.parse({});
const closed = { openSandbox: () => Promise.reject(new Error('nothing was to be executed')) };
const open = { openSandbox: openerOf(createBubblewrapProvider()) };

function measure(tools: typeof closed | typeof open, output: unknown, exitCode = 0, one = first) {
  return storage.create(params, tools).measure(one, { output: output as Json, exitCode }, never);
}

const situationsOf = (seed: number, count: number) =>
  storage.create(params, closed).situations({ split: 'train', seed, count });
const [first] = situationsOf(7, 1) as [Situation];

interface Shown {
  readonly files: readonly { path: string; size: number; isWritable: boolean; flag: string; owner: string }[];
  readonly observation: string;
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly commands: number;
}

const shown = first.input as unknown as Shown;

describe('a situation of the storage niche', () => {
  it('follows from split, seed and number, and shows a world without saying which', () => {
    expect(situationsOf(7, 5)).toEqual(situationsOf(7, 8).slice(0, 5));
    expect(situationsOf(7, 3).map(({ input }) => input)).not.toEqual(situationsOf(8, 3).map(({ input }) => input));
    for (const { id, input } of situationsOf(7, 20)) {
      expect(isToken(id)).toBe(true);
      const [, , , worldSeed] = id.split('-');
      expect(JSON.stringify(input)).not.toContain(String(Number.parseInt(worldSeed!, 36)));
    }
    expect(new Set(situationsOf(7, 40).map(({ id }) => id.split('-')[2]))).toEqual(new Set(['web', 'mail']));
  });

  it('holds what a command would see: space, files, and the observation in words', () => {
    expect(shown).toMatchObject({ commands: 6, capacityBytes: 4 * 2 ** 20 });
    expect(shown.availableBytes).toBeGreaterThan(0);
    expect(shown.observation.split(' ')).toHaveLength(observationLength - 2);
    expect(shown.files.length).toBeGreaterThan(10);
    expect(JSON.stringify(shown.files)).not.toMatch(/isVital|content/);
  });
});

describe('an answer to the storage niche', () => {
  it.each([
    ['crash', { commands: [] }, 3],
    ['no-answer', null, 0],
    ['no-answer', { commands: 'rm -rf /' }, 0],
    ['no-answer', { commands: [1] }, 0],
    ['infeasible', { commands: Array(7).fill('true') }, 0],
    ['infeasible', { commands: ['true', `echo ${'x'.repeat(5_000)}`] }, 0],
    ['infeasible', { commands: ['a\0b'] }, 0],
  ] as const)('fails as %s, without a sandbox, when it is %j', async (reason, output, exitCode) => {
    expect(await measure(closed, output, exitCode)).toMatchObject({ status: 'failed', reason });
  });

  itNeedsVolumes('is worth the share of the volume that its commands freed, whatever it says of itself', async () => {
    const target = shown.files.find(({ isWritable, flag, owner }) => isWritable && flag === 'plain' && owner === 'me')!;
    const free = `truncate -s 0 -- ${quote(target.path)}`;
    const measured = (await measure(open, { commands: [free, 'echo 1e9'], score: 1e9 })) as Consequence & {
      score: number;
    };
    const pages = Math.ceil(target.size / 4_096) * 4_096;
    expect(measured).toMatchObject({
      status: 'measured',
      score: pages / shown.capacityBytes,
      details: { freedBytes: pages, ending: null, damage: null, steps: [{ deltaBytes: pages }, { deltaBytes: 0 }] },
    });
    expect(await measure(open, { commands: [free, 'echo 1e9'] })).toEqual(measured);
    expect(await measure(open, { commands: [] })).toMatchObject({ status: 'measured', score: 0 });
  });

  it.each([
    { actions: ['rm @9'] },
    { actions: ['rm -rf /'] },
    { actions: ['rm @1', 'rm @2', 'rm @3', 'rm @4', 'rm @5', 'rm @6', 'ls @1'] },
    { actions: [], tries: Array.from({ length: 17 }, (_, i) => `rm @${i}`) },
  ])('fails as infeasible, without a sandbox, when its sentences are %j', async (output) => {
    expect(await measure(closed, output)).toMatchObject({ status: 'failed', reason: 'infeasible' });
  });

  itNeedsVolumes(
    'in sentences teaches what each of them freed in a copy of its own, and tries score nothing',
    async () => {
      const tries = ['ls @1', 'rm @2', 'rm @3', 'truncate @4'];
      const trained = await measure(open, { actions: ['ls @1'], tries });
      expect(trained).toMatchObject({ status: 'measured', score: 0 });
      const { trajectories = [] } = trained as Extract<Consequence, { status: 'measured' }>;
      expect(trajectories.map(({ steps }) => steps)).toEqual(
        tries.map((completion) => [{ prompt: shown.observation, completion }]),
      );
      expect(trajectories[0]!.gain).toBe(0);
      expect(trajectories.some(({ gain }) => gain > 0)).toBe(true);
      const tested = await measure(open, { actions: ['ls @1'], tries }, 0, { ...first, split: 'test' });
      expect(tested).not.toHaveProperty('trajectories');
    },
  );

  itNeedsVolumes('ends with the node that it breaks', async () => {
    const commands = ['rm -rf /workspace/etc', 'rm -rf /workspace/home'];
    expect(await measure(open, { commands })).toMatchObject({
      status: 'measured',
      score: -shown.availableBytes / shown.capacityBytes,
      details: { ending: 'broken', damage: expect.stringMatching(/is gone/), steps: [{ gainBytes: 0 }] },
    });
  });

  it('is not measured, and no zero, when no sandbox can be had', async () => {
    await expect(measure(closed, { commands: ['true'] })).rejects.toThrow(/nothing was to be executed/);
    const foreign: Situation = { ...first, id: 'train-0' };
    await expect(measure(open, { commands: ['true'] }, 0, foreign)).rejects.toThrow(
      /no situation of the storage niche/,
    );
  });
});
