import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type ChatRequest, chatRequestSchema } from '../../src/core/chat.ts';
import { decodeVector, embeddingRequestSchema, encodeVector } from '../../src/core/embedding.ts';
import { describeError } from '../../src/core/errors.ts';
import { randomStream } from '../../src/core/random.ts';
import { createOpenAIModel, type OpenAIModelOptions } from '../../src/models/openai-model.ts';
import { type ChatServer, type Fault, startChatServer } from '../support/chat-server.ts';

const never = new AbortController().signal;
const secret = 'sk-Very5ecretKey';
const question = chatRequestSchema.parse({ messages: [{ role: 'user', content: 'a private question' }] });

async function start(faults: readonly Fault[], options: Partial<OpenAIModelOptions> = {}) {
  const server = await startChatServer(() => 'fine', { faults, embeds: (input) => [input.length] });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { server, model: modelAt(server.url, options) };
}

function modelAt(baseUrl: string, options: Partial<OpenAIModelOptions> = {}) {
  return createOpenAIModel({
    name: 'tutor',
    model: 'gpt-x',
    baseUrl,
    apiKey: secret,
    maxRetries: 2,
    timeoutMs: 5_000,
    ...options,
  });
}

async function failureOf(call: Promise<unknown>) {
  const error = await call.then(
    () => expect.fail('the call succeeded'),
    (e: unknown) => e as Error & { code: string; details: Record<string, unknown> },
  );
  return error;
}

const gapsMs = (server: ChatServer) => server.requests.slice(1).map((r, i) => r.atMs - server.requests[i]!.atMs);

