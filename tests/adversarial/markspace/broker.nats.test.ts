import { randomUUID } from 'node:crypto';
import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { guestDesk } from '../../../markspace/guests.ts';
import type { Mark } from '../../../markspace/mark.ts';
import { openStreamMarkStore } from '../../../markspace/stores/stream-store.ts';
import { type NatsCredential, natsAuthorization } from '../../../src/bus/nats-authorization.ts';
import { serveNatsGuests } from '../../../src/bus/nats-guests.ts';
import { recordNames } from '../../../src/bus/nats-names.ts';
import { openNatsRecordStream } from '../../../src/bus/nats-record-stream.ts';
import { parseLineageId, parseRunId } from '../../../src/core/ids.ts';
import { createLogger } from '../../../src/core/log.ts';
import { a, aGenome, b, commitOf, openSpace } from '../../markspace/space-fixture.ts';
import { natsMissing, type OwnNatsServer, openNatsServer } from '../../support/nats.ts';
import { itNeeds } from '../../support/require-service.ts';

/** What a lineage with an account of its own on the broker can do to the marks of everybody. */
const it = itNeeds('nats-server', natsMissing);
const log = createLogger({ level: 'silent' });
const runs = Array.from({ length: 40 }, () => parseRunId(`run-${randomUUID()}`));
const authorization = natsAuthorization(
  runs.flatMap((run) => ['a', 'b'].map((id) => ({ run, lineage: parseLineageId(id), reads: ['strategies'] }))),
);

let server: OwnNatsServer;
beforeAll(async () => {
  if (natsMissing === null) server = await openNatsServer(authorization.config);
});
afterAll(async () => server?.[Symbol.asyncDispose]());

let used = 0;
/** A guard with its marks on the broker, and a client of lineage `a` that has nothing of ours in it. */
async function openGuarded() {
  const run = runs[used]!;
  const credential = authorization.guests[2 * used]!;
  used += 1;
  const options = { servers: server.url, run, credential: authorization.runtime, log };
  const store = await openStreamMarkStore(await openNatsRecordStream(options));
  const fixture = await openSpace({ store });
  const desk = await serveNatsGuests({ ...options, answer: guestDesk(fixture.space) });
  onTestFinished(async () => {
    await desk[Symbol.asyncDispose]();
    await fixture.space[Symbol.asyncDispose]();
  });
  const nc = await clientOf(credential);
  const names = recordNames(run);
  const ask = async (request: unknown, subject = names.askSubject('a')) => {
    const text = typeof request === 'string' ? request : JSON.stringify(request);
    return (await nc.request(subject, text, { timeout: 20_000 })).json<{
      value?: Mark;
      error?: { code: string; details: { rule?: string } };
    }>();
  };
  return { ...fixture, store, nc, names, ask };
}

async function clientOf(credential: NatsCredential): Promise<NatsConnection> {
  const nc = await connect({ servers: server.url, authenticator: nkeyAuthenticator(credential.seed()) });
  onTestFinished(() => nc.close());
  // What the server says to the client is an event of the connection as well.
  void (async () => {
    for await (const _ of nc.status());
  })();
  return nc;
}

const note = (fields: object = {}, changes: object = {}) => ({
  ...{ kind: 'observation', scope: 'lineages/a', topic: 't' },
  fields: { content: 'said', source: 'unverified', ...fields },
  ...changes,
});

it('lets a lineage leave a mark, read it and take it back, as by its handle', async () => {
  const { ask, store } = await openGuarded();
  const { value } = await ask({ call: 'write', draft: note() });
  expect(value).toMatchObject({ author: 'a', strength: 1, confidence: 0, score: null, createdAtMs: 5_000 });
  expect(store.get(value!.id)).toEqual(value);
  expect(await ask({ call: 'query', query: { scope: 'lineages/a' } })).toMatchObject({ value: [{ mark: value }] });
  expect(await ask({ call: 'withdraw', mark: value!.id, reason: 'wrong' })).toMatchObject({
    value: { kind: 'action', supersedes: value!.id },
  });
});

