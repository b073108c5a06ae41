import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Bus } from '../../src/bus/bus.ts';
import { createNatsBus } from '../../src/bus/nats-bus.ts';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import type { RunId } from '../../src/core/ids.ts';
import type { Json } from '../../src/core/json.ts';
import { createLogger } from '../../src/core/log.ts';
import { calm, collector, deferred, factOf, freshRun, mebibyte, queueOf } from '../conformance/bus/setup.ts';
import { jobsOnServer, natsMissing, openNatsServer } from '../support/nats.ts';
import { itNeeds } from '../support/require-service.ts';

const it = itNeeds('nats-server', natsMissing);
const log = createLogger({ level: 'silent' });
const openBus = (servers: string, run: RunId) => createNatsBus({ servers, run, log, drainMs: 2_000 });
const keys = (count: number) => Array.from({ length: count }, (_, n) => `job-${n}`);

it('finishes jobs submitted before a restart of the server, those in hand included', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using bus = await openBus(server.url, run);
  const gate = deferred();
  const inHand = collector<string>(2);
  const ran: string[] = [];
  await bus.work(
    queueOf(run),
    async ({ key }) => {
      ran.push(key);
      if (ran.length <= 2) inHand.push(key);
      await gate.promise;
      return `${key} done`;
    },
    { concurrency: 2 },
  );
  const results = keys(20).map((key) => bus.submit(queueOf(run), { key, body: null }, { signal: calm }));
  await inHand.full;
  await server.restart();
  gate.resolve();
  expect(await Promise.all(results)).toEqual(keys(20).map((key) => `${key} done`));
  expect(ran.sort()).toEqual(keys(20).sort());
});

it('loses no job when the server is killed, and none that is submitted while it is away', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using bus = await openBus(server.url, run);
  const submit = (key: string) => bus.submit(queueOf(run), { key, body: mebibyte }, { signal: calm });
  const before = keys(3).map(submit);
  await expect.poll(() => jobsOnServer(server.url, run)).toBe(3);
  await server.kill();
  const during = submit('during');
  await server.restart();
  const lengths: number[] = [];
  await bus.work(queueOf(run), async ({ key, body }) => {
    lengths.push((body as string).length);
    return key;
  });
  expect(await Promise.all([...before, during])).toEqual([...keys(3), 'during']);
  expect(lengths).toEqual(Array(4).fill(mebibyte.length));
});

it('remembers a result over a restart of the server, with no worker there', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  const submit = (bus: Bus) => bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm });
  {
    await using bus = await openBus(server.url, run);
    await bus.work(queueOf(run), async () => 'kept');
    await submit(bus);
  }
  await server.restart();
  await using bus = await openBus(server.url, run);
  expect(await submit(bus)).toBe('kept');
});

it('submits again what a server lost together with its storage', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using bus = await openBus(server.url, run);
  await using submitter = await openBus(server.url, run);
  const started = deferred();
  const gate = deferred();
  let isFirst = true;
  await bus.work(
    queueOf(run),
    async () => {
      if (!isFirst) return 'second try';
      isFirst = false;
      started.resolve();
      await gate.promise;
      throw new SandboxUnavailableError('too late');
    },
    { concurrency: 2 },
  );
  const result = submitter.submit(queueOf(run), { key: 'k', body: null }, { signal: calm });
  await started.promise;
  await server.kill();
  await rm(join(server.storeDir, 'jetstream'), { recursive: true });
  await server.restart();
  expect(await result).toBe('second try');
  gate.resolve();
});

it('fails a request in time while the server is away, and answers again when it is back', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using bus = await openBus(server.url, run);
  await bus.respond(factOf(run), async () => 'here');
  const ask = (timeoutMs: number) => bus.request(factOf(run), null, { timeoutMs, signal: calm });
  await server.stop();
  const from = performance.now();
  await expect(ask(300)).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE', retryable: true });
  expect(performance.now() - from).toBeLessThan(2_000);
  await server.restart();
  expect(await ask(10_000)).toBe('here');
});

it('delivers an event published while the server was away once it is back', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using bus = await openBus(server.url, run);
  const seen = collector<Json>(2);
  await bus.subscribe(factOf(run), (message) => seen.push(message));
  await bus.publish(factOf(run), 'before');
  await expect.poll(() => seen.items).toEqual(['before']);
  await server.stop();
  await expect(bus.request(factOf(run), null, { timeoutMs: 50, signal: calm })).rejects.toThrow();
  const published = bus.publish(factOf(run), 'during');
  await server.restart();
  await published;
  expect(await seen.full).toEqual(['before', 'during']);
});

it('closes in bounded time while the server is away', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  const bus = await openBus(server.url, run);
  await bus.work(queueOf(run), async () => null);
  const waiting = bus.submit(queueOf(run).replace('solver', 'gate'), { key: 'k', body: null }, { signal: calm });
  waiting.catch(() => {});
  await server.stop();
  const from = performance.now();
  await bus[Symbol.asyncDispose]();
  expect(performance.now() - from).toBeLessThan(5_000);
  await expect(waiting).rejects.toMatchObject({ code: 'BUS_CLOSED' });
});
