import { randomUUID } from 'node:crypto';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers } from '@nats-io/transport-node';
import { expect, onTestFinished } from 'vitest';
import type { Mark, Observation } from '../../markspace/mark.ts';
import { openStreamMarkStore } from '../../markspace/stores/stream-store.ts';
import { recordNames } from '../../src/bus/nats-names.ts';
import { destroyNatsRecords, openNatsRecordStream } from '../../src/bus/nats-record-stream.ts';
import { parseRunId, type RunId } from '../../src/core/ids.ts';
import { createLogger } from '../../src/core/log.ts';
import { aMark } from '../conformance/mark-store.suite.ts';
import { natsMissing, openNatsServer } from '../support/nats.ts';
import { itNeeds } from '../support/require-service.ts';
import { isKept, isWhole, numberedMark } from './numbered-mark.ts';

const it = itNeeds('nats-server', natsMissing);
const log = createLogger({ level: 'silent' });
const freshRun = () => parseRunId(`run-${randomUUID()}`);

async function openStore(servers: string, run: RunId) {
  return openStreamMarkStore(await openNatsRecordStream({ servers, run, log }));
}

/** A client that knows nothing of marks. */
async function rawClient(url: string) {
  const nc = await connect({ servers: url });
  onTestFinished(() => nc.close());
  return { nc, js: jetstream(nc), jsm: await jetstreamManager(nc) };
}

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({
    ...numberedMark(`m-${from + i}`, `s/${(from + i) % 5}`, from + i),
  }));

it('shows the same marks in the same order to two processes that both append', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using one = await openStore(server.url, run);
  await using two = await openStore(server.url, run);
  const made = await Promise.all(numbered(0, 400).map((mark, i) => (i % 2 === 0 ? one : two).append(mark)));
  await expect.poll(() => [one.size, two.size]).toEqual([400, 400]);
  expect(one.since(0)).toEqual(made.toSorted((a, b) => a.order - b.order));
  expect(two.since(0)).toEqual(one.since(0));
});

it('makes one mark of one id, whoever appends it and how often', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using one = await openStore(server.url, run);
  await using two = await openStore(server.url, run);
  const made = await Promise.all([one, two, one, two].map((store, i) => store.append(aMark('m1', { score: i }))));
  expect(new Set(made.map((m) => `${m.order} ${(m as Observation).score}`)).size).toBe(1);
  expect(one.size).toBe(1);
});

it('knows an id again that the server has forgotten', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using one = await openStore(server.url, run);
  const first = await one.append(aMark('m1'));
  const { js } = await rawClient(server.url);
  const { subject } = recordNames(run);
  // Without a message id the server takes it again, as it would after a day.
  await js.publish(subject(['a', 'strategies', 'a']), JSON.stringify(aMark('m1', { score: 9 })));
  await one.append(aMark('m2'));
  expect(one.since(0).map((m) => m.id)).toEqual(['m1', 'm2']);
  await using two = await openStore(server.url, run);
  expect(await two.append(aMark('m1', { score: 9 }))).toEqual(first);
  expect(two.since(0)).toEqual(one.since(0));
});

it('keeps what it acknowledged when the server is killed, and appends on when it is back', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using store = await openStore(server.url, run);
  const acked: Mark[] = [];
  for (let round = 0; round < 4; round += 1) {
    const appends = numbered(round * 100, round * 100 + 100).map(async (mark) => {
      acked.push(await store.append(mark));
    });
    if (round === 1) await Promise.all(appends);
    // In the other rounds the kill falls on appends under way.
    await Promise.race(appends);
    await server.kill();
    const during = store.append(aMark(`during-${round}`));
    await server.restart();
    await Promise.all(appends);
    acked.push(await during);
  }
  expect(store.size).toBe(404);
  expect(store.since(0)).toEqual(acked.toSorted((a, b) => a.order - b.order));
  await using again = await openStore(server.url, run);
  expect(again.since(0)).toEqual(store.since(0));
});

it('goes on seeing what others append after the connection was lost', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using reader = await openStore(server.url, run);
  {
    await using writer = await openStore(server.url, run);
    await writer.append(aMark('before'));
  }
  await server.restart();
  await using writer = await openStore(server.url, run);
  const after = await writer.append(aMark('after'));
  await expect.poll(() => reader.get('after'), { timeout: 5_000 }).toEqual(after);
});

it('carries marks that are too large for a message, and takes them away with the mark', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using store = await openStore(server.url, run);
  const content = 'ü'.repeat(1_500_000);
  const large = await store.append(aMark('large', { content }));
  await store.append(aMark('small'));
  expect((large as Observation).content).toBe(content);
  await using again = await openStore(server.url, run);
  expect(again.get('large')).toEqual(large);
  const { jsm } = await rawClient(server.url);
  const { payloadStream } = recordNames(run);
  expect((await jsm.streams.info(payloadStream)).state.messages).toBe(12);
  await store.compact((m) => m.id !== 'large');
  expect((await jsm.streams.info(payloadStream)).state.messages).toBe(0);
});

