import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { chatRequestSchema } from '../../src/core/chat.ts';
import { experimentSchema } from '../../src/core/config/experiment-schema.ts';
import type { Model } from '../../src/core/define.ts';
import { writeBase } from '../../src/models/embedded/files/base-checkpoint.ts';
import { initialWeights } from '../../src/models/embedded/initialise.ts';
import { parseModelShape } from '../../src/models/embedded/shape.ts';
import { createTokenizer } from '../../src/models/embedded/tokenizer.ts';
import { argumentsOf } from '../../src/niches/storage/action-language.ts';
import { tokenizerWords, type Verb, verbs } from '../../src/niches/storage/vocabulary.ts';
import { createModels } from '../../src/runtime/models.ts';
import { scratchDir } from '../models/embedded/small-base.ts';

const never = () => new AbortController().signal;

/** An untrained base in `<scratch>/bases/mine`, and the model that an experiment beside it makes of it. */
async function open(config: object, words: readonly string[] = tokenizerWords): Promise<Model> {
  const scratch = await scratchDir();
  onTestFinished(() => scratch[Symbol.asyncDispose]());
  const vocabulary = { words: [...words], hasBytes: false };
  const shape = parseModelShape({
    vocabularySize: createTokenizer(vocabulary).size,
    ...{ hiddenSize: 32, feedForwardSize: 48, layers: 1, heads: 2, contextLength: 96 },
  });
  writeBase(join(scratch.path, 'bases', 'mine'), { shape, weights: initialWeights(shape, 1), vocabulary });
  const experiment = experimentSchema.parse({
    ...{ name: 'e', niche: 'x', budget: { generations: 1, usd: 1 }, lineages: { a: { model: 'm' } } },
    models: { m: { kind: 'embedded', base: './bases/mine', ...config } },
  });
  const models = await createModels({ config: experiment, experimentDir: scratch.path, secret: () => undefined });
  return models.get('m')!;
}

const say = async (model: Model, content: string, more: object = {}) => {
  const request = chatRequestSchema.parse({ model: 'm', messages: [{ role: 'user', content }], ...more });
  return (await model.complete(request, never())).completion.choices[0]!.message.content!;
};

/** Two listed files, the others empty: 56 words as the niche tells them, without the first and the last. */
const twoFiles = [
  ...['free:1', ...Array.from({ length: 5 }, () => '.')],
  ...['@1 s3 own:me may:fd is:plain in:memory *.none age:day', '@2 s9 own:me may:fd is:plain in:memory *.none age:day'],
  ...Array.from({ length: 32 }, () => '.'),
].join(' ');

it('answers from a base beside the experiment file, for nothing, and claims no more than the base says', async () => {
  const model = await open({ temperature: 0 });
  expect(model).toMatchObject({ name: 'm', isTrusted: false, contextTokens: 96 });
  expect(model.price(1_000, 1_000)).toBe(0);
  expect(model.embed).toBeUndefined();
  // Greedy unless the request says otherwise: then no seed changes the answer.
  const [one, other] = [await say(model, twoFiles, { seed: 1 }), await say(model, twoFiles, { seed: 2 })];
  expect(one).toBe(other);
  expect(await say(model, twoFiles, { seed: 2, temperature: 1 })).not.toBe(one);
});

it('is trusted under a grammar, because whatever its weights say is a command about what was listed', async () => {
  const model = await open({ grammar: 'storage' });
  expect(model.isTrusted).toBe(true);
  const answers = await Promise.all(Array.from({ length: 60 }, (_, seed) => say(model, twoFiles, { seed })));
  for (const answer of answers) {
    const [verb, position, ...rest] = answer.split(' ');
    expect(verbs).toContain(verb);
    expect(['@1', '@2']).toContain(position);
    const known = argumentsOf(verb as Verb, 2);
    expect(rest).toHaveLength(known.length === 0 ? 0 : 1);
    if (rest.length === 1) expect(known).toContain(rest[0]);
  }
  expect(new Set(answers).size).toBeGreaterThan(20);
  await expect(say(model, 'free:1 . .')).rejects.toMatchObject({
    code: 'MODEL_FAILED',
    message: expect.stringContaining('0 files are shown'),
  });
});

it.each([
  [
    'a base with other words than the grammar',
    { grammar: 'storage' },
    ['rm', 'disk'],
    'CONFIG_INVALID',
    /models\.m: grammar storage speaks/,
  ],
  [
    'a word that is no base',
    { base: 'enormous' },
    tokenizerWords,
    'CONFIG_INVALID',
    /no base "enormous": there are small/,
  ],
  [
    'a directory that holds none',
    { base: './nowhere' },
    tokenizerWords,
    'WEIGHTS_INVALID',
    /nowhere\/config\.json: cannot be read/,
  ],
] as const)('refuses %s, and says what there is', async (_, config, words, code, message) => {
  await expect(open(config, words)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});
