import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually, latch, startGateway } from '../support/gateway.ts';
import { createScriptedModel } from '../support/scripted-model.ts';
import { rawRequest } from '../support/socket-fetch.ts';

const valid = JSON.stringify({ messages: [{ role: 'user', content: 'hi' }] });
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
/** In the one place where the request may hold any JSON. */
const schemaOf = (depth: number) => `[{"type":"function","function":{"name":"f","parameters":${nested(depth)}}}]`;

async function start() {
  const model = createScriptedModel(() => 'fine');
  const { gateway, budget } = await startGateway(model);
  const post = (body: string | Buffer, options = {}) => rawRequest(gateway.socketPath, options, body);
  return { model, gateway, budget, post };
}

describe('the gateway, against a hostile sandbox', () => {
  it.each([
    ['no body', '', 400],
    ['broken JSON', '{"messages": [', 400],
    ['a list', '[]', 400],
    ['a number', '7', 400],
    ['null', 'null', 400],
    ['no messages', '{"messages": []}', 400],
    ['a wrong role', '{"messages": [{"role": "root", "content": "x"}]}', 400],
    [
      'a picture',
      '{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}',
      400,
    ],
    ['five answers', `{"n": 5, ${valid.slice(1)}`, 400],
    ['a negative ceiling', `{"max_tokens": -1, ${valid.slice(1)}`, 400],
    ['an endless ceiling', `{"max_tokens": 1e999, ${valid.slice(1)}`, 400],
    ['a temperature of 99', `{"temperature": 99, ${valid.slice(1)}`, 400],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x80]), 400],
    ['deep nesting', `{"tools": ${schemaOf(10_000)}, ${valid.slice(1)}`, 400],
    ['more bytes than allowed', `{"pad": "${'x'.repeat(100_001)}", ${valid.slice(1)}`, 413],
  ])('answers %s with an error in OpenAI’s shape', async (_what, body, status) => {
    const { model, gateway, budget, post } = await start();
    const answer = await post(body);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toEqual({
      error: { message: expect.any(String), type: 'invalid_request_error', param: null, code: expect.any(String) },
    });
    expect(answer.headers['x-should-retry']).toBe('false');
    expect(model.requests).toEqual([]);
    expect(budget.spent.tokens).toBe(0);
    expect(gateway.usage().calls).toBe(0);
    expect(gateway.refusals().malformed).toBe(1);
    expect((await post(valid)).status).toBe(200);
  });

  it('stops reading a body without a length at the limit', async () => {
    const { gateway, post } = await start();
    const answer = await post(`{"pad": "${'x'.repeat(300_000)}"}`, { headers: { 'transfer-encoding': 'chunked' } });
    expect(answer.status).toBe(413);
    expect(answer.headers.connection).toBe('close');
    expect(gateway.refusals().malformed).toBe(1);
  });

  it('accepts null for options that a client left unset, and an answer sent back with nulls in it', async () => {
    const { post, model } = await start();
    const options = { tools: null, stop: null, stream: null, n: null, stream_options: null };
    const answer = { role: 'assistant', content: 'hm', tool_calls: null, refusal: null, function_call: null };
    const messages = [...JSON.parse(valid).messages, answer, { role: 'assistant', content: null }];
    expect((await post(JSON.stringify({ ...options, messages }))).status).toBe(200);
    expect(model.requests[0]!.messages).toEqual([
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'hm' },
      { role: 'assistant', content: null },
    ]);
  });

  it('refuses twenty megabytes without reading them', async () => {
    const { gateway, post } = await start();
    const outcome = await post('x'.repeat(20_000_000)).then(
      (answer) => answer.status,
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(outcome).toBe(413);
    expect(gateway.refusals().malformed).toBe(1);
    expect((await post(valid)).status).toBe(200);
  });

  it('keeps prototype keys from meaning anything', async () => {
    const { post, model } = await start();
    const schema = '{"__proto__": {"polluted": true}, "constructor": {"prototype": {}}}';
    const tools = `[{"type": "function", "function": {"name": "f", "parameters": ${schema}}}]`;
    expect((await post(`{"__proto__": {"polluted": true}, "tools": ${tools}, ${valid.slice(1)}`)).status).toBe(200);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(model.requests[0]!)).toBe(Object.prototype);
  });

  it.each([
    ['GET', '/v1/chat/completions'],
    ['POST', '/v1/models'],
    ['POST', '/v1/embeddings'],
    ['GET', '/'],
    ['GET', '//'],
    ['DELETE', '/v1/models/base'],
  ])('has no route %s %s', async (method, path) => {
    const { post } = await start();
    expect((await post('', { method, path })).status).toBe(404);
  });

  it.each([
    'not http at all\r\n\r\n',
    'GET /v1/models HTTP/9.9\r\n\r\n',
    `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
  ])('hangs up on %.20j and lives on', async (bytes) => {
    const { gateway, post } = await start();
    const socket = connect(gateway.socketPath);
    socket.write(bytes);
    const said = await new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (chunk) => (text += chunk));
      socket.on('close', () => resolve(text));
      socket.on('error', () => {});
    });
    expect(said).toMatch(/^HTTP\/1.1 4\d\d /);
    expect((await post(valid)).status).toBe(200);
  });

  it('forgets a client that leaves in the middle of its request', async () => {
    const { gateway, model, post } = await start();
    const socket = connect(gateway.socketPath);
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n{"mess`, () =>
      socket.destroy(),
    );
    await new Promise((resolve) => socket.on('close', resolve));
    expect((await post(valid)).status).toBe(200);
    expect(model.requests).toHaveLength(1);
    expect(gateway.failure()).toBeNull();
  });

  it('takes no second body into memory while the first call is served', async () => {
    const gate = latch();
    const model = createScriptedModel(() => 'fine', { until: gate.opened });
    const limits = { concurrency: 1, maxRequestBytes: 8_000_000 };
    const { gateway } = await startGateway(model, { limits });
    const first = rawRequest(gateway.socketPath, {}, valid);
    await eventually(() => expect(model.requests).toHaveLength(1));
    const socket = connect(gateway.socketPath);
    onTestFinished(() => void socket.destroy());
    const pad = 'x'.repeat(7_000_000);
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${pad.length}\r\n\r\n${pad}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    // What was sent and not taken is still on the sender's side.
    expect(socket.writableLength).toBeGreaterThan(5_000_000);
    gate.open();
    expect((await first).status).toBe(200);
    await eventually(() => expect(socket.writableLength).toBe(0));
    await eventually(() => expect(gateway.refusals().malformed).toBe(1));
  });

  it('stops listening to a sandbox that floods it with bad requests', async () => {
    const { gateway, post } = await start();
    for (let batch = 0; batch < 21; batch += 1) {
      await Promise.all(Array.from({ length: 50 }, () => post('x').catch(() => null)));
    }
    expect(gateway.refusals().malformed).toBeLessThan(1_060);
    await expect(post(valid)).rejects.toThrow();
  });

  it('closes at once under connections that say nothing', async () => {
    const { gateway } = await start();
    // Those that the gateway had not yet accepted are reset, the others are closed.
    const sockets = Array.from({ length: 20 }, () => connect(gateway.socketPath).on('error', () => {}));
    const closed = Promise.all(sockets.map((s) => new Promise((resolve) => s.on('close', resolve))));
    await eventually(() => expect(sockets.every((s) => !s.connecting)).toBe(true));
    await gateway[Symbol.asyncDispose]();
    await closed;
  });
});
