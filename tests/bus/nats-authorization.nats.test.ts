import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection, nkeyAuthenticator, nkeys } from '@nats-io/transport-node';
import { afterAll, it as always, beforeAll, expect, onTestFinished } from 'vitest';
import { openStreamMarkStore } from '../../markspace/stores/stream-store.ts';
import { type NatsAuthorization, type NatsCredential, natsAuthorization } from '../../src/bus/nats-authorization.ts';
import { createNatsBus } from '../../src/bus/nats-bus.ts';
import { serveNatsGuests } from '../../src/bus/nats-guests.ts';
import { recordNames } from '../../src/bus/nats-names.ts';
import { openNatsRecordStream } from '../../src/bus/nats-record-stream.ts';
import { parseLineageId, parseRunId } from '../../src/core/ids.ts';
import { createLogger } from '../../src/core/log.ts';
import { aMark } from '../conformance/mark-store.suite.ts';
import { natsMissing, type OwnNatsServer, openNatsServer } from '../support/nats.ts';
import { itNeeds } from '../support/require-service.ts';

const it = itNeeds('nats-server', natsMissing);
const log = createLogger({ level: 'silent' });
const run = parseRunId(`run-${randomUUID()}`);
const otherRun = parseRunId(`run-${randomUUID()}`);
const names = recordNames(run);

const guest = (lineage: string, ofRun = run) => ({
  run: ofRun,
  lineage: parseLineageId(lineage),
  reads: ['strategies', `lineages/${lineage}`],
});
const authorization: NatsAuthorization = natsAuthorization([guest('a'), guest('b'), guest('a', otherRun)]);
const { runtime } = authorization;
const [a, b, stranger] = authorization.guests as [NatsCredential, NatsCredential, NatsCredential];

let server: OwnNatsServer;
beforeAll(async () => {
  if (natsMissing !== null) return;
  server = await openNatsServer(authorization.config);
  // Makes the run's streams.
  await (await openStore())[Symbol.asyncDispose]();
});
afterAll(async () => server?.[Symbol.asyncDispose]());

const openStore = async () =>
  openStreamMarkStore(await openNatsRecordStream({ servers: server.url, run, credential: runtime, log }));

/** A client of its own making, with nothing of ours in it, and what the server says to it. */
async function clientOf(credential: NatsCredential) {
  const nc = await connect({ servers: server.url, authenticator: nkeyAuthenticator(credential.seed()) });
  onTestFinished(() => nc.close());
  const refusals: string[] = [];
  void (async () => {
    for await (const status of nc.status()) if (status.type === 'error') refusals.push(status.error.message);
  })();
  return { nc, refusals };
}

/** Everything the run has on the server. */
async function everything(nc: NatsConnection) {
  const jsm = await jetstreamManager(nc);
  const states = [];
  for (const stream of [names.stream, names.payloadStream]) {
    const { state } = await jsm.streams.info(stream, { subjects_filter: '>' });
    states.push({ stream, messages: state.messages, last: state.last_seq, subjects: state.subjects });
  }
  return states;
}

/** Answers every guest with its name, as the broker tells it, and what it said. */
const openDesk = () =>
  serveNatsGuests({
    ...{ servers: server.url, run, credential: runtime, log },
    answer: async (lineage, request) => Buffer.from(`${lineage} said ${Buffer.from(request).toString()}`),
  });

it('tells the guard which lineage asks, and the lineage what the guard answers', async () => {
  await using _ = await openDesk();
  for (const [name, credential] of [['a', a] as const, ['b', b] as const]) {
    const { nc } = await clientOf(credential);
    expect((await nc.request(names.askSubject(name), 'hello')).string()).toBe(`${name} said hello`);
  }
});

it('lets a lineage watch what is open to it as it is stored, with its place, and nothing else', async () => {
  await using store = await openStore();
  const { nc, refusals } = await clientOf(a);
  const seen: string[] = [];
  nc.subscribe(names.storedSubject(['*', 'strategies', '>']), {
    callback: (_, message) => {
      seen.push(`${message.json<{ id: string }>().id} ${message.headers?.get('Nats-Sequence')}`);
    },
  });
  await nc.flush();
  const open = await store.append(aMark('seen-1', { author: 'b', scope: 'strategies/b' }));
  await store.append(aMark('hidden-1', { author: 'b', scope: 'lineages/b' }));
  const later = await store.append(aMark('seen-2', { author: 'b', scope: 'strategies/b' }));
  await expect.poll(() => seen).toEqual([`seen-1 ${open.order + 1}`, `seen-2 ${later.order + 1}`]);
  expect(refusals).toEqual([]);
});

