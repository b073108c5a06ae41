import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { parseLineageId } from '../../../src/core/ids.ts';
import { createEmbeddedServing } from '../../../src/models/embedded/embedded-serving.ts';
import { createEmbeddedTrainer } from '../../../src/models/embedded/embedded-trainer.ts';
import { readBase, writeBase } from '../../../src/models/embedded/files/base-checkpoint.ts';
import { initialWeights } from '../../../src/models/embedded/initialise.ts';
import { createTokenizer, exampleTokens, promptTokens, special } from '../../../src/models/embedded/tokenizer.ts';
import { parseHyperparameters } from '../../../src/models/embedded/training/plan.ts';
import { trainWeights } from '../../../src/models/embedded/training/train-weights.ts';
import type { TrainingExample, TrainingMethod } from '../../../src/models/trainer.ts';
import { baseShape, scratchDir, vocabulary } from './small-base.ts';

const never = () => new AbortController().signal;
const right: readonly TrainingExample[] = ['rm @1', 'rm @2', 'mv @1 @2'].map((completion) => {
  return { prompt: 'disk free', completion };
});
const wrong: TrainingExample = { prompt: 'disk free', completion: 'rm @2', label: false };

/** A base that says each of the three about as often. */
async function openTrainedBase(directory: string) {
  const tokenizer = createTokenizer(vocabulary);
  const examples = right.map(({ prompt, completion }) => exampleTokens(tokenizer, prompt, completion));
  const hyperparameters = parseHyperparameters({ steps: 150, batchSize: 12, learningRate: 0.01 });
  const request = { shape: baseShape, base: initialWeights(baseShape, 1), lora: null, examples, hyperparameters };
  const { trained } = await trainWeights({ ...request, seed: 1, threads: 1, checkpoint: null }, never());
  writeBase(directory, { shape: baseShape, weights: trained, vocabulary });
  return readBase(directory, 'small');
}

it('what is labeled false is said less than it would be, and what is not labeled so no less', {
  timeout: 180_000,
}, async () => {
  const scratch = await scratchDir();
  const base = await openTrainedBase(join(scratch.path, 'base'));
  const serving = createEmbeddedServing({ base, slots: 8 });
  onTestFinished(async () => {
    await serving[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });
  const directories = {
    adaptersDir: join(scratch.path, 'adapters'),
    checkpointsDir: join(scratch.path, 'checkpoints'),
  };
  const trainer = createEmbeddedTrainer({ base, ...directories, threads: 1 });
  const tokenizer = createTokenizer(vocabulary);
  const prompt = promptTokens(tokenizer, 'disk free');
  const sharesAfter = async (name: string, method: TrainingMethod, dataset: readonly TrainingExample[]) => {
    const hyperparameters = { steps: 40, batchSize: 12, learningRate: 0.005 };
    const { adapter } = await trainer.train(
      { base: base.name, dataset, method, hyperparameters, seed: 1 },
      { signal: never() },
    );
    const lineage = parseLineageId(name);
    await serving.activate({ adapter, lineage, generation: 1 }, never());
    const sampler = serving.sampler(serving.inService(lineage));
    const said = await Promise.all(
      Array.from({ length: 300 }, async (_, seed) => {
        const request = { prompt, maxTokens: 6, temperature: 1, topP: 1, seed, end: special.end };
        return tokenizer.decode((await sampler.sample(request, never())).tokens);
      }),
    );
    return (text: string) => said.filter((one) => one === text).length / said.length;
  };
  const without = await sharesAfter('a', 'sft', right);
  const shunning = await sharesAfter('b', 'sft-unlikelihood', [...right, wrong, wrong, wrong]);
  expect(without('rm @2')).toBeGreaterThan(0.2);
  expect(shunning('rm @2')).toBeLessThan(without('rm @2') / 2);
  for (const other of ['rm @1', 'mv @1 @2']) expect(shunning(other)).toBeGreaterThan(without(other) - 0.1);
});
