import { join } from 'node:path';
import type { ChatRequest } from '../../../src/core/chat.ts';
import { createEmbeddedModel } from '../../../src/models/embedded/embedded-model.ts';
import { createEmbeddedServing } from '../../../src/models/embedded/embedded-serving.ts';
import { createEmbeddedTrainer } from '../../../src/models/embedded/embedded-trainer.ts';
import { type AdapterWeights, writeAdapter } from '../../../src/models/embedded/files/peft-adapter.ts';
import type { Adapter } from '../../../src/models/trainer.ts';
import { servingSuite } from '../../conformance/serving.suite.ts';
import { trainerSuite } from '../../conformance/trainer.suite.ts';
import { openSmallBase, randomAdapters, scratchDir } from './small-base.ts';

trainerSuite('embedded', async () => {
  const scratch = await scratchDir();
  const base = openSmallBase(join(scratch.path, 'base'));
  const adaptersDir = join(scratch.path, 'adapters');
  const directories = { adaptersDir, checkpointsDir: join(scratch.path, 'checkpoints') };
  const create = () => createEmbeddedTrainer({ base, ...directories, threads: 2, checkpointEverySteps: 10 });
  const quick = { rank: 8, alpha: 16, steps: 60, batchSize: 12, learningRate: 0.02 };
  return {
    ...{ trainer: create(), reopen: async () => create(), base: base.name, adaptersDir, quick },
    diverging: { ...quick, learningRate: 1e30 },
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  };
});

servingSuite('embedded', async () => {
  const scratch = await scratchDir();
  const base = openSmallBase(join(scratch.path, 'base'));
  const directory = join(scratch.path, 'adapters');
  const write = (weights: AdapterWeights): Adapter => {
    const id = writeAdapter(directory, base, weights, {});
    return { id, base: base.name, directory: join(directory, id) };
  };
  const [first, second, third] = [write(randomAdapters(1)), write(randomAdapters(2)), write(randomAdapters(3))];
  const serving = createEmbeddedServing({ base, slots: 4 });
  const model = createEmbeddedModel({ name: 'embedded', base, serving });
  const ask = (name: string): ChatRequest => ({
    ...{ model: name, temperature: 0, max_tokens: 12 },
    messages: [{ role: 'user', content: 'disk @1 free' }],
  });
  return {
    serving,
    adapters: [first, second, third],
    broken: {
      missing: { ...first, directory: join(directory, 'nowhere') },
      changed: { ...second, id: third.id },
      numberless: write({ ...randomAdapters(4), floats: randomAdapters(4).floats.map(() => Number.NaN) }),
    },
    async say(name) {
      const { completion } = await model.complete(ask(name), new AbortController().signal);
      return completion.choices[0]!.message.content!;
    },
    async [Symbol.asyncDispose]() {
      await serving[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    },
  };
});
