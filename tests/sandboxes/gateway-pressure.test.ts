import { readdirSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { behindForwarder } from '../../sandboxes/gateway/http-forwarder.ts';
import { textFile } from '../../src/core/file-tree.ts';
import { run, sandboxSpec } from '../conformance/sandbox.suite.ts';
import { eventually, latch, startGateway } from '../support/gateway.ts';
import { itNeeds } from '../support/require-service.ts';
import { sandboxProviders } from '../support/sandbox-providers.ts';
import { createScriptedModel } from '../support/scripted-model.ts';

const ask = (content: string, more: object = {}) => JSON.stringify({ messages: [{ role: 'user', content }], ...more });
const head = (length: number) =>
  `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
const whole = (body: string) => `${head(Buffer.byteLength(body))}${body}`;

/** A connection on which something was said and nothing is ever read. */
async function say(socketPath: string, text: string): Promise<Socket> {
  const socket = connect(socketPath).pause();
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.write(text, () => resolve()));
  return socket;
}

const heldMiB = () => {
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
};

describe('a client that does not read', () => {
  it.each([
    ['a stream is made as it is read', { stream: true }, 24],
    [
      'so are the arguments of a tool',
      { stream: true, tools: [{ type: 'function', function: { name: 'write' } }] },
      24,
    ],
    ['two plain answers are all that is in memory', {}, 2 * 2 * 48 + 24],
  ])('keeps its place: %s', async (_what, more, mayHoldMiB) => {
    const long = Buffer.alloc(48 * 2 ** 20, 'x').toString('latin1');
    const model = createScriptedModel(({ tools }) =>
      tools === undefined ? long : { toolCalls: [{ name: 'write', arguments: long }] },
    );
    const { gateway, client } = await startGateway(model, { limits: { concurrency: 2 } });
    const before = heldMiB();
    const deaf = [
      await say(gateway.socketPath, whole(ask('x', more))),
      await say(gateway.socketPath, whole(ask('x', more))),
    ];
    await eventually(() => expect(model.requests).toHaveLength(2));
    const third = client.chat.completions.create({ model: 'base', messages: [{ role: 'user', content: 'short' }] });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(model.requests).toHaveLength(2);
    expect(heldMiB() - before).toBeLessThan(mayHoldMiB);
    for (const socket of deaf) socket.destroy();
    await third;
    expect(model.requests).toHaveLength(3);
  });

  it('gets everything when it reads after all', async () => {
    const long = 'long '.repeat(1_000_000);
    const { gateway } = await startGateway(createScriptedModel(() => long));
    const socket = await say(gateway.socketPath, whole(ask('x', { stream: true })));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk)).resume();
    const text = () => Buffer.concat(chunks).toString();
    await eventually(() => expect(text()).toContain('data: [DONE]'));
    const said = [...text().matchAll(/^data: (\{.*\})$/gm)].map(
      ([, json]) => JSON.parse(json!).choices[0]?.delta.content ?? '',
    );
    expect(said.join('') === long).toBe(true);
  });
});

describe('a client that asks again before it is answered', () => {
  it('and goes: all its calls are cancelled, and its places are free', async () => {
    const gate = latch();
    const model = createScriptedModel(() => 'fine', { until: gate.opened });
    const { gateway, records, client } = await startGateway(model, { limits: { concurrency: 4 } });
    const socket = await say(gateway.socketPath, whole(ask('x')).repeat(4));
    await eventually(() => expect(model.requests).toHaveLength(4));
    socket.destroy();
    await eventually(() => expect(records.map((r) => r.error?.code)).toEqual(Array(4).fill('CANCELLED')));
    gate.open();
    await client.chat.completions.create({ model: 'base', messages: [{ role: 'user', content: 'x' }] });
    expect([model.cancelled, records.length]).toEqual([4, 5]);
  });

  it('and goes with answers unread: its places are free, and nobody is warned', async () => {
    const warned = vi.fn();
    process.on('warning', warned);
    onTestFinished(() => void process.off('warning', warned));
    const long = 'x'.repeat(4 * 2 ** 20);
    const { gateway, records, client } = await startGateway(
      createScriptedModel(() => long),
      { limits: { concurrency: 16 } },
    );
    const socket = await say(
      gateway.socketPath,
      [{}, { stream: true }]
        .map((m) => whole(ask('x', m)))
        .join('')
        .repeat(8),
    );
    await eventually(() => expect(records).toHaveLength(16));
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    await client.chat.completions.create({ model: 'base', messages: [{ role: 'user', content: 'x' }] });
    await gateway[Symbol.asyncDispose]();
    expect(warned).not.toHaveBeenCalled();
  });
});

describe('a client that is slow to ask', () => {
  it('holds its place for half a minute, and not longer', async () => {
    const { gateway, client } = await startGateway(
      createScriptedModel(() => 'fine'),
      { limits: { concurrency: 4 } },
    );
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const slow = await Promise.all([1, 2, 3, 4].map(() => say(gateway.socketPath, `${head(500)}{"mess`)));
    const closed = Promise.all(slow.map((socket) => new Promise((resolve) => socket.on('close', resolve).resume())));
    // Its body is complete and waits for a place.
    await say(gateway.socketPath, whole(ask('x')));
    await new Promise((resolve) => setImmediate(resolve));
    await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThanOrEqual(4));
    for (let seconds = 0; seconds < 29; seconds += 1) {
      vi.advanceTimersByTime(1_000);
      for (const socket of slow) socket.write(' ');
    }
    expect(gateway.usage().calls).toBe(0);
    vi.advanceTimersByTime(2_000);
    await closed;
    vi.useRealTimers();
    await eventually(() => expect(gateway.usage().calls).toBe(1));
    const { choices } = await client.chat.completions.create({
      model: 'base',
      messages: [{ role: 'user', content: 'x' }],
    });
    expect(choices[0]!.message.content).toBe('fine');
  });
});

