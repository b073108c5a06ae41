import { expect } from 'vitest';
import { BudgetExhaustedError, JobAbandonedError, SandboxUnavailableError } from '../../../src/core/errors.ts';
import type { Json } from '../../../src/core/json.ts';
import { subjects } from '../../../src/core/subjects.ts';
import {
  calm,
  collector,
  deferred,
  freshRun,
  lineage,
  mebibyte,
  type OpenBus,
  queueOf,
  type TestFunction,
} from './setup.ts';

export function busJobTests(open: OpenBus, it: TestFunction): void {
  it('gives a job to a worker and its result to the submitter', async () => {
    const run = freshRun();
    await using bus = await open(run);
    await bus.work(queueOf(run), async (job, { delivery }) => ({ ...job, delivery }));
    const result = await bus.submit(queueOf(run), { key: 'k/1', body: { n: 1 } }, { signal: calm });
    expect(result).toEqual({ key: 'k/1', body: { n: 1 }, delivery: 1 });
  });

  it('keeps a job until a worker comes', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const result = bus.submit(queueOf(run), { key: 'early', body: 1 }, { signal: calm });
    await bus.work(queueOf(run), async () => 'late');
    expect(await result).toBe('late');
  });

  it('runs every job of a queue exactly once over several workers', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const ran: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      await bus.work(
        queueOf(run),
        async ({ key }) => {
          ran.push(key);
          return key;
        },
        { concurrency: 4 },
      );
    }
    const keys = Array.from({ length: 60 }, (_, n) => `job-${n}`);
    const results = await Promise.all(
      keys.map((key) => bus.submit(queueOf(run), { key, body: null }, { signal: calm })),
    );
    expect(results).toEqual(keys);
    expect(ran.sort()).toEqual(keys.sort());
  });

  it('runs a key once for two submitters and gives both its result', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const gate = deferred();
    let ran = 0;
    await bus.work(
      queueOf(run),
      async () => {
        ran += 1;
        await gate.promise;
        return { ran };
      },
      { concurrency: 8 },
    );
    const submit = () => bus.submit(queueOf(run), { key: 'same', body: null }, { signal: calm });
    const both = [submit(), submit()];
    gate.resolve();
    expect(await Promise.all(both)).toEqual([{ ran: 1 }, { ran: 1 }]);
    expect(await submit()).toEqual({ ran: 1 });
    expect(ran).toBe(1);
  });

  it('treats the same key on another queue as another job', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const other = queueOf(run).replace('solver', 'gate');
    await bus.work(queueOf(run), async () => 'solver');
    await bus.work(other, async () => 'gate');
    const job = { key: 'same', body: null };
    const results = await Promise.all([queueOf(run), other].map((queue) => bus.submit(queue, job, { signal: calm })));
    expect(results).toEqual(['solver', 'gate']);
  });

  it('carries a job and a result of one mebibyte', async () => {
    const run = freshRun();
    await using bus = await open(run);
    await bus.work(queueOf(run), async (job) => ({ text: `${job.body}!` }));
    const submit = () => bus.submit(queueOf(run), { key: 'large', body: mebibyte }, { signal: calm });
    expect(await submit()).toEqual({ text: `${mebibyte}!` });
    expect(await submit()).toEqual({ text: `${mebibyte}!` });
  });

  it('gives the submitter the error of the handler, and does not run the job again', async () => {
    const run = freshRun();
    await using bus = await open(run);
    let ran = 0;
    await bus.work(queueOf(run), async () => {
      ran += 1;
      throw new BudgetExhaustedError('no tokens left', { details: { limit: 10 } });
    });
    const submit = () => bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm });
    const error = await submit().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(BudgetExhaustedError);
    expect(error).toMatchObject({ code: 'BUDGET_EXHAUSTED', message: 'no tokens left', details: { limit: 10 } });
    await expect(submit()).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' });
    expect(ran).toBe(1);
  });

  it('reports a foreign error of the handler as a broken contract', async () => {
    const run = freshRun();
    await using bus = await open(run);
    await bus.work(queueOf(run), async () => {
      throw new TypeError('x is not a function');
    });
    const result = bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm });
    await expect(result).rejects.toMatchObject({ code: 'CONTRACT_VIOLATED', retryable: false });
  });

  it.each([undefined, { n: 1n }])('reports the result %o, which is not JSON, to the submitter', async (result) => {
    const run = freshRun();
    await using bus = await open(run);
    await bus.work(queueOf(run), async () => result as unknown as Json);
    const submitted = bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm });
    await expect(submitted).rejects.toMatchObject({ code: 'MESSAGE_INVALID' });
  });

  it('delivers a job again after a retryable error, and says which delivery it is', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const deliveries: number[] = [];
    await bus.work(queueOf(run), async (_job, { delivery }) => {
      deliveries.push(delivery);
      if (delivery < 3) throw new SandboxUnavailableError('not yet');
      return 'done';
    });
    expect(await bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm })).toBe('done');
    expect(deliveries).toEqual([1, 2, 3]);
  });

  it('gives a job up after its deliveries, and starts it anew when it is submitted again', async () => {
    const run = freshRun();
    await using bus = await open(run);
    let isBroken = true;
    let ran = 0;
    await bus.work(
      queueOf(run),
      async () => {
        ran += 1;
        if (isBroken) throw new SandboxUnavailableError('out of order');
        return 'repaired';
      },
      { maxDeliveries: 2 },
    );
    const submit = () => bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm });
    const error = await submit().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(JobAbandonedError);
    expect(error).toMatchObject({ retryable: true, details: { deliveries: 2, lastCode: 'SANDBOX_UNAVAILABLE' } });
    expect(ran).toBe(2);
    isBroken = false;
    expect(await submit()).toBe('repaired');
  });

  it('gives a job up at once when its sandbox cannot be had any more', async () => {
    const run = freshRun();
    await using bus = await open(run);
    let ran = 0;
    await bus.work(queueOf(run), async () => {
      ran += 1;
      throw new SandboxUnavailableError('the engine is silent', { retryable: false });
    });
    const error = await bus.submit(queueOf(run), { key: 'k', body: null }, { signal: calm }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(JobAbandonedError);
    expect(error).toMatchObject({ message: expect.stringContaining('the engine is silent') });
    expect(ran).toBe(1);
  });

  it('gives a job up with the one it waited for, whose reason it passes on', async () => {
    const run = freshRun();
    await using bus = await open(run);
    let inner = 0;
    let outer = 0;
    const needed = subjects.jobs(run, 'environment', lineage);
    await bus.work(
      needed,
      async () => {
        inner += 1;
        throw new SandboxUnavailableError('out of order');
      },
      { maxDeliveries: 2 },
    );
    await bus.work(queueOf(run), async () => {
      outer += 1;
      return bus.submit(needed, { key: 'inner', body: null }, { signal: calm });
    });
    const error = await bus
      .submit(queueOf(run), { key: 'outer', body: null }, { signal: calm })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(JobAbandonedError);
    expect(error).toMatchObject({ message: expect.stringMatching(/^job inner was given up .*out of order$/) });
    expect({ inner, outer }).toEqual({ inner: 2, outer: 1 });
  });

  it('holds no more jobs at a time than the worker has hands', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const gates = Array.from({ length: 6 }, () => deferred());
    const started = collector<number>(6);
    let inHand = 0;
    let most = 0;
    await bus.work(
      queueOf(run),
      async (job) => {
        inHand += 1;
        most = Math.max(most, inHand);
        started.push(job.body as number);
        await gates[job.body as number]!.promise;
        inHand -= 1;
        return null;
      },
      { concurrency: 2 },
    );
    const jobs = gates.map((_, n) => bus.submit(queueOf(run), { key: `k${n}`, body: n }, { signal: calm }));
    for (const gate of gates) {
      await expect.poll(() => inHand).toBe(Math.min(2, 6 - gates.indexOf(gate)));
      gate.resolve();
      await jobs[gates.indexOf(gate)];
    }
    expect(await started.full).toHaveLength(6);
    expect(most).toBe(2);
  });

  it("rejects with the signal's reason when it aborts, and the job goes on", async () => {
    const run = freshRun();
    await using bus = await open(run);
    const gate = deferred();
    const started = deferred();
    let ran = 0;
    await bus.work(queueOf(run), async () => {
      ran += 1;
      started.resolve();
      await gate.promise;
      return 'kept';
    });
    const stop = new AbortController();
    const job = { key: 'k', body: null };
    const left = bus.submit(queueOf(run), job, { signal: stop.signal });
    const stays = bus.submit(queueOf(run), job, { signal: calm });
    left.catch(() => {});
    await started.promise;
    const reason = new Error('no longer wanted');
    stop.abort(reason);
    await expect(left).rejects.toBe(reason);
    gate.resolve();
    expect(await stays).toBe('kept');
    expect(await bus.submit(queueOf(run), job, { signal: calm })).toBe('kept');
    expect(ran).toBe(1);
  });

  it('isolates a job from its submitter and a result from its worker', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const kept = { list: [1] };
    await bus.work(queueOf(run), async (job) => {
      const seen = JSON.stringify(job.body);
      return { ...kept, seen };
    });
    const body = { list: [1] };
    const submitted = bus.submit(queueOf(run), { key: 'k', body }, { signal: calm });
    body.list.push(2);
    const result = (await submitted) as { list: Json };
    kept.list.push(2);
    expect(result).toEqual({ list: [1], seen: '{"list":[1]}' });
  });

  it.each(['gal.v1.r.solver.any', 'gal.v1.*.solver.any.job-requested', 'jobs', 'gal.v1.r.solver.any.job-done'])(
    'refuses %j as a queue',
    async (queue) => {
      await using bus = await open(freshRun());
      const submitted = bus.submit(queue, { key: 'k', body: null }, { signal: calm });
      await expect(submitted).rejects.toMatchObject({ code: 'ID_INVALID' });
      await expect(bus.work(queue, async () => null)).rejects.toMatchObject({ code: 'ID_INVALID' });
    },
  );

  it.each([{ concurrency: 0 }, { leaseMs: 0.5 }, { maxDeliveries: -1 }])(
    'refuses a worker with %j',
    async (options) => {
      const run = freshRun();
      await using bus = await open(run);
      await expect(bus.work(queueOf(run), async () => null, options)).rejects.toThrow(RangeError);
    },
  );

  it('takes no job after a worker was disposed, and finishes the one in hand', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const gate = deferred();
    const started = deferred();
    const first = await bus.work(queueOf(run), async () => {
      started.resolve();
      await gate.promise;
      return 'first';
    });
    const inHand = bus.submit(queueOf(run), { key: '1', body: null }, { signal: calm });
    await started.promise;
    const disposed = first[Symbol.asyncDispose]();
    const next = bus.submit(queueOf(run), { key: '2', body: null }, { signal: calm });
    gate.resolve();
    await disposed;
    expect(await inHand).toBe('first');
    await bus.work(queueOf(run), async () => 'second');
    expect(await next).toBe('second');
  });
}
