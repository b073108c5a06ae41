import { expect } from 'vitest';
import type { Json } from '../../../src/core/json.ts';
import { patterns } from '../../../src/core/subjects.ts';
import {
  calm,
  collector,
  deferred,
  factOf,
  freshRun,
  mebibyte,
  type OpenBus,
  queueOf,
  type TestFunction,
} from './setup.ts';

export function busEventTests(open: OpenBus, it: TestFunction): void {
  it('delivers events of a subject in the order they were published', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const seen = collector<Json>(500);
    await bus.subscribe(factOf(run), (message) => seen.push(message));
    for (let n = 0; n < 500; n += 1) await bus.publish(factOf(run), n);
    expect(await seen.full).toEqual(Array.from({ length: 500 }, (_, n) => n));
  });

  it('keeps the order when a handler is asynchronous and a message large', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const seen = collector<number>(3);
    await bus.subscribe(factOf(run), async (message) => {
      await Promise.resolve();
      seen.push(String((message as { text: string }).text).length);
    });
    const texts = ['1', mebibyte, '333'];
    await Promise.all(texts.map((text) => bus.publish(factOf(run), { text })));
    expect(await seen.full).toEqual([1, mebibyte.length, 3]);
  });

  it('carries an event of one mebibyte to every subscriber', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const seen = collector<Json>(2);
    await bus.subscribe(factOf(run), (message) => seen.push(message));
    await bus.subscribe(patterns.everythingOf(run), (message) => seen.push(message));
    await bus.publish(factOf(run), { text: mebibyte });
    expect(await seen.full).toEqual([{ text: mebibyte }, { text: mebibyte }]);
  });

  it.each([
    ['gal.v1.RUN.lineage.a.seen', ['a.seen']],
    ['gal.v1.RUN.lineage.*.seen', ['a.seen', 'b.seen']],
    ['gal.v1.RUN.lineage.a.*', ['a.seen', 'a.lost']],
    ['gal.v1.RUN.lineage.>', ['a.seen', 'a.lost', 'b.seen']],
    ['gal.v1.RUN.lineage.a.seen.>', []],
    ['gal.v1.RUN.lineage', []],
    ['gal.v1.RUN.gate.>', []],
  ])('matches the pattern %s token by token', async (pattern, expected) => {
    const run = freshRun();
    await using bus = await open(run);
    const seen: string[] = [];
    const end = deferred();
    await bus.subscribe(pattern.replace('RUN', run), (_message, subject) => void seen.push(subject));
    await bus.subscribe(factOf(run, 'end'), () => end.resolve());
    for (const [id, type] of [
      ['a', 'seen'],
      ['a', 'lost'],
      ['b', 'seen'],
    ] as const) {
      await bus.publish(factOf(run, id, type), null);
    }
    await bus.publish(factOf(run, 'end'), null);
    await end.promise;
    const names = seen.map((subject) => subject.split('.').slice(-2).join('.'));
    expect(names.filter((name) => !name.startsWith('end'))).toEqual(expected);
  });

  it.each(['', 'gal..v1', 'gal.v1.a b', 'gal.v1.*', 'gal.v1.>', 'gal.v1.r.solver.any.job-requested'])(
    'refuses to publish on %j',
    async (subject) => {
      await using bus = await open(freshRun());
      await expect(bus.publish(subject, 1)).rejects.toMatchObject({ code: 'ID_INVALID' });
    },
  );

  it.each(['', 'gal.>.a', 'gal.a*', 'gal..>'])('refuses the pattern %j', async (pattern) => {
    await using bus = await open(freshRun());
    await expect(bus.subscribe(pattern, () => {})).rejects.toMatchObject({ code: 'ID_INVALID' });
  });

  it('refuses a message that is not JSON', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    await expect(bus.publish(factOf(run), loop as Json)).rejects.toMatchObject({ code: 'MESSAGE_INVALID' });
  });

  it('isolates a message from what its sender does to it later', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const seen = collector<Json>(1);
    await bus.subscribe(factOf(run), (message) => seen.push(message));
    const message = { list: [1, 2] };
    const sent = bus.publish(factOf(run), message);
    message.list.push(3);
    await sent;
    expect(await seen.full).toEqual([{ list: [1, 2] }]);
  });

  it('drops what a slow subscriber cannot hold, counts it, and lets the others run', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const gate = deferred();
    const slow = collector<Json>(11);
    const fast = collector<Json>(50);
    const started = deferred();
    const slowSubscription = await bus.subscribe(
      factOf(run),
      async (message) => {
        started.resolve();
        await gate.promise;
        slow.push(message);
      },
      { maxPending: 10 },
    );
    await bus.subscribe(factOf(run), (message) => fast.push(message));
    await bus.publish(factOf(run), 0);
    await started.promise;
    for (let n = 1; n < 50; n += 1) await bus.publish(factOf(run), n);
    expect(await fast.full).toHaveLength(50);
    expect(slowSubscription.dropped).toBe(39);
    gate.resolve();
    expect(await slow.full).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('goes on after a subscriber threw', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const seen = collector<Json>(2);
    await bus.subscribe(factOf(run), (message) => {
      seen.push(message);
      throw new Error('a subscriber that fails on purpose');
    });
    await bus.publish(factOf(run), 1);
    await bus.publish(factOf(run), 2);
    expect(await seen.full).toEqual([1, 2]);
  });

  it('delivers nothing after a subscription was disposed, and what came before', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const seen: Json[] = [];
    const subscription = await bus.subscribe(factOf(run), async (message) => {
      await Promise.resolve();
      seen.push(message);
    });
    await bus.publish(factOf(run), 1);
    await bus.publish(factOf(run), 2);
    await subscription[Symbol.asyncDispose]();
    await bus.publish(factOf(run), 3);
    expect(seen).toEqual([1, 2]);
  });

  it('does not show jobs to subscribers of events', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const seen: Json[] = [];
    const end = deferred();
    await bus.subscribe(patterns.everythingOf(run), (message) => {
      if (message === 'end') end.resolve();
      else seen.push(message);
    });
    await bus.work(queueOf(run), async () => 'result');
    await bus.submit(queueOf(run), { key: 'k', body: 'job' }, { signal: calm });
    await bus.publish(factOf(run), 'end');
    await end.promise;
    expect(seen).toEqual([]);
  });
}
