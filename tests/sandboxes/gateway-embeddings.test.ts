import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeVector } from '../../src/core/embedding.ts';
import { canonicalJson, sha256 } from '../../src/core/json.ts';
import { createCassetteModel } from '../../src/models/cassette-model.ts';
import { eventually, latch, refusalOf, startGateway } from '../support/gateway.ts';
import { createScriptedModel, type ScriptedModelOptions, toEmbeddingList } from '../support/scripted-model.ts';
import { rawRequest } from '../support/socket-fetch.ts';

/** A number that 32 bits cannot hold exactly shows what became of it. */
const vectorOf = (input: string | readonly number[]) => [input.length, 0.1];
const embedder = (options: ScriptedModelOptions = {}) =>
  createScriptedModel(() => 'text', { embeds: vectorOf, ...options });

async function start(options: ScriptedModelOptions = {}, overrides: Parameters<typeof startGateway>[1] = {}) {
  const model = embedder(options);
  const started = await startGateway(model, overrides);
  const embed = (input: string | string[] | number[], more: object = {}) =>
    started.client.embeddings.create({ model: 'any', input, ...more });
  const post = async (body: unknown) => {
    const path = '/v1/embeddings';
    const { status, text } = await rawRequest(started.gateway.socketPath, { path }, JSON.stringify(body));
    return { status, body: JSON.parse(text) };
  };
  return { ...started, model, embed, post };
}

describe('embeddings through the gateway', () => {
  it('come as base64 or as digits, and mean the same', async () => {
    const { embed, post } = await start();
    const expected = [
      [3, Math.fround(0.1)],
      [1, Math.fround(0.1)],
    ];
    const asDefault = await embed(['abc', 'd']);
    expect(asDefault.data.map((d) => [...d.embedding])).toEqual(expected);
    const digits = await post({ input: ['abc', 'd'] });
    expect(digits).toEqual({
      status: 200,
      body: {
        object: 'list',
        model: 'scripted',
        data: expected.map((embedding, index) => ({ object: 'embedding', index, embedding })),
        usage: { prompt_tokens: 4, total_tokens: 4 },
      },
    });
    const base64 = await post({ input: ['abc', 'd'], encoding_format: 'base64' });
    expect(base64.body.data.map((d: { embedding: string }) => decodeVector(d.embedding))).toEqual(expected);
    expect({ ...base64.body, data: null }).toEqual({ ...digits.body, data: null });
  });

  it('take one text, many, one list of tokens or many, and options that were left unset', async () => {
    const { post, model } = await start();
    const unset = { encoding_format: null, dimensions: null, user: null };
    for (const input of ['a', ['a', 'b'], [1, 2], [[1], [2, 3]]]) {
      expect((await post({ model: 'any', input, ...unset })).status).toBe(200);
    }
    await post({ input: 'a', dimensions: 7, user: 'me', seed: 5 });
    expect(model.embeddingRequests).toEqual([
      { model: 'base', input: ['a'] },
      { model: 'base', input: ['a', 'b'] },
      { model: 'base', input: [[1, 2]] },
      { model: 'base', input: [[1], [2, 3]] },
      { model: 'base', input: ['a'], dimensions: 7 },
    ]);
  });

  it.each([
    ['no input', {}],
    ['an empty text', { input: '' }],
    ['an empty list', { input: [] }],
    ['an empty list of tokens', { input: [[]] }],
    ['texts among tokens', { input: [1, 'a'] }],
    ['half a token', { input: [0.5] }],
    ['an object', { input: { text: 'a' } }],
    ['more inputs than the protocol allows', { input: Array.from({ length: 2_049 }, () => 'a') }],
    ['no dimension', { input: 'a', dimensions: 0 }],
    ['another encoding', { input: 'a', encoding_format: 'hex' }],
    ['a list', []],
  ])('refuse %s', async (_what, body) => {
    const { post, model, gateway } = await start();
    expect(await post(body)).toMatchObject({ status: 400, body: { error: { code: 'invalid_request' } } });
    expect([model.embeddingRequests, gateway.usage().calls, gateway.refusals().malformed]).toEqual([[], 0, 1]);
  });

  it('are not there for a model without them', async () => {
    const { client, gateway } = await startGateway(createScriptedModel(() => 'text'));
    const refusal = await refusalOf(client.embeddings.create({ model: 'any', input: 'a' }));
    expect(refusal).toMatchObject({ status: 404, code: 'no_embeddings' });
    expect([gateway.usage().calls, gateway.failure()]).toEqual([0, null]);
  });

  it('are not there for a cassette of such a model, recording or replaying', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'cassette-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    const of = createScriptedModel(() => 'text');
    const heard = [];
    for (const mode of ['record', 'replay'] as const) {
      const model = createCassetteModel({ name: 'c', file: join(dir, 'calls.jsonl'), mode, of });
      const { client, gateway, budget } = await startGateway(model);
      const { status, code } = await refusalOf(client.embeddings.create({ model: 'any', input: 'a' }));
      heard.push([status, code, gateway.usage().calls, budget.spent.tokens, gateway.failure()]);
    }
    expect(heard).toEqual(Array.from({ length: 2 }, () => [404, 'no_embeddings', 1, 0, null]));
  });
});