it('drops marks for every reader, those that come later too, and takes them off the server', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using one = await openStore(server.url, run);
  await using two = await openStore(server.url, run);
  await Promise.all(numbered(0, 1_500).map((mark) => one.append(mark)));
  expect(await one.compact(isKept)).toEqual({ kept: 1_000, dropped: 500 });
  const after = await one.append(aMark('after'));
  await expect.poll(() => two.get('after')).toEqual(after);
  await expect.poll(() => two.size).toBe(1_001);
  await using three = await openStore(server.url, run);
  for (const store of [two, three]) {
    expect(store.since(0)).toEqual(one.since(0));
    expect(await store.append(numberedMark('m-3', 's/3', 3))).toMatchObject({ order: 3 });
    expect(store.get('m-3')).toBeNull();
  }
  expect(
    one
      .since(0)
      .filter((m) => m.id !== 'after')
      .every(isWhole),
  ).toBe(true);
  const { jsm } = await rawClient(server.url);
  // One record names 500 dropped marks.
  expect((await jsm.streams.info(recordNames(run).stream)).state.messages).toBe(1_000 + 1 + 1);
});

const strategies = ['a', 'strategies', 'a'];
it.each<[string, string[], string]>([
  ['no JSON', strategies, 'hello'],
  ['JSON that is no mark', strategies, '{"id":"m1"}'],
  ['nothing', strategies, ''],
  ['a mark of somebody else', strategies, JSON.stringify(aMark('m1', { author: 'b' }))],
  ['a mark of another scope', strategies, JSON.stringify(aMark('m1', { scope: 'strategies/b' }))],
  ['a mark with an id that is none', strategies, JSON.stringify(aMark('m/1'))],
  ['a mark with a field of its own', strategies, JSON.stringify({ ...aMark('m1'), trust: 1 })],
  ['a list of dropped marks that is none', ['gone'], '[["m0"'],
])('leaves out a record that holds %s, and goes on', async (_what, topic, body) => {
  await using server = await openNatsServer();
  const run = freshRun();
  const why: string[] = [];
  const stream = await openNatsRecordStream({ servers: server.url, run, log });
  await using store = await openStreamMarkStore(stream, { onRefused: (text) => why.push(text) });
  await store.append(aMark('m0'));
  const { js } = await rawClient(server.url);
  await js.publish(recordNames(run).subject(topic), body);
  await store.append(aMark('m2'));
  expect(store.since(0).map((m) => m.id)).toEqual(['m0', 'm2']);
  expect(store.refused).toBe(1);
  expect(why).toHaveLength(1);
});

it('stores a mark although somebody used up its message id on another subject', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using store = await openStore(server.url, run);
  const { js } = await rawClient(server.url);
  await js.publish(recordNames(run).subject(['b', 'strategies', 'b']), 'mine now', { msgID: 'a.m1' });
  const mark = await store.append(aMark('m1'));
  expect(store.get('m1')).toBe(mark);
});

it.each(['its store', 'the run'])('fails loudly when the server comes back without %s', async (what) => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using store = await openStore(server.url, run);
  await store.append(aMark('m1'));
  await server.stop();
  if (what === 'its store') await server.empty();
  await server.restart();
  if (what === 'the run') {
    await destroyNatsRecords({ servers: server.url, run, log });
    await server.restart();
  }
  await expect
    .poll(() => store.append(aMark('m2')).catch((error) => error.code), { timeout: 10_000 })
    .toBe('STORAGE_FAILED');
  expect(store.get('m1')).not.toBeNull();
});

it('ends appends that wait for a server that stays away when it is closed', async () => {
  await using server = await openNatsServer();
  const store = await openStore(server.url, freshRun());
  await store.append(aMark('m1'));
  await server.kill();
  const waiting = expect(store.append(aMark('m2'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  await store[Symbol.asyncDispose]();
  await waiting;
});

it('does not let a rollup header replace what was stored', async () => {
  await using server = await openNatsServer();
  const run = freshRun();
  await using store = await openStore(server.url, run);
  await store.append(aMark('m1'));
  const { js } = await rawClient(server.url);
  const all = headers();
  all.set('Nats-Rollup', 'all');
  await expect(js.publish(recordNames(run).subject(strategies), 'x', { headers: all })).rejects.toThrow();
  await using again = await openStore(server.url, run);
  expect(again.size).toBe(1);
});