describe('an OpenAI-compatible model', () => {
  it.each([429, 503])('waits out Retry-After on %i, then answers', async (status) => {
    const { server, model } = await start([{ kind: 'status', status, headers: { 'retry-after': '0.4' } }]);
    const { completion } = await model.complete(question, never);
    expect(completion.choices[0]!.message.content).toBe('fine');
    expect(server.requests).toHaveLength(2);
    expect(gapsMs(server)[0]).toBeGreaterThanOrEqual(395);
  });

  it('understands Retry-After as a date', async () => {
    const date = new Date(Date.now() + 2_000).toUTCString();
    const { server, model } = await start([{ kind: 'status', status: 503, headers: { 'retry-after': date } }]);
    await model.complete(question, never);
    expect(performance.timeOrigin + server.requests[1]!.atMs).toBeGreaterThan(Date.parse(date) - 10);
  });

  it('gives up at once when Retry-After is longer than its time limit', async () => {
    const { server, model } = await start([{ kind: 'status', status: 429, headers: { 'retry-after': '86400' } }]);
    expect(await failureOf(model.complete(question, never))).toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      retryable: true,
    });
    expect(server.requests).toHaveLength(1);
  });

  it('stops waiting for a retry when it is cancelled', async () => {
    const { server, model } = await start([{ kind: 'status', status: 429, headers: { 'retry-after': '4' } }]);
    const controller = new AbortController();
    const call = model.complete(question, controller.signal);
    await vi.waitFor(() => expect(server.requests).toHaveLength(1), { timeout: 10_000 });
    setTimeout(() => controller.abort(new Error('enough')), 200);
    await expect(call).rejects.toThrow('enough');
    expect(server.requests).toHaveLength(1);
  });

  it('is unavailable after its last retry, and says how often it tried', async () => {
    const { server, model } = await start(
      Array.from({ length: 3 }, () => ({ kind: 'status', status: 503, headers: { 'retry-after-ms': '5' } })),
    );
    const error = await failureOf(model.complete(question, never));
    expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', details: { status: 503, attempts: 3, model: 'tutor' } });
    expect(server.requests).toHaveLength(3);
  });

  it.each(['disconnect', 'disconnect-in-body'] as const)(
    'tries again after a %s, and charges for one',
    async (kind) => {
      const { server, model } = await start([{ kind }], { price: { promptUsdPerMTok: 1, completionUsdPerMTok: 1 } });
      const { completion, costUsd, attempts } = await model.complete(question, never);
      expect(completion.choices[0]!.message.content).toBe('fine');
      expect(server.requests).toHaveLength(2);
      expect(attempts).toBe(2);
      expect(costUsd).toBeCloseTo(15e-6, 12);
    },
  );

  it.each(['disconnect', 'disconnect-in-body'] as const)(
    'says that a request lost in a %s may be billed',
    async (kind) => {
      const { model } = await start([{ kind }], { maxRetries: 0 });
      expect(await failureOf(model.complete(question, never))).toMatchObject({
        code: 'MODEL_UNAVAILABLE',
        details: { mayBeBilled: true, attempts: 1 },
      });
    },
  );

  it('waits twice as long each time without Retry-After, less a jitter from a stream of its own', async () => {
    const overloaded = Array.from({ length: 3 }, (): Fault => ({ kind: 'status', status: 503 }));
    const { server, model } = await start(overloaded, { maxRetries: 3 });
    expect((await model.complete(question, never)).attempts).toBe(4);
    const jitter = randomStream(0, 'model-retry', 'tutor');
    for (const [i, gapMs] of gapsMs(server).entries()) {
      const waitMs = 500 * 2 ** i * (1 - jitter.next() / 4);
      expect(gapMs).toBeGreaterThanOrEqual(waitMs - 2);
      expect(gapMs).toBeLessThan(waitMs + 400);
    }
  });

  it('names the host and the reason of a refused connection', async () => {
    const unused = createServer();
    await new Promise<void>((resolve) => unused.listen(0, '127.0.0.1', resolve));
    const { port } = unused.address() as { port: number };
    await new Promise((resolve) => unused.close(resolve));
    const error = await failureOf(modelAt(`http://127.0.0.1:${port}/v1`, { maxRetries: 0 }).complete(question, never));
    expect(error).toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      details: { network: 'ECONNREFUSED', mayBeBilled: false },
    });
    expect(error.message).toContain(`127.0.0.1:${port}): ECONNREFUSED`);
  });

  it('keeps a password in the URL to itself', async () => {
    const model = modelAt(`http://user:${secret}@127.0.0.1:9/v1`, { maxRetries: 0 });
    const error = await failureOf(model.complete(question, never));
    expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    expect(`${describeError(error)} ${JSON.stringify(error.details)} ${error.stack}`).not.toContain(secret);
  });

  it.each(['hang', 'hang-in-body'] as const)('ends a %s after timeoutMs, without a second try', async (kind) => {
    const { server, model } = await start([{ kind }], { timeoutMs: 500 });
    const started = performance.now();
    const error = await failureOf(model.complete(question, never));
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', details: { mayBeBilled: true } });
    expect(error.message).toContain('did not answer in 500 ms');
    expect(server.requests).toHaveLength(1);
    await vi.waitFor(() => expect(server.hungUp).toBe(1), { timeout: 10_000 });
  });

  it.each([400, 401, 403, 404, 422])('fails for good on %i', async (status) => {
    const { server, model } = await start([{ kind: 'status', status }]);
    expect(await failureOf(model.complete(question, never))).toMatchObject({
      code: 'MODEL_FAILED',
      retryable: false,
      details: { status },
    });
    expect(server.requests).toHaveLength(1);
  });

  it('does not retry a 429 that says the quota is used up', async () => {
    const body = { error: { message: 'no money', code: 'insufficient_quota' } };
    const { server, model } = await start([{ kind: 'status', status: 429, body }]);
    expect(await failureOf(model.complete(question, never))).toMatchObject({
      code: 'MODEL_FAILED',
      details: { status: 429, code: 'insufficient_quota' },
    });
    expect(server.requests).toHaveLength(1);
  });

  it('never repeats what a provider echoes: no key, no prompt, cause chain included', async () => {
    const message = `Incorrect key ${secret} in "a private question"`;
    const { model } = await start([
      { kind: 'status', status: 401, body: { error: { message, code: secret, type: secret } } },
    ]);
    const error = await failureOf(model.complete(question, never));
    const told = `${describeError(error)} ${JSON.stringify(error.details)} ${error.stack}`;
    expect(told).not.toContain(secret);
    expect(told).not.toContain('private');
    expect(error.message).toContain('check the API key');
  });

  it.each([
    ['broken JSON', { kind: 'body', body: '{"id": ', raw: true }],
    ['a web page', { kind: 'body', body: '"<html>"', raw: true }],
    ['no choices', { kind: 'body', body: { id: 'x', choices: [] } }],
  ] as const)('fails for good on %s', async (_what, fault) => {
    const { server, model } = await start([fault]);
    expect(await failureOf(model.complete(question, never))).toMatchObject({ code: 'MODEL_FAILED', retryable: false });
    expect(server.requests).toHaveLength(1);
  });

  it('fills in what compatible servers leave out, and estimates tokens nobody counted', async () => {
    const call = { id: null, function: { name: 'read', arguments: { path: 'a.ts' } } };
    const { model } = await start([
      {
        kind: 'body',
        body: { choices: [{ finish_reason: 'eos', message: { content: 'abcdef', tool_calls: [call] } }] },
      },
    ]);
    const { completion, costUsd } = await model.complete(question, never);
    expect(completion).toMatchObject({ object: 'chat.completion', model: 'gpt-x', created: 0 });
    expect(completion.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ id: 'call_0', type: 'function', function: { arguments: '{"path":"a.ts"}' } }] },
    });
    // 18 characters of prompt at one token per three bytes, and eight for the message.
    expect(completion.usage.prompt_tokens).toBe(14);
    expect(completion.usage.completion_tokens).toBeGreaterThan(2);
    expect(costUsd).toBeNull();
  });

  it('prices a call per million tokens', async () => {
    const { model } = await start([], { price: { promptUsdPerMTok: 3, completionUsdPerMTok: 15 } });
    const { costUsd } = await model.complete(question, never);
    expect(costUsd).toBeCloseTo((10 * 3 + 5 * 15) / 1e6, 12);
    expect(model.price(1_000_000, 1_000_000)).toBe(18);
  });

  it('sends the provider its own model name, the seed, the ceiling, and system for developer', async () => {
    const { server, model } = await start([]);
    const request: ChatRequest = chatRequestSchema.parse({
      model: 'default',
      messages: [{ role: 'developer', content: 'be brief' }],
      max_completion_tokens: 99,
      seed: 7,
    });
    await model.complete(request, never);
    expect(server.requests[0]!.body).toEqual({
      model: 'gpt-x',
      messages: [{ role: 'system', content: 'be brief' }],
      max_tokens: 99,
      seed: 7,
    });
    expect(server.requests[0]!.authorization).toBe(`Bearer ${secret}`);
  });

  it('goes where the configuration says, without a key, whatever the environment holds', async () => {
    vi.stubEnv('OPENAI_API_KEY', 'sk-from-environment');
    vi.stubEnv('OPENAI_BASE_URL', 'http://127.0.0.1:9/v1');
    onTestFinished(() => void vi.unstubAllEnvs());
    const { server, model } = await start([], { apiKey: undefined });
    await model.complete(question, never);
    expect(server.requests[0]!.authorization).toBe('Bearer none');
  });
});

