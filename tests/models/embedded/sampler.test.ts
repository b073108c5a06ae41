import { describe, expect, it } from 'vitest';
import { randomStream } from '../../../src/core/random.ts';
import { createWasmDevice, type Device, firstFree, type Kernels } from '../../../src/models/embedded/device.ts';
import { forward } from '../../../src/models/embedded/forward.ts';
import { initialWeights } from '../../../src/models/embedded/initialise.ts';
import {
  Allocator,
  fillRotary,
  takeActivations,
  takeRotary,
  weightLayout,
} from '../../../src/models/embedded/layout.ts';
import { chooseToken, logSumExp } from '../../../src/models/embedded/sampling/choose-token.ts';
import { createSampler } from '../../../src/models/embedded/sampling/sampler.ts';
import type { Sample, SampleRequest } from '../../../src/models/embedded/sampling/text.ts';
import type { TokenAutomaton } from '../../../src/models/embedded/sampling/token-automaton.ts';
import { tinyShape } from './training-samples.ts';

const never = () => new AbortController().signal;
/** Larger than a fresh model's, so that contexts make a difference. */
const weights = initialWeights(tinyShape, 4).map((w) => 3 * w);
const end = 1;

const request = (more: Partial<SampleRequest> = {}): SampleRequest => ({
  ...{ prompt: [0, 5, 9], maxTokens: 12, temperature: 1, topP: 1, seed: 1, end },
  ...more,
});

/** Random prompts of all lengths, some of them alike. */
function mixedRequests(count: number): SampleRequest[] {
  const random = randomStream(8, 'prompts');
  const prompts = Array.from({ length: count / 2 }, () =>
    Array.from({ length: 1 + random.int(20) }, () => random.int(16)),
  );
  return Array.from({ length: count }, (_, i) =>
    request({
      prompt: prompts[random.int(prompts.length)]!,
      seed: i,
      topP: i % 3 === 0 ? 0.8 : 1,
      scoresPrompt: i % 5 === 0,
    }),
  );
}

/** Logits of every position as training computes them. */
function trainingLogits(tokens: readonly number[]): Float32Array[] {
  const place = new Allocator(firstFree);
  const layout = weightLayout(tinyShape);
  const at = { weights: place.take(layout.count), tokens: place.take(24), rotary: takeRotary(tinyShape, place) };
  const activations = takeActivations(tinyShape, 1, 0, place);
  const device = createWasmDevice(place.end);
  fillRotary(device.floats, tinyShape, at.rotary);
  device.floats.set(weights, at.weights);
  device.ints.set(tokens, at.tokens);
  const pass = { device, shape: tinyShape, layout, weights: at.weights, rotary: at.rotary, activations };
  forward(pass, { tokens: at.tokens, sequences: 1, length: 24 });
  const v = tinyShape.vocabularySize;
  return tokens.map((_, i) => device.floats.slice(activations.logits + i * v, activations.logits + (i + 1) * v));
}

