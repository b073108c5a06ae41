import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBase } from '../../../src/models/embedded/files/base-checkpoint.ts';
import { beforeAfter, readLoopLives } from '../../../src/runtime/weights-loop/before-after.ts';
import type { Credit } from '../../../src/runtime/weights-loop/credit.ts';
import { createLearner } from '../../../src/runtime/weights-loop/learner.ts';
import { runWeightsLoop, type WeightsLoopOptions } from '../../../src/runtime/weights-loop/weights-loop.ts';
import { itNeedsVolumes, never } from '../../niches/storage/hosts.ts';
import { scratch, tinyBase, tinyRecipe } from './tiny-base.ts';

const patience = 240_000;

function loop(change: Partial<WeightsLoopOptions> = {}) {
  return runWeightsLoop({
    ...{ recipe: tinyRecipe, seeds: [1], credits: ['best-sibling'], base: tinyBase(), width: 1 },
    ...{ onProgress: () => {}, signal: never },
    ...change,
  });
}

describe('the weights loop', () => {
  itNeedsVolumes(
    'executes, keeps, trains and executes again; the control learns from as many trajectories',
    async () => {
      const directory = scratch();
      const credits: readonly Credit[] = ['best-sibling', 'trajectory'];
      const result = await loop({ directory, credits });
      expect(result.seeds.map(({ credit }) => credit)).toEqual(credits);
      for (const { generations, lives, credit } of result.seeds) {
        expect(generations.length).toBe(2);
        for (const { kept, control, survivors, commands } of generations) {
          expect(control.kept).toBe(kept);
          expect(commands).toBeGreaterThan(0);
          expect(survivors.adapter === null).toBe(survivors.examples === 0);
          if (credit === 'best-sibling') expect(control.examples).toBe(survivors.examples);
        }
        const [first, second] = generations;
        expect(first!.kept + second!.kept).toBeGreaterThan(0);
        expect(first!.success + second!.success).toBeGreaterThan(0);
        expect(second!.survivors.adapter).not.toBe(second!.control.adapter);
        if (credit === 'best-sibling') expect(second!.survivors.examples).toBe(first!.kept + second!.kept);
        expect(Object.values(lives).map((list) => list.length)).toEqual([2, 2, 2, 2]);
        for (const life of Object.values(lives).flat()) {
          expect(life!.steps.length).toBe(life!.commands);
          expect(life!.steps.reduce((sum, { deltaBytes }) => sum + deltaBytes, 0)).toBe(life!.freedBytes);
        }
        expect(lives['base-longer']!.some((life, i) => life!.commands > lives.base[i]!.commands)).toBe(true);
      }
      const kept = JSON.parse(readFileSync(join(directory, 'result.json'), 'utf8'));
      expect(kept).toEqual(JSON.parse(JSON.stringify(result)));
      expect(beforeAfter(readLoopLives(directory), { world: 2 })).toMatchObject({
        base: { steps: result.seeds[0]!.lives.base[1]!.steps },
        survivors: { steps: result.seeds[0]!.lives.survivors[1]!.steps },
      });
      const adapters = readdirSync(join(directory, 'best-sibling-1', 'adapters'));
      const learnt = result.seeds[0]!.generations.flatMap(({ survivors, control }) => [
        survivors.adapter,
        control.adapter,
      ]);
      expect(adapters).toEqual(expect.arrayContaining(learnt.filter((id) => id !== null)));
    },
    patience,
  );

  itNeedsVolumes(
    'learns from what broke its world where that is asked for, and in closed worlds where two steps are',
    async () => {
      const credits: readonly Credit[] = ['best-sibling-negatives', 'own-life-negatives', 'two-step'];
      const result = await loop({
        credits,
        recipe: { ...tinyRecipe, commands: 6, heldOut: 1, situations: 4, siblings: 12 },
      });
      const [negatives, ownLife, twoStep] = result.seeds;
      for (const { generations } of [negatives!, ownLife!]) {
        const given = generations.reduce((sum, { kept, shunned }) => sum + kept + shunned, 0);
        expect(generations.some(({ shunned }) => shunned > 0)).toBe(true);
        expect(generations.at(-1)!.survivors.examples).toBe(given);
        expect(generations.at(-1)!.control.examples).toBe(given);
      }
      // The same worlds, but not the same situations in them.
      expect(ownLife!.generations[0]).not.toEqual(negatives!.generations[0]);
      // Two situations of one command each, 12 drawn; two of two, 24 drawn.
      expect(twoStep!.generations[0]!.commands).toBe(4 * 12);
      expect(twoStep!.generations[1]!.commands).toBeGreaterThan(2 * 12 + 2 * 24);
      expect(result.closed.arms.map(({ arm }) => arm)).toEqual(expect.arrayContaining(['base', 'random', 'survivors']));
    },
    600_000,
  );

  itNeedsVolumes(
    'comes to the same for the same seed, however many sandboxes work at a time',
    async () => {
      const base = tinyBase();
      const recipe = { ...tinyRecipe, generations: 1, situations: 3, siblings: 4, heldOut: 2 };
      const [one, two] = [await loop({ base, recipe }), await loop({ base, recipe, width: 2 })];
      const told = ({ seeds, ...rest }: typeof one) => ({ ...rest, seeds: seeds.map((s) => ({ ...s, wallMs: 0 })) });
      expect(told(two)).toEqual(told(one));
      expect((await loop({ base, recipe, seeds: [4] })).seeds[0]!.generations).not.toEqual(one.seeds[0]!.generations);
    },
    patience,
  );

  itNeedsVolumes(
    'goes on to its end when a generation leaves no survivor, and says so',
    async () => {
      const { seeds, comparisons } = await loop({ recipe: { ...tinyRecipe, situations: 0 } });
      for (const { kept, survivors, control } of seeds[0]!.generations) {
        expect([kept, control.kept]).toEqual([0, 0]);
        expect(survivors).toEqual({ adapter: null, examples: 0, failure: expect.stringContaining('nothing to learn') });
      }
      // Untrained, all that act for so long act alike.
      const { base, survivors, random } = seeds[0]!.lives;
      expect([survivors, random]).toEqual([base, base]);
      expect(comparisons.every(({ differences }) => differences.every((d) => d === 0))).toBe(true);
    },
    patience,
  );

  it('refuses a base that there is not, before anything is opened', async () => {
    await expect(loop({ base: 'large' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(loop({ base: './nowhere' })).rejects.toMatchObject({ code: 'WEIGHTS_INVALID' });
  });
});

describe('a learner', () => {
  it('that is given nothing says why it learnt nothing, and goes on as it was', async () => {
    const base = readBase(tinyBase(), 'tiny');
    const learner = createLearner({
      ...{ name: 'survivors', base, directory: scratch(), method: 'sft', hyperparameters: tinyRecipe.lora },
      ...{ seed: 1, threads: 1, signal: never },
    });
    expect(await learner.learn({ right: [], wrong: [] })).toEqual({
      adapter: null,
      examples: 0,
      failure: expect.stringContaining('empty'),
    });
    expect(learner.propose(1)).toBeTypeOf('function');
  });
});
