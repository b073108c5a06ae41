import { expect } from 'vitest';
import { BusClosedError } from '../../../src/core/errors.ts';
import type { Json } from '../../../src/core/json.ts';
import { calm, deferred, factOf, freshRun, type OpenBus, queueOf, type TestFunction } from './setup.ts';

export function busClosingTests(open: OpenBus, it: TestFunction): void {
  it('finishes the work in hand before it closes, and what that work publishes', async () => {
    const run = freshRun();
    const bus = await open(run);
    const gate = deferred();
    const started = deferred();
    const seen: Json[] = [];
    await bus.subscribe(factOf(run), (message) => void seen.push(message));
    await bus.work(queueOf(run), async (_job, { signal }) => {
      started.resolve();
      await gate.promise;
      await bus.publish(factOf(run), 'finished');
      return signal.aborted;
    });
    const result = bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm });
    await started.promise;
    const closed = bus[Symbol.asyncDispose]();
    gate.resolve();
    await closed;
    expect(await result).toBe(false);
    expect(seen).toEqual(['finished']);
  });

  it('refuses everything once it is closed', async () => {
    const run = freshRun();
    const bus = await open(run);
    await bus[Symbol.asyncDispose]();
    const job = { key: 'k', body: null };
    await expect(bus.submit(queueOf(run), job, { signal: calm })).rejects.toBeInstanceOf(BusClosedError);
    await expect(bus.work(queueOf(run), async () => null)).rejects.toBeInstanceOf(BusClosedError);
    await expect(bus.publish(factOf(run), 1)).rejects.toBeInstanceOf(BusClosedError);
    await expect(bus.subscribe(factOf(run), () => {})).rejects.toBeInstanceOf(BusClosedError);
    await expect(bus.respond(factOf(run), async () => 1)).rejects.toBeInstanceOf(BusClosedError);
    const asked = bus.request(factOf(run), 1, { timeoutMs: 1_000, signal: calm });
    await expect(asked).rejects.toBeInstanceOf(BusClosedError);
  });

  it('refuses a submit while it closes, also one by a job in hand', async () => {
    const run = freshRun();
    const bus = await open(run);
    const gate = deferred();
    const started = deferred();
    let inner: unknown;
    await bus.work(queueOf(run), async () => {
      started.resolve();
      await gate.promise;
      inner = await bus.submit(queueOf(run), { key: 'inner', body: null }, { signal: calm }).catch((e: unknown) => e);
      return null;
    });
    const outer = bus.submit(queueOf(run), { key: 'outer', body: null }, { signal: calm });
    await started.promise;
    const closed = bus[Symbol.asyncDispose]();
    gate.resolve();
    await closed;
    expect(await outer).toBeNull();
    expect(inner).toBeInstanceOf(BusClosedError);
  });

  it('tells submitters whose jobs nobody has in hand', async () => {
    const run = freshRun();
    const bus = await open(run);
    const waiting = bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm });
    waiting.catch(() => {});
    await bus[Symbol.asyncDispose]();
    await expect(waiting).rejects.toBeInstanceOf(BusClosedError);
  });

  it('tells a job that does not finish in time to stop, and closes', async () => {
    const run = freshRun();
    const bus = await open(run, { drainMs: 50 });
    const started = deferred();
    await bus.work(queueOf(run), async (_job, { signal }) => {
      started.resolve();
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      return null;
    });
    const result = bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm });
    result.catch(() => {});
    await started.promise;
    await bus[Symbol.asyncDispose]();
    await expect(result).rejects.toBeInstanceOf(BusClosedError);
  });

  it('closes once, however often it is asked to', async () => {
    const bus = await open(freshRun());
    await Promise.all([bus[Symbol.asyncDispose](), bus[Symbol.asyncDispose]()]);
    await bus[Symbol.asyncDispose]();
  });
}