describe('sampling', () => {
  it('gives a text the same bits whatever is sampled beside it, and however many at a time', async () => {
    const requests = mixedRequests(40);
    const alone: Sample[] = [];
    for (const one of requests) alone.push(await createSampler(tinyShape, weights, 1).sample(one, never()));
    for (const slots of [3, 64]) {
      const sampler = createSampler(tinyShape, weights, slots);
      const together = await Promise.all(requests.map((one) => sampler.sample(one, never())));
      expect(together).toEqual(alone);
    }
    expect(new Set(alone.map((sample) => sample.tokens.join())).size).toBeGreaterThan(20);
  });

  it('reads a prompt once for all that continue it, as long as a slot still holds it', async () => {
    let rows = 0;
    const counting = (last: number): Device => {
      const device = createWasmDevice(last);
      const attendCached: Kernels['attendCached'] = (...args) => {
        rows += args[7];
        device.kernels.attendCached(...args);
      };
      return { ...device, kernels: { ...device.kernels, attendCached } };
    };
    const sampler = createSampler(tinyShape, weights, 4, counting);
    const prompts = Array.from({ length: 6 }, (_, i) => Array.from({ length: 15 }, (_, j) => (3 * i + 5 * j) % 16));
    const texts = Array.from({ length: 60 }, (_, seed) =>
      request({ prompt: prompts[seed % 6]!, seed, end: 99, maxTokens: 3 }),
    );
    await Promise.all(texts.map((text) => sampler.sample(text, never())));
    // Six prompts, and for each text two of the three tokens drawn; each layer counts its rows.
    expect(rows / tinyShape.layers).toBe(6 * 15 + 60 * 2);
  });

  it('reads a prompt again when its slot was given away', async () => {
    const sampler = createSampler(tinyShape, weights, 2);
    const said: Sample[] = [];
    for (const first of [3, 4, 5, 6, 3]) {
      const prompt = Array.from({ length: 12 }, (_, i) => (first * (i + 1)) % 16);
      said.push(await sampler.sample(request({ prompt, seed: first }), never()));
    }
    expect(said.at(-1)).toEqual(said[0]);
  });

  it('with a cache is as likely as training says without one', async () => {
    const sample = await createSampler(tinyShape, weights).sample(request({ scoresPrompt: true, seed: 3 }), never());
    const tokens = [...request().prompt, ...sample.tokens, ...(sample.finish === 'stop' ? [end] : [])];
    const logits = trainingLogits(tokens);
    const expected = tokens.slice(1).map((token, i) => logits[i]![token]! - logSumExp(logits[i]!));
    const said = [...sample.promptLogProbabilities, ...sample.logProbabilities];
    expect(said.length).toBeGreaterThan(5);
    expect(said.length).toBe(expected.length);
    for (const [i, value] of expected.entries()) expect(said[i]).toBeCloseTo(value, 4);
  });

  it('ends at the end, at a stop token, at the limit and at the end of the context, and says which', async () => {
    const sampler = createSampler(tinyShape, weights);
    const free = await sampler.sample(request({ maxTokens: 100, end: 15, seed: 9, temperature: 3 }), never());
    const [, second] = free.tokens;
    const cases = await Promise.all([
      sampler.sample(request({ maxTokens: 100, end: second!, seed: 9, temperature: 3 }), never()),
      sampler.sample(request({ maxTokens: 100, end: 15, stop: [second!], seed: 9, temperature: 3 }), never()),
      sampler.sample(request({ maxTokens: 2, end: 15, seed: 9, temperature: 3 }), never()),
      sampler.sample(request({ prompt: Array(24).fill(3), end: 99, maxTokens: 100 }), never()),
      sampler.sample(request({ maxTokens: 0 }), never()),
    ]);
    const isAtOnce = free.tokens[0] === second;
    expect(cases.map(({ finish, tokens }) => [finish, tokens.length])).toEqual([
      ['stop', isAtOnce ? 0 : 1],
      ['stop', isAtOnce ? 0 : 1],
      ['length', 2],
      ['length', 1],
      ['length', 0],
    ]);
    expect(cases[0]!.logProbabilities).toHaveLength(cases[0]!.tokens.length + 1);
  });

  it('lets go of a text whose signal says so, waiting or begun, and goes on with the others', async () => {
    const sampler = createSampler(tinyShape, weights, 1);
    const controller = new AbortController();
    const texts = [never(), controller.signal, controller.signal, never()].map((signal, i) =>
      sampler.sample(request({ seed: i, end: 99, maxTokens: 8 }), signal),
    );
    controller.abort(new Error('changed my mind'));
    const settled = await Promise.allSettled(texts);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect((settled[1] as PromiseRejectedResult).reason.message).toBe('changed my mind');
    await expect(sampler.sample(request(), AbortSignal.abort(new Error('early')))).rejects.toThrow('early');
    const begun = new AbortController();
    const text = sampler.sample(request({ end: 99, maxTokens: 8 }), begun.signal);
    setImmediate(() => begun.abort(new Error('in the middle')));
    await Promise.allSettled([text]);
    expect((await sampler.sample(request({ end: 99, maxTokens: 8 }), never())).tokens).toHaveLength(8);
  });

  it.each([
    [
      'a prompt longer than the context',
      { prompt: Array(25).fill(1) },
      /prompt has 25 tokens; the model's context is 24/,
    ],
    ['no prompt', { prompt: [] }, /prompt has no token/],
    ['a token that does not exist', { prompt: [16] }, /token 16; the vocabulary has 16/],
  ])('refuses %s', async (_, more, message) => {
    const sample = createSampler(tinyShape, weights, 1).sample(request(more), never());
    await expect(sample).rejects.toMatchObject({ code: 'MODEL_FAILED', message: expect.stringMatching(message) });
  });

  it('says that weights yield no number', async () => {
    const broken = weights.map((w, i) => (i === weights.length - 1 ? Number.NaN : w));
    await expect(createSampler(tinyShape, broken, 1).sample(request(), never())).rejects.toThrow(
      /weights yield no number/,
    );
  });
});