/** Every way to hold a connection, then a sign that all are held, then nothing. */
const holder = `
import { connect } from 'node:net';
import { writeSync } from 'node:fs';
const url = process.env.OPENAI_BASE_URL && new URL(process.env.OPENAI_BASE_URL);
const ask = ${JSON.stringify(whole(ask('x')))};
const texts = ['', 'POST /v1/chat', ask.slice(0, -5), ask.slice(0, -5), 'GET /v1/models HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n'];
for (let i = 0; i < 40; i += 1) {
  const socket = url ? connect(url.port, '127.0.0.1') : connect(process.env.GALAPAGOS_GATEWAY);
  socket.on('error', () => {}).pause().write(i < 3 ? ask : texts[i % texts.length]);
}
setInterval(() => {}, 1000);
`;

const socketsOpen = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;

describe.each(sandboxProviders)('a sandbox that goes with its connections open: %s', (name, create, missing) => {
  const test = itNeeds(name, missing);

  test.each([
    ['is disposed of', 'socket'],
    ['is disposed of', 'http'],
    ['runs out of time', 'http'],
  ])('and %s (%s): calls are cancelled and charged, sockets are free', async (how, access) => {
    const model = createScriptedModel(() => 'never', { delayMs: 60_000 });
    const { gateway, records, budget } = await startGateway(model, { limits: { concurrency: 8 } });
    const provider = create();
    onTestFinished(() => provider[Symbol.asyncDispose]());
    const files = new Map([['holder.mjs', textFile(holder)]]);
    const sandbox = await provider.open(sandboxSpec({ files }), new AbortController().signal);
    await sandbox.connect(gateway.socketPath);
    const before = socketsOpen();
    const command = ['node', 'holder.mjs'];
    const timeoutMs = how === 'runs out of time' ? 3_000 : 20_000;
    const ended = run(sandbox, access === 'http' ? behindForwarder(command) : command, { timeoutMs }).catch((e) => e);
    await eventually(() => expect(model.requests).toHaveLength(3));
    await eventually(() => expect(socketsOpen()).toBeGreaterThan(before + 20));
    if (how === 'is disposed of') await sandbox[Symbol.asyncDispose]();
    expect(await ended).toMatchObject(
      how === 'is disposed of' ? { code: 'SANDBOX_UNAVAILABLE' } : { stoppedBy: 'timeout' },
    );
    await sandbox[Symbol.asyncDispose]();
    await eventually(() => expect(records).toHaveLength(3));
    expect(model.cancelled).toBe(3);
    expect(records.map((r) => [r.error?.code, r.charged.completionTokens])).toEqual(
      Array.from({ length: 3 }, () => ['CANCELLED', 100]),
    );
    expect(budget).toMatchObject({ spent: { tokens: 3 * 109 }, reserved: { tokens: 0 } });
    await eventually(() => expect(socketsOpen()).toBeLessThanOrEqual(before));
    expect([gateway.failure(), gateway.usage().calls]).toEqual([null, 3]);
  });
});
