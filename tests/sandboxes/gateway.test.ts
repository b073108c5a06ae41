import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CallRecord } from '../../sandboxes/gateway/gateway.ts';
import { openGateway } from '../../sandboxes/gateway/open-gateway.ts';
import {
  CassetteMissingError,
  ModelFailedError,
  ModelUnavailableError,
  StorageFailedError,
} from '../../src/core/errors.ts';
import { canonicalJson, sha256 } from '../../src/core/json.ts';
import { createOpenAIModel } from '../../src/models/openai-model.ts';
import { startChatServer } from '../support/chat-server.ts';
import { createTestBudget, eventually, latch, refusalOf, roomyLimits, startGateway } from '../support/gateway.ts';
import { createScriptedModel, type Reply, toCompletion } from '../support/scripted-model.ts';

const user = (content: string) => ({ model: 'base', messages: [{ role: 'user' as const, content }] });
const echo = () => createScriptedModel((request) => `you said ${request.messages.at(-1)!.content}`);
const tool = { type: 'function' as const, function: { name: 'read', parameters: { type: 'object' } } };

describe('the gateway, for an official client', () => {
  it('answers a completion and lists its models', async () => {
    const { client, gateway } = await startGateway(echo());
    const completion = await client.chat.completions.create(user('hi'));
    expect(completion.choices[0]!.message.content).toBe('you said hi');
    expect((await client.models.list()).data.map((m) => m.id)).toEqual(['base']);
    expect(gateway.usage()).toEqual({ calls: 1, toolCalls: 0, promptTokens: 10, completionTokens: 5, costUsd: null });
  });

  it('streams text, tool calls and usage', async () => {
    const reply: Reply = { content: 'let me look', toolCalls: [{ name: 'read', arguments: '{"path":"a"}' }] };
    const { client } = await startGateway(createScriptedModel(() => reply));
    const stream = client.chat.completions.stream({
      ...user('hi'),
      tools: [tool],
      stream_options: { include_usage: true },
    });
    const completion = await stream.finalChatCompletion();
    expect(completion.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: 'let me look',
        tool_calls: [{ id: 'call_0', function: { name: 'read', arguments: '{"path":"a"}' } }],
      },
    });
    expect(completion.usage).toMatchObject({ total_tokens: 15 });
  });

  it('forwards its own seed, its own ceiling, a model that exists, and no field it does not know', async () => {
    const model = echo();
    const { client, records } = await startGateway(model);
    await client.chat.completions.create({ ...user('a'), seed: 5, max_completion_tokens: 7, logit_bias: { 1: 2 } });
    await client.chat.completions.create({ ...user('b'), model: 'someone-elses', max_tokens: 5_000 });
    expect(model.requests).toEqual([
      { ...user('a'), seed: 1_000, max_tokens: 7 },
      { ...user('b'), seed: 1_001, max_tokens: 100 },
    ]);
    expect(records.map((r) => [r.index, r.digest])).toEqual(
      model.requests.map((request, index) => [index, sha256(canonicalJson(request))]),
    );
    expect(records[0]).toMatchObject({ request: model.requests[0], error: null, answer: { source: 'live' } });
    expect(records[0]!.latencyMs).toBeGreaterThanOrEqual(0);
  });

  it('shows every text that reaches the model', async () => {
    const seen: string[] = [];
    const { client } = await startGateway(echo(), { onMessages: (texts) => void seen.push(...texts) });
    await client.chat.completions.create({
      model: 'base',
      tools: [tool],
      messages: [
        { role: 'system', content: 'rules' },
        { role: 'user', content: [{ type: 'text', text: 'question' }] },
        {
          role: 'assistant',
          tool_calls: [{ id: '1', type: 'function', function: { name: 'read', arguments: '{"path":"b"}' } }],
        },
        { role: 'tool', tool_call_id: '1', content: 'file b' },
      ],
    });
    expect(seen).toEqual(['rules', 'question', '{"path":"b"}', 'file b', JSON.stringify([tool])]);
  });

  it('shows tool calls as the model made them and answers as they were sent, also of recalled calls', async () => {
    const model = createScriptedModel(() => ({ toolCalls: [{ name: 'read', arguments: '{}' }] }));
    const sent = (content: string) => ({
      model: 'base',
      tools: [tool],
      messages: [...user('go').messages, { role: 'tool' as const, tool_call_id: 'call_0', content }],
    });
    const made = { calls: [{ id: 'call_0', name: 'read' }] };
    const expected = [{ results: [] }, made, { results: [{ id: 'call_0', text: 'error: disabled' }] }, made];
    const seen: unknown[] = [];
    const first = await startGateway(model, { onTools: (step) => void seen.push(step) });
    await first.client.chat.completions.create(user('go'));
    await first.client.chat.completions.create(sent('error: disabled'));
    expect(seen).toEqual(expected);
    const again: unknown[] = [];
    const second = await startGateway(model, {
      onTools: (step) => void again.push(step),
      recall: (index) => first.records[index]?.answer ?? null,
    });
    await second.client.chat.completions.create(user('go'));
    await second.client.chat.completions.create(sent('error: disabled'));
    expect(again).toEqual(expected);
    expect(model.requests).toHaveLength(2);
  });

  it('records a call before the answer is handed in', async () => {
    const order: string[] = [];
    const { client } = await startGateway(echo(), {
      onCall: async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        order.push('recorded');
      },
    });
    await client.chat.completions.create(user('hi'));
    order.push('answered');
    expect(order).toEqual(['recorded', 'answered']);
  });

  it('replays a call from the record, charges it as it was, and asks the model for the next', async () => {
    const model = echo();
    const first = await startGateway(model);
    await first.client.chat.completions.create(user('a'));
    const recorded = first.records[0] as CallRecord;
    const second = await startGateway(model, {
      recall: (index, digest) => (index === recorded.index && digest === recorded.digest ? recorded.answer : null),
    });
    const replayed = await second.client.chat.completions.create(user('a'));
    expect(replayed.choices[0]!.message.content).toBe('you said a');
    await second.client.chat.completions.create(user('b'));
    expect(model.requests).toHaveLength(2);
    expect(second.records.map((r) => r.index)).toEqual([1]);
    expect(second.gateway.usage()).toMatchObject({ calls: 2, promptTokens: 20 });
    expect(second.budget).toMatchObject({ spent: { tokens: 30 }, reserved: { tokens: 0 } });
  });

  it('keeps at most `concurrency` calls in flight and answers all of them', async () => {
    const gate = latch();
    const model = createScriptedModel((_r, call) => `${call}`, { until: gate.opened });
    const { client } = await startGateway(model, { limits: { concurrency: 3 } });
    const calls = Array.from({ length: 12 }, () => client.chat.completions.create(user('x')));
    await eventually(() => expect(model.requests).toHaveLength(3));
    gate.open();
    const answers = await Promise.all(calls);
    expect(model.peak).toBe(3);
    expect(new Set(answers.map((a) => a.choices[0]!.message.content)).size).toBe(12);
  });
});