/** An even token, then its successor, any number of times but not none. */
const pairs: TokenAutomaton = {
  start: -2,
  next: (state, token) => (state < 0 ? (token % 2 === 0 ? token : -1) : token === state + 1 ? -3 : -1),
  allowed: (state) => (state < 0 ? [2, 4, 6, 8] : [state + 1]),
  accepts: (state) => state === -3,
};

describe('sampling under a grammar', () => {
  const grammarOf = (more: Partial<TokenAutomaton>): TokenAutomaton => ({ ...pairs, ...more });

  it('yields sentences of the grammar only, and draws among them as the model would', async () => {
    const sampler = createSampler(tinyShape, weights);
    const requests = Array.from({ length: 60 }, (_, seed) => request({ seed, grammar: pairs, temperature: 2 }));
    const samples = await Promise.all(requests.map((one) => sampler.sample(one, never())));
    for (const { tokens, finish } of samples) {
      expect(
        tokens.every((token, i) => (i % 2 === 0 ? [2, 4, 6, 8].includes(token) : token === tokens[i - 1]! + 1)),
      ).toBe(true);
      if (finish === 'stop') expect(tokens.length % 2 === 0 && tokens.length > 0).toBe(true);
    }
    expect(new Set(samples.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(10);
    expect(samples.some(({ finish }) => finish === 'stop')).toBe(true);
  });

  it('asks the grammar about a state once', async () => {
    let asked = 0;
    const counting = grammarOf({
      allowed(state) {
        asked += 1;
        return pairs.allowed(state);
      },
    });
    const sampler = createSampler(tinyShape, weights);
    await Promise.all(
      Array.from({ length: 30 }, (_, seed) =>
        sampler.sample(request({ seed, grammar: counting, temperature: 2 }), never()),
      ),
    );
    expect(asked).toBeLessThanOrEqual(6);
  });

  it.each([
    ['admits nothing', grammarOf({ allowed: () => [], accepts: () => false }), /grammar admits nothing in state -2/],
    [
      'allows an unknown token',
      grammarOf({ allowed: () => [16] }),
      /allows token 16 in state -2; the vocabulary has 16/,
    ],
    [
      'does not know where to go',
      grammarOf({ next: () => -1 }),
      /allows token \d in state -2, and has no state after it/,
    ],
  ])('refuses a grammar that %s, and that text alone', async (_, grammar, message) => {
    const sampler = createSampler(tinyShape, weights);
    const [refused, other] = await Promise.allSettled([
      sampler.sample(request({ grammar }), never()),
      sampler.sample(request(), never()),
    ]);
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'MODEL_FAILED' } });
    expect((refused as PromiseRejectedResult).reason.message).toMatch(message);
    expect(other!.status).toBe('fulfilled');
  });
});

describe('the choice of a token', () => {
  const logits = Float32Array.from([0, 2, 1, -1].map((v) => Math.fround(v)));
  const shares = (among: Int32Array | null, temperature: number, topP: number) => {
    const random = randomStream(2, 'choice');
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 40_000; i += 1)
      counts[chooseToken(logits, among, { temperature, topP }, random)]! += 1 / 40_000;
    return counts;
  };
  const softmax = (values: readonly number[], temperature: number) => {
    const e = values.map((v) => Math.exp(v / temperature));
    const sum = e.reduce((a, b) => a + b, 0);
    return e.map((v) => v / sum);
  };

  it.each([0.5, 1, 2])('follows the softmax at temperature %d', (temperature) => {
    const expected = softmax([0, 2, 1, -1], temperature);
    for (const [i, share] of shares(null, temperature, 1).entries()) expect(share).toBeCloseTo(expected[i]!, 1);
  });

  it('takes the likeliest at temperature 0, of those that are allowed', () => {
    expect(shares(null, 0, 1)[1]).toBeCloseTo(1);
    expect(shares(Int32Array.from([0, 3]), 0, 1)[0]).toBeCloseTo(1);
  });

  it('keeps the smallest nucleus that has the probability asked for', () => {
    const [p1, p2] = [softmax([0, 2, 1, -1], 1)[1]!, softmax([0, 2, 1, -1], 1)[2]!];
    expect(shares(null, 1, p1 - 0.01).map((s) => s > 0)).toEqual([false, true, false, false]);
    expect(shares(null, 1, p1 + p2 - 0.01).map((s) => s > 0)).toEqual([false, true, true, false]);
    expect(shares(null, 1, p1 + p2 + 0.01).map((s) => s > 0)).toEqual([true, true, true, false]);
  });
});
