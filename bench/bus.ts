/**
 * What the bus costs, as ratios against the bare thing in the same run:
 * in-process publishing against an EventEmitter, publishing over NATS and
 * durable submits against the bare client.
 *
 * Run: npx jiti bench/bus.ts   (NATS_SERVER_BIN names another server binary)
 */
import { EventEmitter } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { Bus } from '../src/bus/bus.ts';
import { createMemoryBus } from '../src/bus/memory-bus.ts';
import { createNatsBus } from '../src/bus/nats-bus.ts';
import { findNatsServer, spawnNatsServer } from '../src/bus/nats-server.ts';
import { parseLineageId, parseRunId } from '../src/core/ids.ts';
import { subjects } from '../src/core/subjects.ts';

const rounds = 3;
const run = parseRunId('bench');
const fact = subjects.facts(run, 'lineage', 'a', 'seen');
const queue = subjects.jobs(run, 'solver', parseLineageId('a'));
const message = {
  lineage: 'a',
  generation: 12,
  status: 'measured',
  score: 0.71,
  items: [1, 2, 3],
  note: 'x'.repeat(40),
};
const calm = new AbortController().signal;

interface Speed {
  /** Operations per second, best round. */
  readonly perSecond: number;
  /** Operations per second of this process's own CPU time, best round: steady on a busy machine. */
  readonly perCpuSecond: number;
}

/** Contestants take turns, so that a busy machine disturbs all of them alike. */
async function race(count: number, contestants: Readonly<Record<string, (count: number) => Promise<void>>>) {
  const best = new Map<string, Speed>();
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, go] of Object.entries(contestants)) {
      const speed = await measure(count, go);
      const before = best.get(name) ?? speed;
      best.set(name, {
        perSecond: Math.max(speed.perSecond, before.perSecond),
        perCpuSecond: Math.max(speed.perCpuSecond, before.perCpuSecond),
      });
    }
  }
  return best;
}

async function measure(count: number, go: (count: number) => Promise<void>): Promise<Speed> {
  const from = performance.now();
  const cpuFrom = process.cpuUsage();
  await go(count);
  const cpu = process.cpuUsage(cpuFrom);
  const perSecond = (count / (performance.now() - from)) * 1_000;
  return { perSecond, perCpuSecond: (count / (cpu.user + cpu.system)) * 1_000_000 };
}

function report(title: string, best: ReadonlyMap<string, Speed>): void {
  const [baseline] = best.values();
  console.log(`${title.padEnd(36)} ${'per second'.padStart(13)}  ratio ${'per CPU second'.padStart(16)}  ratio`);
  for (const [name, speed] of best) {
    const columns = (['perSecond', 'perCpuSecond'] as const).map((unit) => {
      const ratio = speed[unit] / (baseline?.[unit] ?? 1);
      return `${Math.round(speed[unit]).toLocaleString('en').padStart(14)}  ${ratio.toFixed(3)}`;
    });
    console.log(`  ${name.padEnd(34)}${columns.join('  ')}`);
  }
}

/** Publishes `count` messages and waits until the subscriber has had them all. */
async function publishAll(bus: Bus, count: number): Promise<void> {
  let left = count;
  let done: () => void = () => {};
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  const subscription = await bus.subscribe(
    fact,
    () => {
      left -= 1;
      if (left === 0) done();
    },
    { maxPending: count },
  );
  for (let n = 0; n < count; n += 1) await bus.publish(fact, message);
  await all;
  await subscription[Symbol.asyncDispose]();
}

async function inProcess(): Promise<void> {
  await using bus = createMemoryBus();
  const emitter = new EventEmitter();
  let seen = 0;
  emitter.on(fact, () => {
    seen += 1;
  });
  report(
    'in-process publish, one subscriber',
    await race(300_000, {
      'EventEmitter (no isolation)': async (count) => {
        for (let n = 0; n < count; n += 1) emitter.emit(fact, message);
      },
      'EventEmitter + structuredClone': async (count) => {
        for (let n = 0; n < count; n += 1) emitter.emit(fact, structuredClone(message));
      },
      'memory bus': (count) => publishAll(bus, count),
    }),
  );
  await bus.work(queue, async () => null, { concurrency: 64 });
  let key = 0;
  report(
    'in-process jobs, 64 in flight',
    await race(20_000, {
      'memory bus submit': (count) =>
        inFlight(64, count, async () => {
          await bus.submit(queue, { key: String((key += 1)), body: message }, { signal: calm });
        }),
    }),
  );
  if (seen === 0) throw new Error('nothing was measured');
}

async function inFlight(width: number, count: number, go: () => Promise<void>): Promise<void> {
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      await go();
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}

async function overNats(): Promise<void> {
  const storeDir = await mkdtemp(join(tmpdir(), 'galapagos-bench-'));
  const server = await spawnNatsServer({ binary: process.env.NATS_SERVER_BIN, storeDir });
  try {
    const nc = await connect({ servers: server.url });
    await using bus = await createNatsBus({ servers: server.url, run });
    report(
      'NATS publish, until the server has them',
      await race(100_000, {
        'bare client': async (count) => {
          for (let n = 0; n < count; n += 1) nc.publish(fact, JSON.stringify(message));
          await nc.flush();
        },
        'NATS bus': async (count) => {
          for (let n = 0; n < count; n += 1) await bus.publish(fact, message);
          // A question nobody answers comes back when the server has seen what was sent before it.
          await bus.request('gal.v1.bench.nobody.a.here', null, { timeoutMs: 30_000, signal: calm }).catch(() => {});
        },
      }),
    );
    await jobsOverNats(nc, bus);
    await nc.close();
  } finally {
    await server.stop();
    await rm(storeDir, { recursive: true, force: true });
  }
}

/** The bare client only stores; the bus stores, runs, stores the result and tells the submitter. */
async function jobsOverNats(nc: Awaited<ReturnType<typeof connect>>, bus: Bus): Promise<void> {
  const jsm = await jetstreamManager(nc);
  await jsm.streams.add({ name: 'raw', subjects: ['raw.>'] });
  const js = jetstream(nc);
  await bus.work(queue, async () => null, { concurrency: 64 });
  const body = JSON.stringify(message);
  let key = 0;
  report(
    'NATS jobs, 64 in flight',
    await race(3_000, {
      'bare acknowledged publish': (count) => inFlight(64, count, async () => void (await js.publish('raw.a', body))),
      'NATS bus submit to result': (count) =>
        inFlight(64, count, async () => {
          await bus.submit(queue, { key: String((key += 1)), body: message }, { signal: calm });
        }),
    }),
  );
}

await inProcess();
if ((await findNatsServer(process.env.NATS_SERVER_BIN)) === null) console.log('NATS: skipped, no nats-server found');
else await overNats();