it('lets the runtime use the same server for its bus', async () => {
  await using bus = await createNatsBus({ servers: server.url, run, credential: runtime, log });
  expect(bus.capabilities.durableJobs).toBe(true);
});

const body = JSON.stringify(aMark('forged-1', { author: 'b', scope: 'strategies/b' }));
it.each([
  ['its own scope in its own name', names.subject(['a', 'strategies', 'a'])],
  ['its own corner', names.subject(['a', 'lineages', 'a'])],
  ['its own payloads', names.payloadSubject(['a', 'strategies', 'a', 'x', '0'])],
  ['where a peer asks', names.askSubject('b')],
  ['where lineages of another run ask', recordNames(otherRun).askSubject('a')],
  ["a peer's scope in its own name", names.subject(['a', 'strategies', 'b'])],
  ["a peer's scope in the peer's name", names.subject(['b', 'strategies', 'b'])],
  ["its own scope in a peer's name", names.subject(['b', 'strategies', 'a'])],
  ['a scope above its own', names.subject(['a', 'strategies'])],
  ['a scope that nobody was given', names.subject(['a', 'shared'])],
  ['the list of dropped marks', names.subject(['gone'])],
  ["a peer's payloads", names.payloadSubject(['b', 'strategies', 'b', 'x', '0'])],
  ['what only the server says', names.storedSubject(['a', 'strategies', 'a'])],
  ['another run', recordNames(otherRun).subject(['a', 'strategies', 'a'])],
  ['a work queue', `gal.v1.${run}.solver.any.job-requested`],
])('refuses a lineage that publishes to %s', async (_what, subject) => {
  await using store = await openStore();
  const { nc, refusals } = await clientOf(a);
  const { nc: root } = await clientOf(runtime);
  const before = await everything(root);
  nc.publish(subject, body);
  await nc.flush();
  await expect.poll(() => refusals).toEqual([expect.stringContaining('Permissions Violation for Publish')]);
  expect(await everything(root)).toEqual(before);
  expect(store.get('forged-1')).toBeNull();
});

it.each([
  ["a peer's own corner", names.storedSubject(['b', 'lineages', 'b'])],
  ["everybody's own corners", names.storedSubject(['*', 'lineages', '>'])],
  ['everything that is stored', names.storedSubject(['>'])],
  ['what is on its way to the stream', names.subject(['b', 'strategies', 'b'])],
  ["a peer's payloads", names.payloadSubject(['b', '>'])],
  ['all there is', '>'],
  ["another lineage's facts", `gal.v1.${run}.>`],
])('refuses a lineage that reads %s', async (_what, subject) => {
  await using store = await openStore();
  const { nc, refusals } = await clientOf(a);
  const heard: string[] = [];
  nc.subscribe(subject, {
    callback: (error, message) => {
      if (error === null) heard.push(message.subject);
    },
  });
  await nc.flush();
  await expect.poll(() => refusals).toEqual([expect.stringContaining('Permissions Violation for Subscription')]);
  await store.append(aMark(`read-${randomUUID()}`, { author: 'b', scope: 'lineages/b' }));
  await nc.flush();
  expect(heard).toEqual([]);
});

const consumer = { stream_name: names.stream, config: { ack_policy: 'none', deliver_subject: '_INBOX.x' } };
it.each([
  ['purges the stream', `STREAM.PURGE.${names.stream}`, ''],
  ['deletes the stream', `STREAM.DELETE.${names.stream}`, ''],
  ['deletes a mark', `STREAM.MSG.DELETE.${names.stream}`, '{"seq":1}'],
  ['changes the stream', `STREAM.UPDATE.${names.stream}`, `{"name":"${names.stream}","subjects":["x"]}`],
  ['makes a stream', 'STREAM.CREATE.mine', '{"name":"mine","subjects":["mine"]}'],
  ['asks about the stream', `STREAM.INFO.${names.stream}`, ''],
  ['gets a mark by its place', `STREAM.MSG.GET.${names.stream}`, '{"seq":1}'],
  ['gets a payload', `DIRECT.GET.${names.payloadStream}`, '{"seq":1}'],
  ['makes a consumer', `CONSUMER.CREATE.${names.stream}`, JSON.stringify(consumer)],
  ['lists the streams', 'STREAM.NAMES', ''],
])('refuses a lineage that %s', async (_what, api, request) => {
  const { nc } = await clientOf(a);
  const { nc: root } = await clientOf(runtime);
  const before = await everything(root);
  await expect(nc.request(`$JS.API.${api}`, request)).rejects.toThrow(/Permissions Violation/);
  expect(await everything(root)).toEqual(before);
});