describe('embeddings in the books', () => {
  it('are charged, recorded and shown as completions are, in one count of calls', async () => {
    const seen: string[] = [];
    const { client, embed, gateway, records, budget, model } = await start(
      { usdPerToken: 0.001 },
      { onMessages: (texts) => void seen.push(...texts) },
    );
    await embed(['abc', 'd']);
    await embed([1, 2]);
    await client.chat.completions.create({ model: 'base', messages: [{ role: 'user', content: 'hi' }] });
    expect(records.map((r) => [r.index, r.charged, r.error])).toEqual([
      [0, { promptTokens: 4, completionTokens: 0, usd: 0.004 }, null],
      [1, { promptTokens: 2, completionTokens: 0, usd: 0.002 }, null],
      [2, { promptTokens: 10, completionTokens: 5, usd: 0.015 }, null],
    ]);
    expect(records[0]).toMatchObject({
      digest: sha256(canonicalJson(model.embeddingRequests[0])),
      request: model.embeddingRequests[0],
      answer: { source: 'live', costUsd: 0.004 },
    });
    expect(gateway.usage()).toMatchObject({ calls: 3, promptTokens: 16, completionTokens: 5 });
    expect(gateway.usage().costUsd).toBeCloseTo(0.021, 9);
    expect(budget).toMatchObject({ spent: { tokens: 21 }, reserved: { tokens: 0, usd: 0 } });
    expect(seen).toEqual(['abc', 'd', 'hi']);
  });

  it('reserve what they may cost before they are asked for', async () => {
    const gate = latch();
    const { embed, gateway, budget, model } = await start(
      { until: gate.opened, usdPerToken: 0.001 },
      { budget: { usd: 0.05 } },
    );
    // 120 bytes at one token per three bytes, then 30.
    const first = embed('x'.repeat(120));
    await eventually(() => expect(budget.reserved.usd).toBeCloseTo(0.04, 9));
    expect(await refusalOf(embed('x'.repeat(60)))).toMatchObject({ status: 402, code: 'budget_exhausted' });
    const second = embed('x'.repeat(30));
    gate.open();
    await Promise.all([first, second]);
    expect(model.embeddingRequests).toHaveLength(2);
    expect(gateway.refusals()).toMatchObject({ budget: 1, malformed: 0 });
    expect(budget.spent.usd).toBeCloseTo(0.004, 9);
  });

  it('keep to the limits of the gateway', async () => {
    const { embed, gateway } = await start({}, { limits: { maxCalls: 1, maxTokens: 50 } });
    expect(await refusalOf(embed('x'.repeat(200)))).toMatchObject({ status: 402 });
    await embed('a');
    expect(await refusalOf(embed('a'))).toMatchObject({ status: 402 });
    expect(gateway.refusals()).toMatchObject({ tokens: 1, calls: 1 });
  });

  it('cost an unknown amount where their price is unknown, whatever completions cost', async () => {
    const model = { ...embedder({ usdPerToken: 0.001 }), embedPrice: () => null };
    const unpriced: typeof model = {
      ...model,
      embed: async (request, signal) => ({ ...(await embedder().embed!(request, signal)), costUsd: null }),
    };
    const { client, gateway, records } = await startGateway(unpriced);
    await client.chat.completions.create({ model: 'base', messages: [{ role: 'user', content: 'hi' }] });
    expect(gateway.usage().costUsd).toBeCloseTo(0.015, 9);
    await client.embeddings.create({ model: 'base', input: 'a' });
    expect(gateway.usage().costUsd).toBeNull();
    expect(records[1]!.charged.usd).toBeNull();
  });

  it('are recalled when a run goes on, each call as what it was', async () => {
    const first = await start();
    await first.embed(['a', 'b']);
    await first.client.chat.completions.create({ model: 'base', messages: [{ role: 'user', content: 'hi' }] });
    const { records } = first;
    const second = await start(
      {},
      { recall: (index, digest) => records.find((r) => r.index === index && r.digest === digest)?.answer ?? null },
    );
    const list = await second.embed(['a', 'b']);
    expect(list.data.map((d) => d.embedding[0])).toEqual([1, 1]);
    const messages = [{ role: 'user' as const, content: 'hi' }];
    const { choices } = await second.client.chat.completions.create({ model: 'base', messages });
    expect(choices[0]!.message.content).toBe('text');
    expect([second.model.requests, second.model.embeddingRequests, second.records]).toEqual([[], [], []]);
    expect(second.budget.spent).toEqual(first.budget.spent);
  });

  it.each([
    ['too few vectors', toEmbeddingList([[1]])],
    ['tokens below zero', { ...toEmbeddingList([[1], [2]]), usage: { prompt_tokens: -1, total_tokens: -1 } }],
    ['vectors out of order', { ...toEmbeddingList([[1], [2]]), data: toEmbeddingList([[1], [2]]).data.reverse() }],
  ])('hold nothing of an answer with %s', async (_what, embeddings) => {
    const liar = { ...embedder(), embed: async () => ({ embeddings, costUsd: 0, source: 'live' as const }) };
    const { client, gateway, budget } = await startGateway(liar);
    const refusal = await refusalOf(client.embeddings.create({ model: 'base', input: ['a', 'b'] }));
    expect(refusal).toMatchObject({ status: 500 });
    expect(gateway.failure()).toMatchObject({ code: 'CONTRACT_VIOLATED' });
    expect(budget.spent.tokens).toBe(0);
  });
});