describe('the gateway, as the keeper of the budget', () => {
  it('refuses past its call limit, and the official client does not ask again', async () => {
    const model = echo();
    const { client, gateway } = await startGateway(model, { limits: { maxCalls: 2 } });
    for (const text of ['a', 'b']) await client.chat.completions.create(user(text));
    expect(await refusalOf(client.chat.completions.create(user('c')))).toMatchObject({
      status: 402,
      code: 'budget_exhausted',
    });
    expect(model.requests).toHaveLength(2);
    expect(gateway.refusals()).toMatchObject({ calls: 1, tokens: 0, budget: 0 });
    expect(gateway.usage().calls).toBe(2);
  });

  it('reserves the worst case before a call, so parallel calls cannot overspend together', async () => {
    const gate = latch();
    const reply: Reply = { content: 'x', promptTokens: 10, completionTokens: 100 };
    const model = createScriptedModel(() => reply, { until: gate.opened });
    const { client, budget, gateway } = await startGateway(model, { budget: { tokens: 350 } });
    const calls = Promise.allSettled(Array.from({ length: 8 }, () => client.chat.completions.create(user('x'))));
    await eventually(() => expect(gateway.refusals().budget).toBe(5));
    gate.open();
    expect((await calls).filter((o) => o.status === 'fulfilled')).toHaveLength(3);
    expect(budget).toMatchObject({ spent: { tokens: 330 }, reserved: { tokens: 0 } });
  });

  it('reserves and settles USD', async () => {
    const gate = latch();
    const model = createScriptedModel(() => 'x', { usdPerToken: 0.001, until: gate.opened });
    const { client, budget, gateway } = await startGateway(model, { budget: { usd: 0.12 } });
    const call = client.chat.completions.create(user('x'));
    await eventually(() => expect(model.requests).toHaveLength(1));
    expect(budget.reserved.usd).toBeCloseTo(0.109, 9);
    gate.open();
    await call;
    expect(budget.spent.usd).toBeCloseTo(0.015, 9);
    expect(gateway.usage().costUsd).toBeCloseTo(0.015, 9);
    expect(await refusalOf(client.chat.completions.create(user('x')))).toMatchObject({ status: 402 });
  });

  it('keeps to its own token limit, calls in flight included', async () => {
    const gate = latch();
    const model = createScriptedModel(() => 'x', { until: gate.opened });
    const { client, gateway } = await startGateway(model, { limits: { maxTokens: 250 } });
    const calls = Promise.allSettled([1, 2, 3].map(() => client.chat.completions.create(user('x'))));
    await eventually(() => expect(gateway.refusals().tokens).toBe(1));
    gate.open();
    expect((await calls).map((o) => o.status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  });

  it('withholds an answer with more tool calls than are left', async () => {
    const calls = [1, 2, 3].map((i) => ({ name: 'read', arguments: `{"n":${i}}` }));
    const { client, gateway, records } = await startGateway(
      createScriptedModel((_r, call) => ({ toolCalls: call === 0 ? calls : calls.slice(0, 2) })),
      { limits: { maxToolCalls: 4 } },
    );
    await client.chat.completions.create(user('x'));
    expect(await refusalOf(client.chat.completions.create(user('x')))).toMatchObject({ code: 'budget_exhausted' });
    expect(gateway.usage()).toMatchObject({ calls: 2, toolCalls: 3, promptTokens: 20 });
    expect(gateway.refusals()['tool-calls']).toBe(1);
    expect(records).toHaveLength(2);
  });

  it('charges a call that the client hung up on in full, and cancels it', async () => {
    const model = createScriptedModel(() => 'x', { delayMs: 20_000 });
    const { client, gateway, records, budget } = await startGateway(model);
    const controller = new AbortController();
    const call = client.chat.completions.create(user('x'), { signal: controller.signal });
    await eventually(() => expect(model.requests).toHaveLength(1));
    controller.abort();
    await expect(call).rejects.toThrow();
    await eventually(() => expect(records).toHaveLength(1));
    expect(model.cancelled).toBe(1);
    expect(records[0]).toMatchObject({
      answer: null,
      error: { code: 'CANCELLED' },
      charged: { promptTokens: 9, completionTokens: 100, usd: null },
    });
    expect(gateway.usage()).toMatchObject({ calls: 1, promptTokens: 9, completionTokens: 100 });
    expect(budget).toMatchObject({ spent: { tokens: 109 }, reserved: { tokens: 0 } });
  });

  it.each([
    ['that is unreachable', new ModelUnavailableError('secret host'), 503, 'model_unavailable'],
    [
      'that refuses the request',
      new ModelFailedError('secret', { details: { status: 400, code: 'context_length_exceeded' } }),
      400,
      'context_length_exceeded',
    ],
    ['with a wrong key', new ModelFailedError('secret', { details: { status: 401 } }), 502, 'model_failed'],
  ])('charges nothing for a model %s, and says so without details', async (_what, fault, status, code) => {
    const model = createScriptedModel(() => 'x', { failFirst: [fault] });
    const { client, gateway, records, budget } = await startGateway(model);
    const refusal = await refusalOf(client.chat.completions.create(user('x')));
    expect(refusal).toMatchObject({ status, code });
    expect(refusal.message).not.toContain('secret');
    expect(model.requests).toHaveLength(1);
    expect(records[0]).toMatchObject({ answer: null, error: { code: fault.code } });
    expect(gateway.usage()).toMatchObject({ calls: 1, promptTokens: 0, completionTokens: 0 });
    expect(budget).toMatchObject({ spent: { tokens: 0 }, reserved: { tokens: 0 } });
    expect(gateway.failure()).toBeNull();
    expect((await client.chat.completions.create(user('x'))).choices).toHaveLength(1);
  });

  it('logs how many tries an answer took, how long, and charges for one', async () => {
    const overloaded = { kind: 'status' as const, status: 503, headers: { 'retry-after-ms': '150' } };
    const answer = { kind: 'body' as const, body: toCompletion('fine') };
    const cut = { kind: 'disconnect' as const };
    const faults = [overloaded, cut, answer, ...Array.from({ length: 4 }, () => overloaded)];
    const server = await startChatServer(() => 'fine', { faults });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const price = { promptUsdPerMTok: 1, completionUsdPerMTok: 1 };
    const model = createOpenAIModel({
      name: 'm',
      model: 'x',
      baseUrl: server.url,
      price,
      maxRetries: 3,
      timeoutMs: 5_000,
    });
    const { client, records, budget } = await startGateway(model, { budget: { usd: 1 } });
    await client.chat.completions.create(user('hi'));
    expect(records[0]).toMatchObject({
      answer: { attempts: 3 },
      charged: { promptTokens: 10, completionTokens: 5, usd: 15e-6 },
    });
    expect(records[0]!.latencyMs).toBeGreaterThan(150 + 375);
    expect(await refusalOf(client.chat.completions.create(user('hi')))).toMatchObject({ code: 'model_unavailable' });
    expect(records[1]).toMatchObject({
      error: { code: 'MODEL_UNAVAILABLE', attempts: 4 },
      charged: { promptTokens: 0, completionTokens: 0, usd: 0 },
    });
    expect(server.requests).toHaveLength(7);
    expect(budget.spent.usd).toBeCloseTo(15e-6, 12);
    expect(budget.reserved.usd).toBeCloseTo(0, 12);
  });

  it('cancels a call that waits for its next try when the client hangs up', async () => {
    const faults = [{ kind: 'status' as const, status: 429, headers: { 'retry-after': '4' } }];
    const server = await startChatServer(() => 'fine', { faults });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const model = createOpenAIModel({ name: 'm', model: 'x', baseUrl: server.url, maxRetries: 3, timeoutMs: 20_000 });
    const { client, records } = await startGateway(model);
    const controller = new AbortController();
    const call = client.chat.completions.create(user('x'), { signal: controller.signal });
    await eventually(() => expect(server.requests).toHaveLength(1));
    controller.abort();
    await expect(call).rejects.toThrow();
    await eventually(() => expect(records).toMatchObject([{ error: { code: 'CANCELLED', attempts: null } }]));
    expect(records[0]!.latencyMs).toBeLessThan(4_000);
    expect(server.requests).toHaveLength(1);
  });

  it('reports what is the run’s own fault, and tells the sandbox nothing', async () => {
    const missing = new CassetteMissingError('no recording of "private"');
    const first = await startGateway(createScriptedModel(() => 'x', { failFirst: [missing] }));
    expect(await refusalOf(first.client.chat.completions.create(user('x')))).toMatchObject({ status: 500 });
    expect(first.gateway.failure()).toBe(missing);

    const full = new StorageFailedError('disk full');
    const second = await startGateway(echo(), {
      onCall: () => {
        throw full;
      },
    });
    expect(await refusalOf(second.client.chat.completions.create(user('x')))).toMatchObject({ status: 500 });
    expect(second.gateway.failure()).toBe(full);
    expect(second.budget).toMatchObject({ spent: { tokens: 15 }, reserved: { tokens: 0 } });
  });

  it('does not let a model with wrong numbers into the books', async () => {
    const broken = { ...toCompletion('x'), usage: { prompt_tokens: -5, completion_tokens: 0, total_tokens: -5 } };
    const liar = { ...echo(), complete: async () => ({ completion: broken, costUsd: null, source: 'live' as const }) };
    const { client, gateway, budget } = await startGateway(liar);
    expect(await refusalOf(client.chat.completions.create(user('x')))).toMatchObject({ status: 500 });
    expect(gateway.failure()).toMatchObject({ code: 'CONTRACT_VIOLATED' });
    expect(budget.spent.tokens).toBe(0);
  });
});

describe('the gateway, opening and closing', () => {
  it('leaves nothing behind', async () => {
    const { gateway } = await startGateway(echo());
    const own = dirname(gateway.socketPath);
    await Promise.all([gateway[Symbol.asyncDispose](), gateway[Symbol.asyncDispose]()]);
    expect(await readdir(own)).toEqual([]);
  });

  it('closes over a model that ignores its signal, with calls running and waiting', async () => {
    const model = createScriptedModel(() => 'x', { hangs: true });
    const { client, gateway, records } = await startGateway(model, { limits: { concurrency: 2 } });
    const calls = [1, 2, 3, 4].map(() => refusalOf(client.chat.completions.create(user('x'), { maxRetries: 0 })));
    await eventually(() => expect(model.requests).toHaveLength(2));
    await gateway[Symbol.asyncDispose]();
    expect(await Promise.all(calls)).toHaveLength(4);
    expect(records).toHaveLength(2);
    expect(model.requests).toHaveLength(2);
  });

  it('cancels its calls and refuses new ones when the run stops', async () => {
    const model = createScriptedModel(() => 'x', { delayMs: 20_000 });
    const { client, stop } = await startGateway(model);
    const call = refusalOf(client.chat.completions.create(user('x')));
    await eventually(() => expect(model.requests).toHaveLength(1));
    stop.abort(new Error('stop'));
    expect(await call).toMatchObject({ status: 503, code: 'cancelled' });
    expect(await refusalOf(client.chat.completions.create(user('x')))).toMatchObject({ code: 'cancelled' });
    expect(model.requests).toHaveLength(1);
  });

  it('says so when the socket path would be too long, or the directory is missing', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'gal-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    const long = join(dir, 'd'.repeat(100));
    await mkdir(long);
    const open = (at: string) =>
      openGateway({
        dir: at,
        model: echo(),
        models: ['base'],
        limits: roomyLimits,
        budget: createTestBudget(),
        seedFor: () => 0,
        recall: () => null,
        onCall: () => {},
        signal: new AbortController().signal,
      });
    await expect(open(long)).rejects.toThrow('a Unix socket allows 107');
    await expect(open(join(dir, 'none'))).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    const longest = join(dir, 'd'.repeat(107 - 8 - Buffer.byteLength(dir) - 1));
    await mkdir(longest);
    await using gateway = await open(longest);
    expect(Buffer.byteLength(gateway.socketPath)).toBe(107);
  });
});
