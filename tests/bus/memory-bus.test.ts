import { expect, it } from 'vitest';
import { createMemoryBus } from '../../src/bus/memory-bus.ts';
import { createLogger } from '../../src/core/log.ts';
import { calm, factOf, freshRun, queueOf } from '../conformance/bus/setup.ts';
import { busSuite } from '../conformance/bus.suite.ts';

const log = createLogger({ level: 'silent' });

busSuite('memory', async (_run, options) => createMemoryBus({ log, ...options }));

it('says that nothing outlives the process', async () => {
  await using bus = createMemoryBus({ log });
  expect(bus.capabilities).toEqual({ crossProcess: false, durableJobs: false });
});

it('gives receivers a message they cannot change for each other', async () => {
  const run = freshRun();
  await using bus = createMemoryBus({ log });
  const seen: unknown[] = [];
  await bus.subscribe(factOf(run), (message) => void seen.push(message));
  await bus.publish(factOf(run), { list: [1], nested: { deep: true } });
  await Promise.resolve();
  expect(() => (seen[0] as { list: number[] }).list.push(2)).toThrow(TypeError);
  expect(Object.isFrozen((seen[0] as { nested: object }).nested)).toBe(true);
});

it('runs subscribers after the publisher, never inside it', async () => {
  const run = freshRun();
  await using bus = createMemoryBus({ log });
  const order: string[] = [];
  await bus.subscribe(factOf(run), () => void order.push('subscriber'));
  const published = bus.publish(factOf(run), null);
  order.push('publisher');
  await published;
  await Promise.resolve();
  expect(order).toEqual(['publisher', 'subscriber']);
});

it('remembers the last 1 000 results and forgets older ones', async () => {
  const run = freshRun();
  await using bus = createMemoryBus({ log });
  let ran = 0;
  await bus.work(queueOf(run), async () => (ran += 1), { concurrency: 100 });
  const submit = (n: number) => bus.submit(queueOf(run), { key: `k${n}`, body: null }, { signal: calm });
  for (let n = 0; n <= 1_000; n += 1) await submit(n);
  await submit(1);
  expect(ran).toBe(1_001);
  await submit(0);
  expect(ran).toBe(1_002);
});
