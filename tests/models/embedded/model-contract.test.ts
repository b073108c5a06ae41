import { join } from 'node:path';
import { createEmbeddedModel } from '../../../src/models/embedded/embedded-model.ts';
import { createEmbeddedServing } from '../../../src/models/embedded/embedded-serving.ts';
import { readBase, writeBase } from '../../../src/models/embedded/files/base-checkpoint.ts';
import { initialWeights } from '../../../src/models/embedded/initialise.ts';
import { parseModelShape } from '../../../src/models/embedded/shape.ts';
import { createTokenizer, exampleTokens, promptTokens } from '../../../src/models/embedded/tokenizer.ts';
import { parseHyperparameters } from '../../../src/models/embedded/training/plan.ts';
import { trainWeights } from '../../../src/models/embedded/training/train-weights.ts';
import { modelSuite, suiteRequests } from '../../conformance/model.suite.ts';
import { scratchDir, vocabulary as small } from './small-base.ts';

/** Bytes, for the suite's texts. */
const vocabulary = { ...small, hasBytes: true };
const tokenizer = createTokenizer(vocabulary);
const shape = parseModelShape({
  vocabularySize: tokenizer.size,
  ...{ hiddenSize: 32, feedForwardSize: 48, layers: 2, heads: 2, contextLength: 32 },
});

/** A different answer to each text, of one to six words. */
const answerTo = (text: string) =>
  text === 'hello'
    ? 'free disk'
    : text === 'a.ts'
      ? 'stat'
      : `mv${' @1'.repeat(text.length % 5)} @${(text.length % 6) + 1}`;
const texts = suiteRequests.flatMap(({ messages }) => (messages.length === 1 ? [String(messages[0]!.content)] : []));

/** The embedded model follows no script, so it has learnt one: nothing else is probable any more. */
const weights = await (async () => {
  const examples = texts.map((text) => exampleTokens(tokenizer, text, answerTo(text)));
  const hyperparameters = parseHyperparameters({ steps: 400, batchSize: 10, learningRate: 0.01 });
  const request = { shape, base: initialWeights(shape, 1), lora: null, examples, hyperparameters };
  return (await trainWeights({ ...request, seed: 1, threads: 1, checkpoint: null }, new AbortController().signal))
    .trained;
})();

modelSuite(
  'embedded',
  async () => {
    const scratch = await scratchDir();
    writeBase(join(scratch.path, 'base'), { shape, weights, vocabulary });
    const base = readBase(join(scratch.path, 'base'), 'small');
    const serving = createEmbeddedServing({ base, slots: 8 });
    return {
      model: createEmbeddedModel({ name: 'embedded', base, serving }),
      async [Symbol.asyncDispose]() {
        await serving[Symbol.asyncDispose]();
        await scratch[Symbol.asyncDispose]();
      },
    };
  },
  {
    ...{ isInstant: true, hasNoTools: true },
    says: (text) => ({
      content: answerTo(text),
      promptTokens: promptTokens(tokenizer, text).length,
      completionTokens: tokenizer.encode(answerTo(text)).length,
    }),
  },
);
