import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect } from 'vitest';
import { createNatsBus, destroyNatsRun } from '../../src/bus/nats-bus.ts';
import type { RunId } from '../../src/core/ids.ts';
import { createLogger } from '../../src/core/log.ts';
import { calm, collector, deferred, factOf, freshRun, mebibyte, queueOf } from '../conformance/bus/setup.ts';
import { natsMissing, type OwnNatsServer, openNatsServer, openPlainNatsServer } from '../support/nats.ts';
import { itNeeds } from '../support/require-service.ts';

const it = itNeeds('nats-server', natsMissing);
const log = createLogger({ level: 'silent' });
let server: OwnNatsServer | null = null;
const url = () => server!.url;
const openBus = (run: RunId) => createNatsBus({ servers: url(), run, log });

beforeAll(async () => {
  if (natsMissing === null) server = await openNatsServer();
});
afterAll(async () => server?.[Symbol.asyncDispose]());

async function streamNames(): Promise<string[]> {
  const nc = await connect({ servers: url() });
  const names: string[] = [];
  for await (const name of (await jetstreamManager(nc)).streams.names()) names.push(name);
  await nc.close();
  return names.sort();
}

it('shares a queue between buses: each job runs once, every submitter gets the result', async () => {
  const run = freshRun();
  await using a = await openBus(run);
  await using b = await openBus(run);
  await using c = await openBus(run);
  const ran: string[] = [];
  for (const worker of [b, c]) {
    await worker.work(queueOf(run), async ({ key }) => {
      ran.push(key);
      return key;
    });
  }
  const keys = Array.from({ length: 30 }, (_, n) => `job-${n}`);
  const submit = (bus: typeof a) => keys.map((key) => bus.submit(queueOf(run), { key, body: null }, { signal: calm }));
  const results = await Promise.all([...submit(a), ...submit(b)]);
  expect(results).toEqual([...keys, ...keys]);
  expect(ran.sort()).toEqual(keys.sort());
});

it('carries events and questions from one bus to another, large ones too', async () => {
  const run = freshRun();
  await using a = await openBus(run);
  await using b = await openBus(run);
  const seen = collector<unknown>(1);
  await b.subscribe(factOf(run), (message) => seen.push(message));
  await b.respond(factOf(run, 'q'), async (message) => [message]);
  await a.publish(factOf(run), mebibyte);
  expect(await a.request(factOf(run, 'q'), mebibyte, { timeoutMs: 5_000, signal: calm })).toEqual([mebibyte]);
  expect(await seen.full).toEqual([mebibyte]);
});

it('gives the result to a submitter that comes back after its process ended', async () => {
  const run = freshRun();
  await using worker = await openBus(run);
  const gate = deferred();
  const started = deferred();
  let ran = 0;
  await worker.work(queueOf(run), async () => {
    ran += 1;
    started.resolve();
    await gate.promise;
    return 'kept';
  });
  const job = { key: 'k', body: null };
  const first = await openBus(run);
  const lost = first.submit(queueOf(run), job, { signal: calm });
  lost.catch(() => {});
  await started.promise;
  await first[Symbol.asyncDispose]();
  await expect(lost).rejects.toMatchObject({ code: 'BUS_CLOSED' });
  gate.resolve();
  await using second = await openBus(run);
  expect(await second.submit(queueOf(run), job, { signal: calm })).toBe('kept');
  expect(ran).toBe(1);
});

it('hands a job back to the queue when the bus closes under its worker', async () => {
  const run = freshRun();
  await using submitter = await openBus(run);
  const leaving = await createNatsBus({ servers: url(), run, log, drainMs: 20 });
  const started = deferred();
  await leaving.work(queueOf(run), async (_job, { signal }) => {
    started.resolve();
    await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    return null;
  });
  const result = submitter.submit(queueOf(run), { key: 'k', body: null }, { signal: calm });
  await started.promise;
  await leaving[Symbol.asyncDispose]();
  await submitter.work(queueOf(run), async (_job, { delivery }) => delivery);
  expect(await result).toBe(2);
});

it('gives the job of a killed worker process to another worker', async () => {
  const run = freshRun();
  await using bus = await openBus(run);
  const cli = 'node_modules/jiti/lib/jiti-cli.mjs';
  const args = [cli, 'tests/bus/programs/stuck-worker.ts', url(), run, queueOf(run), '500'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    expect((await lines.next()).value).toBe('ready');
    const result = bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm });
    expect((await lines.next()).value).toBe('took k 1');
    child.kill('SIGKILL');
    await bus.work(queueOf(run), async (_job, { delivery }) => delivery, { leaseMs: 500 });
    expect(await result).toBe(2);
  } finally {
    child.kill('SIGKILL');
  }
});

it('removes what a run left on the server, and nothing of other runs', async () => {
  const [kept, gone] = [freshRun(), freshRun()];
  for (const run of [kept, gone]) {
    await using bus = await openBus(run);
    await bus.work(queueOf(run), async ({ body }) => body);
    await bus.submit(queueOf(run), { key: 'k', body: mebibyte }, { signal: calm });
    await bus.publish(factOf(run), mebibyte);
  }
  const of = async (run: RunId) => (await streamNames()).filter((name) => name.includes(`gal-${run}-`));
  expect(await of(gone)).toHaveLength(5);
  await destroyNatsRun(url(), gone);
  await destroyNatsRun(url(), gone);
  expect(await of(gone)).toEqual([]);
  expect(await of(kept)).toHaveLength(5);
});

it('refuses a job for the queue of another run', async () => {
  await using bus = await openBus(freshRun());
  const other = bus.submit(queueOf(freshRun()), { key: 'k', body: null }, { signal: calm });
  await expect(other).rejects.toMatchObject({ code: 'ID_INVALID' });
});

it('says which server does not answer and what to start, and shows no password', async () => {
  const opened = createNatsBus({ servers: 'nats://me:secret@127.0.0.1:1', run: freshRun(), log });
  const error = await opened.catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'BUS_UNAVAILABLE' });
  expect(String(error)).toContain('nats://127.0.0.1:1 does not answer');
  expect(String(error)).toContain('nats-server -js');
  expect(String(error)).not.toContain('secret');
});

it('says that a server has no JetStream', async () => {
  using plain = await openPlainNatsServer();
  const opened = createNatsBus({ servers: plain.url, run: freshRun(), log });
  await expect(opened).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
  await expect(opened).rejects.toThrow(`${plain.url} has no JetStream`);
});