// Tried: writing a whole mark into the stream, with weight, date and score of one's own. Stopped by: only the guard's account publishes records.
it.each([
  ['a higher score', { score: 1e9 }],
  ['full confidence', { confidence: 1 }],
  ['another strength', { strength: 1 }],
  ['a date in the future', { createdAtMs: 9e15 }],
  ['more trust', { source: 'fleet' }],
])('does not let a lineage publish a strategy with %s', async (_what, forged) => {
  const { nc, names, store, space, publishAll } = await openGuarded();
  await publishAll({ a: 0.5, b: 0.6 });
  const before = store.since(0);
  const [own] = store.inScope('strategies/a');
  const { order: _, ...mark } = { ...own!, id: 'forged', ...forged };
  const subject = names.subject(['a', 'strategies', 'a']);
  await expect(jetstream(nc).publish(subject, JSON.stringify(mark), { timeout: 2_000 })).rejects.toThrow();
  expect(store.since(0)).toEqual(before);
  expect(space.snapshot()).toMatchObject([
    { lineage: 'a', score: 0.5 },
    { lineage: 'b', score: 0.6 },
  ]);
});

// Tried: the same through the guard's own door. Stopped by: what is asked there is a draft, judged as by a handle.
it.each<[string, unknown]>([
  ['a score', { call: 'write', draft: note({ score: 1 }) }],
  ['confidence', { call: 'write', draft: note({ confidence: 1 }) }],
  ['strength', { call: 'write', draft: note({}, { strength: 1 }) }],
  ['a date', { call: 'write', draft: note({}, { createdAtMs: 9e15 }) }],
  ['an author', { call: 'write', draft: note({}, { author: 'b' }) }],
  ['an identity', { call: 'write', lineage: 'b', draft: note() }],
  ["a peer's scope", { call: 'write', draft: note({}, { scope: 'lineages/b' }) }],
  ['a strategy', { call: 'write', draft: note({}, { scope: 'strategies/a', topic: 'strategy' }) }],
  ['a finished action', { call: 'write', draft: note({}, { kind: 'action' }) }],
  ['a call that is none of its own', { call: 'publish', published: { generation: 1, score: 1 } }],
  ['a call of the runtime', { call: 'inspect', query: { scope: 'lineages/b' } }],
  ['what is not JSON', '{"call":'],
  ['nothing', ''],
])('refuses a lineage that asks with %s, as its handle would, on record', async (_what, request) => {
  const { ask, store, journal } = await openGuarded();
  expect(await ask(request)).toMatchObject({ error: { code: 'MARKSPACE_DENIED' } });
  expect(store.size).toBe(0);
  expect(journal.facts).toMatchObject([{ type: 'guard.denied', body: { lineage: 'a' } }]);
});

// Tried: asking as a peer. Stopped by: the broker lets no account use another's subject.
it('does not let a lineage ask as another', async () => {
  const { ask, names, store } = await openGuarded();
  const request = { call: 'write', draft: note({}, { scope: 'lineages/b' }) };
  await expect(ask(request, names.askSubject('b'))).rejects.toThrow(/Permissions Violation/);
  expect(store.size).toBe(0);
});

// Tried: seeing a peer's corner through a query. Stopped by: a query is the lineage's own.
it('shows a lineage nothing through the guard that its handle would not', async () => {
  const { ask, space, genomes } = await openGuarded();
  await space.handleFor(b).write(note({}, { scope: 'lineages/b' }) as never);
  const genome = genomes.put(aGenome('b'));
  await space.handleFor(b).publish({ generation: 1, genome, commit: commitOf('b'), score: 0.1 });
  expect(await ask({ call: 'query', query: { scope: 'lineages', below: true } })).toEqual({ value: [] });
  expect(await ask({ call: 'query', query: { scope: 'strategies', below: true } })).toMatchObject({
    value: [{ mark: { author: 'b' } }],
  });
});

// Tried: more requests than the guard can work on. Stopped by: a lineage has so many under way, and is told.
it('keeps a lineage from having more under way than is allowed, and answers every request', async () => {
  const { ask, space, store } = await openGuarded();
  const answers = await Promise.all(Array.from({ length: 400 }, () => ask({ call: 'write', draft: note() })));
  const busy = answers.filter(({ error }) => error?.code === 'BUSY').length;
  expect(answers.filter(({ value }) => value !== undefined)).toHaveLength(400 - busy);
  expect(store.size).toBe(400 - busy);
  expect(store.size).toBeGreaterThan(0);
  expect(await space.handleFor(a).write(note() as never)).toMatchObject({ author: 'a' });
});