/** Where a hostile publisher could have the answer to its own message sent. */
const answers = (stream: string) => [
  `$JS.API.STREAM.PURGE.${stream}`,
  `$JS.API.STREAM.DELETE.${stream}`,
  names.subject(['b', 'strategies', 'b']),
  names.subject(['gone']),
];

it.each(answers(names.stream))("does not let the guard's answer act as %s", async (reply) => {
  await using _ = await openDesk();
  const { nc } = await clientOf(a);
  const { nc: root } = await clientOf(runtime);
  const before = await everything(root);
  const heard: string[] = [];
  nc.subscribe('_INBOX.after', { callback: (_error, message) => void heard.push(message.string()) });
  nc.publish(names.askSubject('a'), 'x', { reply });
  // The desk answers in order: what it answers later shows that the first answer has gone out.
  nc.publish(names.askSubject('a'), 'y', { reply: '_INBOX.after' });
  await expect.poll(() => heard).toEqual(['a said y']);
  await root.flush();
  expect(await everything(root)).toEqual(before);
});

it('needs an account for each lineage: with permissions alone, the answer to a question empties the stream', async () => {
  const pair = nkeys.createUser();
  const permissions = '{ publish: ["ask.a"], subscribe: ["_INBOX.>"] }';
  const users = `[ { user: root, password: root }, { nkey: ${pair.getPublicKey()}, permissions: ${permissions} } ]`;
  await using open = await openNatsServer(`accounts { ONE { jetstream: enabled, users: ${users} } }`);
  const root = await connect({ servers: open.url, user: 'root', pass: 'root' });
  onTestFinished(() => root.close());
  const jsm = await jetstreamManager(root);
  await jsm.streams.add({ name: 'marks', subjects: ['own.>'] });
  for (let i = 0; i < 5; i += 1) await jetstream(root).publish('own.b', 'precious');
  const nc = await connect({ servers: open.url, authenticator: nkeyAuthenticator(pair.getSeed()) });
  onTestFinished(() => nc.close());
  root.subscribe('ask.*', { callback: (_, message) => void message.respond('') });
  await root.flush();
  nc.publish('ask.a', 'x', { reply: '$JS.API.STREAM.PURGE.marks' });
  await nc.flush();
  await expect
    .poll(async () => (await jsm.streams.info('marks', { subjects_filter: 'own.b' })).state.subjects)
    .toBe(undefined);
});

it.each<[string, () => Parameters<typeof connect>[0]]>([
  ['without a key', () => ({})],
  ['with a key of its own making', () => ({ authenticator: nkeyAuthenticator(nkeys.createUser().getSeed()) })],
  ["with the runtime's name", () => ({ user: 'runtime', pass: '' })],
  ["with a peer's public name", () => ({ user: b.user, pass: b.user })],
])('lets nobody in %s', async (_what, how) => {
  await expect(connect({ servers: server.url, reconnect: false, ...how() })).rejects.toThrow(/authorization/i);
});

it('keeps the runs of one server apart, and refuses the same after a restart', async () => {
  await server.restart();
  const { nc, refusals } = await clientOf(stranger);
  nc.publish(names.askSubject('a'), body);
  nc.subscribe(names.storedSubject(['*', 'strategies', '>']));
  await nc.flush();
  await expect.poll(() => refusals).toHaveLength(2);
});

always('shows no private key to whoever prints or serialises it', () => {
  const seeds = [runtime, a, b].map((credential) => new TextDecoder().decode(credential.seed()));
  expect(seeds.every((seed) => /^SU[A-Z2-7]{56}$/.test(seed))).toBe(true);
  const shown = [inspect(authorization, { depth: 9, showHidden: true }), JSON.stringify(authorization)].join('\n');
  for (const seed of seeds) expect(shown).not.toContain(seed.slice(0, 20));
});

always.each(['', 'a/', '../b', 'a b', 'a/*', '>', 'a/b" }'])('takes no topic that is none: %j', (topic) => {
  expect(() => natsAuthorization([{ ...guest('a'), reads: [topic] }])).toThrow(
    expect.objectContaining({ code: 'ID_INVALID' }),
  );
});