describe('embeddings of an OpenAI-compatible model', () => {
  const texts = embeddingRequestSchema.parse({ input: ['a private text', 'b'], dimensions: 2 });
  const price = { promptUsdPerMTok: 3, completionUsdPerMTok: 15 };
  const embeddings = { model: 'embed-x', usdPerMTok: 0.5 };
  const item = (index: unknown, embedding: unknown) => ({ index, embedding });

  it('asks for digits, by the provider’s own name of the model, and prices them by themselves', async () => {
    const { server, model } = await start([], { price, embeddings });
    const { embeddings: list, costUsd, attempts } = await model.embed!(texts, never);
    expect(server.requests[0]!.body).toEqual({
      model: 'embed-x',
      input: ['a private text', 'b'],
      dimensions: 2,
      encoding_format: 'float',
    });
    expect(list.data.map((d) => decodeVector(d.embedding))).toEqual([[14], [1]]);
    expect([costUsd, attempts]).toEqual([2e-6, 1]);
    expect(model.embedPrice!(1_000_000)).toBe(0.5);
  });

  it.each([
    ['out of order', [item(1, [2]), item(0, [1])]],
    ['without numbers', [item(null, [1]), item(undefined, [2])]],
    ['as base64 all the same', [item(0, encodeVector([1])), item(1, encodeVector([2]))]],
  ])('understands vectors %s, and estimates tokens nobody counted', async (_what, data) => {
    const { model } = await start([{ kind: 'body', body: { data } }], { embeddings: { model: 'e' } });
    const { embeddings: list, costUsd } = await model.embed!(texts, never);
    expect(list.data.map((d) => decodeVector(d.embedding))).toEqual([[1], [2]]);
    // 14 bytes and 1 byte, at one token per three bytes.
    expect([list.usage.prompt_tokens, costUsd]).toEqual([6, null]);
  });

  it.each([
    ['too few', [item(0, [1])]],
    ['the same one twice', [item(0, [1]), item(0, [2])]],
    ['an empty one', [item(0, []), item(1, [2])]],
    ['words', [item(0, ['x']), item(1, [2])]],
    ['what no 32 bits can hold', [item(0, [1e300]), item(1, [2])]],
  ])('fails for good on vectors that are %s', async (_what, data) => {
    const { server, model } = await start([{ kind: 'body', body: { data } }], { embeddings });
    expect(await failureOf(model.embed!(texts, never))).toMatchObject({
      code: 'MODEL_FAILED',
      details: { mayBeBilled: true, providerModel: 'embed-x' },
    });
    expect(server.requests).toHaveLength(1);
  });

  it('are retried as completions are', async () => {
    const { server, model } = await start([{ kind: 'status', status: 503, headers: { 'retry-after-ms': '5' } }], {
      embeddings,
    });
    expect((await model.embed!(texts, never)).attempts).toBe(2);
    expect(server.requests).toHaveLength(2);
  });
});
