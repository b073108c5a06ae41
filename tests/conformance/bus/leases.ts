import { expect } from 'vitest';
import { JobAbandonedError } from '../../../src/core/errors.ts';
import { calm, deferred, freshRun, type OpenBus, queueOf, type TestFunction } from './setup.ts';

export function busLeaseTests(open: OpenBus, it: TestFunction): void {
  it('gives the job of a worker that shows no life to another one', async () => {
    const run = freshRun();
    await using bus = await open(run, { faults: { losesLease: (_job, delivery) => delivery === 1 } });
    const never = deferred();
    const told = deferred<unknown>();
    const deliveries: [string, number][] = [];
    const handler =
      (name: string) =>
      async (_job: unknown, { delivery, signal }: { delivery: number; signal: AbortSignal }) => {
        deliveries.push([name, delivery]);
        if (delivery > 1) return name;
        signal.addEventListener('abort', () => told.resolve(signal.reason));
        await never.promise;
        throw new Error('came back from the dead');
      };
    await bus.work(queueOf(run), handler('first'), { leaseMs: 150 });
    const result = bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm });
    await expect.poll(() => deliveries).toEqual([['first', 1]]);
    await bus.work(queueOf(run), handler('second'), { leaseMs: 150 });
    expect(await result).toBe('second');
    expect(deliveries).toEqual([
      ['first', 1],
      ['second', 2],
    ]);
    expect(await told.promise).toMatchObject({ code: 'BUS_UNAVAILABLE' });
    never.resolve();
  });

  it('keeps the lease of a handler that takes many times as long', async () => {
    const run = freshRun();
    await using bus = await open(run);
    let ran = 0;
    for (let n = 0; n < 2; n += 1) {
      await bus.work(
        queueOf(run),
        async (_job, { signal }) => {
          ran += 1;
          // Only time can show that a lease does not run out; ten leases of it.
          await new Promise((resolve) => setTimeout(resolve, 1_000));
          return signal.aborted;
        },
        { leaseMs: 100 },
      );
    }
    expect(await bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm })).toBe(false);
    expect(ran).toBe(1);
  });

  it('gives a job up when every worker that takes it dies', async () => {
    const run = freshRun();
    await using bus = await open(run, { faults: { losesLease: () => true } });
    const never = deferred();
    let ran = 0;
    await bus.work(
      queueOf(run),
      async () => {
        ran += 1;
        await never.promise;
        return null;
      },
      { leaseMs: 60, maxDeliveries: 2, concurrency: 8 },
    );
    const result = await bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm }).catch((e: unknown) => e);
    expect(result).toBeInstanceOf(JobAbandonedError);
    expect(ran).toBe(2);
    never.resolve();
  });

  it('lets the first result stand when a worker that was given up comes back', async () => {
    const run = freshRun();
    await using bus = await open(run, { faults: { losesLease: (_job, delivery) => delivery === 1 } });
    const back = deferred();
    const isBack = deferred();
    await bus.work(
      queueOf(run),
      async (_job, { delivery }) => {
        if (delivery > 1) return 'second';
        await back.promise;
        isBack.resolve();
        return 'first';
      },
      { leaseMs: 100, concurrency: 2 },
    );
    const submit = () => bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm });
    expect(await submit()).toBe('second');
    back.resolve();
    await isBack.promise;
    expect(await submit()).toBe('second');
  });
}
