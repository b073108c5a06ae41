import { expect, it } from 'vitest';
import { readBase } from '../../../src/models/embedded/files/base-checkpoint.ts';
import { planWorld } from '../../../src/niches/storage/plan.ts';
import { newborn, type Sentence } from '../../../src/niches/storage/play.ts';
import type { Lessons } from '../../../src/runtime/weights-loop/credit.ts';
import { createLearner } from '../../../src/runtime/weights-loop/learner.ts';
import { never } from '../../niches/storage/hosts.ts';
import { scratch, tinyBase } from './tiny-base.ts';

const { observation } = newborn(planWorld({ family: 'web', seed: 3, difficulty: 0 }));

function lessonsOf(...sentences: readonly Sentence[]): Lessons {
  const step = { ...{ command: '', exitCode: 0, stoppedBy: 'exit' as const, result: 'ok' as const, deltaBytes: 1 } };
  const moments = sentences.map((sentence) => {
    return { observation, sentence, step: { ...step, gainBytes: 1, ending: null, damage: null } };
  });
  return { right: [{ moments, freedBytes: 1, mostFreedBytes: 1, ending: null }], wrong: [] };
}

function learnerWith(steps: number, signal: AbortSignal = never) {
  return createLearner({
    ...{ name: 'survivors', base: readBase(tinyBase(), 'tiny'), directory: scratch(), method: 'sft', seed: 1 },
    ...{ hyperparameters: { rank: 4, alpha: 8, steps, batchSize: 4, learningRate: 5e-2 }, threads: 1, signal },
  });
}

it('says what it has learnt from the next command on', async () => {
  const learner = learnerWith(60);
  const sentence = ['chmod', '@3', 'u+w'];
  expect(await learner.propose(0)(observation, 1)).not.toEqual(sentence);
  expect(await learner.learn(lessonsOf(sentence))).toMatchObject({ examples: 1 });
  expect(await learner.propose(0)(observation, 1)).toEqual(sentence);
});

it('learns from all that it was given, each time a fresh adapter with a seed of its own', async () => {
  const learner = learnerWith(2);
  const first = await learner.learn(lessonsOf(['ls', '@1'], ['rm', '@2']));
  expect(first.examples).toBe(2);
  const again = await learner.learn({ right: [], wrong: [] });
  expect(again.examples).toBe(2);
  expect(again.adapter).not.toBe(first.adapter);
  expect((await learner.learn(lessonsOf(['stat', '@1']))).examples).toBe(3);
});

it('takes a training that was stopped for no lesson', async () => {
  const stop = new AbortController();
  stop.abort(new Error('stopped'));
  await expect(learnerWith(2, stop.signal).learn(lessonsOf(['ls', '@1']))).rejects.toThrow('stopped');
});
