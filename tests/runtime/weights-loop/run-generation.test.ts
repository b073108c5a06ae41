import { expect } from 'vitest';
import type { Observation } from '../../../src/niches/storage/observation.ts';
import type { Credit, Lessons } from '../../../src/runtime/weights-loop/credit.ts';
import type { Learner } from '../../../src/runtime/weights-loop/learner.ts';
import { runGeneration } from '../../../src/runtime/weights-loop/run-generation.ts';
import type { SeedTools } from '../../../src/runtime/weights-loop/run-seed.ts';
import { hostForTest, itNeedsVolumes } from '../../niches/storage/hosts.ts';
import { tinyRecipe } from './tiny-base.ts';

/** Who was asked for a command, with which draw, and what had been said before. */
interface Asked {
  readonly who: string;
  readonly draw: number;
  readonly temperature: number;
  readonly isFirst: boolean;
}

/** One generation of learners that empty the first file they own, and tell what they were asked and given. */
async function generationOf(credit: Credit, generation: number) {
  const asked: Asked[] = [];
  const given: Record<string, Lessons> = {};
  const learner = (who: string): Learner => ({
    propose: (temperature) => async (observation, draw) => {
      asked.push({ who, draw, temperature, isFirst: observation.lastWords.length === 0 });
      return ['truncate', `@${ownPlain(observation)}`];
    },
    learn: async (lessons) => {
      given[who] = lessons;
      return { adapter: null, examples: 0, failure: 'not asked for here' };
    },
  });
  const recipe = { ...tinyRecipe, situations: 2, siblings: 2, commands: 6 };
  const hosts = [await hostForTest({ commands: 6 })];
  const record = await runGeneration(
    {
      ...{ seed: 1, credit, generation },
      ...{ survivor: learner('survivors'), control: learner('random'), untrained: learner('base') },
    },
    { recipe, hosts, onProgress: () => {} } as unknown as SeedTools,
  );
  const by = (who: string) => asked.filter((one) => one.who === who);
  return { record, given, by };
}

const ownPlain = ({ files }: Observation) =>
  files.findIndex(({ owner, flag }) => owner === 'me' && flag === 'plain') + 1;

itNeedsVolumes(
  'lets the base say the first of two commands in a closed world, and the learner the second',
  async () => {
    const { by, record } = await generationOf('two-step', 2);
    // One situation of one command for each of two siblings; one closed, of two commands for each of 4 · 2 / 2.
    expect(by('base')).toHaveLength(4);
    expect(by('base').every(({ isFirst }) => isFirst)).toBe(true);
    expect(by('survivors')).toHaveLength(2 + 4);
    expect(record.commands).toBe(2 + 4 * 2);
  },
);

itNeedsVolumes(
  'has the control draw the same numbers, at the same temperature, as often as something was kept',
  async () => {
    const { by, record, given } = await generationOf('best-sibling', 1);
    expect(record.kept).toBeGreaterThan(0);
    expect(by('random')).toHaveLength(record.kept);
    const draws = by('survivors').map(({ draw }) => draw);
    expect(new Set(draws).size).toBe(draws.length);
    for (const { draw } of by('random')) expect(draws).toContain(draw);
    expect([...by('random'), ...by('survivors')].every(({ temperature }) => temperature === 1)).toBe(true);
    expect([given.survivors!.right.length, given.random!.right.length]).toEqual([record.kept, record.kept]);
  },
);
