import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ChatRequest, chatCompletionSchema, chatRequestSchema } from '../../../src/core/chat.ts';
import { parseLineageId } from '../../../src/core/ids.ts';
import { createEmbeddedModel, type EmbeddedModelOptions } from '../../../src/models/embedded/embedded-model.ts';
import { createEmbeddedServing } from '../../../src/models/embedded/embedded-serving.ts';
import { createEmbeddedTrainer } from '../../../src/models/embedded/embedded-trainer.ts';
import type { TokenAutomaton } from '../../../src/models/embedded/sampling/token-automaton.ts';
import { createTokenizer } from '../../../src/models/embedded/tokenizer.ts';
import { startGateway } from '../../support/gateway.ts';
import { openSmallBase, scratchDir, vocabulary } from './small-base.ts';

const never = () => new AbortController().signal;

async function openModel(options: Partial<EmbeddedModelOptions> = {}) {
  const scratch = await scratchDir();
  const base = openSmallBase(join(scratch.path, 'base'));
  const serving = createEmbeddedServing({ base, slots: 8 });
  onTestFinished(async () => {
    await serving[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });
  return { scratch, base, serving, model: createEmbeddedModel({ name: 'embedded', base, serving, ...options }) };
}

const ask = (content: string, more: object = {}): ChatRequest =>
  chatRequestSchema.parse({ messages: [{ role: 'user', content }], max_tokens: 6, ...more });
const said = async (answer: Promise<{ readonly completion: unknown }>) =>
  chatCompletionSchema.parse((await answer).completion).choices[0]!;

describe('the embedded model', () => {
  it('answers with one complete, countable chat completion that costs nothing', async () => {
    const { model } = await openModel();
    const { completion, costUsd, source } = await model.complete(ask('disk @1 free', { seed: 3 }), never());
    expect(chatCompletionSchema.parse(completion)).toEqual(completion);
    expect([costUsd, source, model.price(5, 5), completion.model]).toEqual([0, 'live', 0, 'small']);
    const { prompt_tokens, completion_tokens, total_tokens } = completion.usage;
    expect([prompt_tokens, total_tokens - completion_tokens]).toEqual([5, 5]);
    expect(completion_tokens).toBeLessThanOrEqual(6);
    expect([model.contextTokens, model.isTrusted, model.embed]).toEqual([32, false, undefined]);
  });

  it('says the same to the same request, whoever asks at the same time, and something else under another seed', async () => {
    const { model } = await openModel();
    const requests = Array.from({ length: 20 }, (_, seed) => ask('disk @1 free', { seed: seed % 10 }));
    const together = await Promise.all(requests.map(async (r) => (await model.complete(r, never())).completion));
    for (const [i, request] of requests.entries()) {
      expect((await model.complete(request, never())).completion).toEqual(together[i]);
    }
    expect(new Set(together.map((completion) => completion.choices[0]!.message.content)).size).toBeGreaterThan(3);
  });

  it('ends at a limit, and before a text that is to end it', async () => {
    const { model } = await openModel();
    const request = ask('disk @1 free', { temperature: 0 });
    const whole = await said(model.complete(request, never()));
    const words = whole.message.content!.split(' ');
    expect(words.length).toBeGreaterThan(1);
    const short = await said(model.complete({ ...request, max_completion_tokens: 1 }, never()));
    expect(short).toMatchObject({ finish_reason: 'length', message: { content: words[0] } });
    const stop = words.at(-1)!;
    const stopped = await said(model.complete({ ...request, stop: [stop, 'never said'] }, never()));
    expect(stopped).toMatchObject({
      finish_reason: 'stop',
      message: { content: whole.message.content!.slice(0, whole.message.content!.indexOf(stop)) },
    });
  });

  it('answers within a grammar made for the prompt', async () => {
    const [rm] = createTokenizer(vocabulary).encode('rm');
    /** `rm` and one of the places that the prompt names. */
    const grammarFor = (prompt: string): TokenAutomaton => {
      const places = createTokenizer(vocabulary).encode(prompt.match(/@\d/g)!.join(' '));
      return {
        start: 0,
        next: (state, token) => (state === 0 && token === rm ? 1 : state === 1 && places.includes(token) ? 2 : -1),
        allowed: (state) => [[rm!], places, []][state]!,
        accepts: (state) => state === 2,
      };
    };
    const { model } = await openModel({ grammarFor });
    const requests = Array.from({ length: 30 }, (_, seed) => ask('disk @2 free @5', { seed, temperature: 2 }));
    const answers = await Promise.all(requests.map((request) => said(model.complete(request, never()))));
    expect(new Set(answers.map(({ message }) => message.content))).toEqual(new Set(['rm @2', 'rm @5']));
    expect(new Set(answers.map(({ finish_reason }) => finish_reason))).toEqual(new Set(['stop']));
  });

  it.each([
    ['a word it does not know', ask('disk @9'), /no word "@9"/],
    ['more than its context', ask('free '.repeat(31)), /prompt has 33 tokens; the model's context is 32/],
    ['a model that is not in service', ask('free', { model: 'small--a-g1-00000000' }), /no model small--a-g1-00000000/],
  ])('refuses %s', async (_, request, message) => {
    const { model } = await openModel();
    await expect(model.complete(request, never())).rejects.toMatchObject({
      code: 'MODEL_FAILED',
      message: expect.stringMatching(message),
    });
  });

  it('rejects with the reason of its signal, before and while it answers', async () => {
    const { model } = await openModel();
    const early = model.complete(ask('free'), AbortSignal.abort(new Error('stopped early')));
    await expect(early).rejects.toThrow('stopped early');
    const controller = new AbortController();
    const late = model.complete(ask('free'), controller.signal);
    controller.abort(new Error('changed my mind'));
    await expect(late).rejects.toThrow('changed my mind');
  });

  it('learns, is put into service, and is asked by the name of its adapter, through the gateway', {
    timeout: 120_000,
  }, async () => {
    const { model, base, serving, scratch } = await openModel();
    const directories = {
      adaptersDir: join(scratch.path, 'adapters'),
      checkpointsDir: join(scratch.path, 'checkpoints'),
    };
    const trainer = createEmbeddedTrainer({ base, ...directories, threads: 2 });
    const places = ['@1', '@2', '@3', '@4'];
    const dataset = places.map((place) => ({ prompt: `disk ${place}`, completion: `rm ${place} free` }));
    const hyperparameters = { steps: 120, batchSize: 8, learningRate: 0.02 };
    const job = { base: base.name, dataset, method: 'sft' as const, hyperparameters, seed: 1 };
    const { adapter } = await trainer.train(job, { signal: never() });
    const lineage = parseLineageId('a');
    const name = await serving.activate({ adapter, lineage, generation: 1 }, never());

    const { client, gateway, records } = await startGateway(model, { models: [serving.inService(lineage)] });
    const question = { model: 'default', temperature: 0, messages: [{ role: 'user' as const, content: 'disk @3' }] };
    const answered = await client.chat.completions.create(question);
    expect([answered.model, answered.choices[0]!.message.content]).toEqual([name, 'rm @3 free']);
    expect(records.map((record) => record.request.model)).toEqual([name]);
    expect(gateway.usage()).toMatchObject({ calls: 1, promptTokens: 4, completionTokens: 3, costUsd: 0 });
    expect((await said(model.complete(ask('disk @3', { temperature: 0 }), never()))).message.content).not.toBe(
      'rm @3 free',
    );
  });
});
