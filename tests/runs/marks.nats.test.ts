import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, nkeyAuthenticator } from '@nats-io/transport-node';
import { describe, expect, onTestFinished } from 'vitest';
import { openStreamMarkStore } from '../../markspace/stores/stream-store.ts';
import { createNatsBus } from '../../src/bus/nats-bus.ts';
import { recordNames } from '../../src/bus/nats-names.ts';
import { openNatsRecordStream } from '../../src/bus/nats-record-stream.ts';
import { parseRunId } from '../../src/core/ids.ts';
import { createLogger } from '../../src/core/log.ts';
import type { Generation } from '../../src/core/records.ts';
import { resume, run } from '../../src/index.ts';
import { authorize } from '../../src/runtime/broker.ts';
import { openRunMarks } from '../../src/runtime/marks.ts';
import { readManifest } from '../../src/runtime/run-directory.ts';
import { hill, scratchDir } from '../support/example-run.ts';
import { natsMissing, openNatsServer } from '../support/nats.ts';
import { itNeeds } from '../support/require-service.ts';
import { type MarksRun, type OpenedRun, openMarksRun } from './marks-run.ts';

const it = itNeeds('nats-server', natsMissing);
const log = createLogger({ level: 'silent' });
const note = (text: string) => ({ kind: 'observation', scope: 'notes', topic: 'hint', content: { text } });
const options = (store: 'file' | 'nats'): MarksRun => ({
  rounds: 5,
  markspace: { store, scopes: { notes: {}, hidden: { visibility: 'classified', members: ['b'] } } },
  act: ({ lineage, generation, marks }) => ({
    // What was read decides where it goes: a mark that came late would show in the commits.
    x: generation + (marks('notes.json') as unknown[]).length / 100,
    marks: [note(`${lineage}${generation}`)],
  }),
});

const commitsOf = (opened: OpenedRun) =>
  opened
    .facts('lineage.finished')
    .map(({ body }) => (body as { generation: Generation }).generation)
    .map((g) => `${g.lineage}/${g.generation} ${g.commit} ${g.published}`)
    .sort();

async function marksOf(dir: string) {
  await using marks = await openRunMarks(dir, '.');
  return marks
    .entries({ all: true })
    .map(({ mark: { order: _, ...mark } }) => JSON.stringify(mark))
    .sort();
}

/** A run whose marks and messages go over a server that knows its lineages. */
async function openOverNats() {
  const opened = await openMarksRun(scratchDir(), options('nats'));
  const manifest = readManifest(opened.dir);
  const { config, runtime, guests } = authorize([manifest]);
  const server = await openNatsServer(config);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const connection = { servers: server.url, run: manifest.run, credential: runtime, log };
  const host = {
    broker: { url: server.url, credential: runtime, [Symbol.asyncDispose]: async () => {} },
    openBus: () => createNatsBus(connection),
  };
  return { opened, server, connection, guests, host, names: recordNames(manifest.run) };
}

describe('a run whose marks lie on a NATS server', () => {
  it('has the marks and commits of one with a file, though the server dies in the middle', async () => {
    const withFile = await openMarksRun(scratchDir(), options('file'));
    expect(await withFile.execute()).toMatchObject({ status: 'done' });
    const { opened, server, connection, host } = await openOverNats();
    let restarted: Promise<void> | null = null;
    const ending = await opened.execute({
      ...host,
      onFact: (_, { type, body }) => {
        if (type === 'round.opened' && (body as { round: number }).round === 3)
          restarted = server.kill().then(() => server.restart());
      },
    });
    await restarted;
    expect([ending.status, restarted === null]).toEqual(['done', false]);
    expect(commitsOf(opened)).toEqual(commitsOf(withFile));
    expect(await marksOf(opened.dir)).toEqual(await marksOf(withFile.dir));
    await using store = await openStreamMarkStore(await openNatsRecordStream(connection));
    expect(
      store
        .since(0)
        .map(({ order: _, ...mark }) => JSON.stringify(mark))
        .sort(),
    ).toEqual(await marksOf(withFile.dir));
  }, 120_000);

  it('is asked by a lineage from an account of its own, which may do nothing else there', async () => {
    const { opened, server, guests, host, names } = await openOverNats();
    const stop = new AbortController();
    let opening: () => void = () => {};
    const isOpen = new Promise<void>((resolve) => {
      opening = resolve;
    });
    const ended = opened.execute({
      ...host,
      signal: stop.signal,
      onFact: (_, { type }) => type === 'round.opened' && opening(),
    });
    await isOpen;
    const { credential } = guests.find(({ lineage }) => lineage === 'a')!;
    const nc = await connect({ servers: server.url, authenticator: nkeyAuthenticator(credential.seed()) });
    onTestFinished(() => nc.close());
    const refusals: string[] = [];
    void (async () => {
      for await (const status of nc.status()) if (status.type === 'error') refusals.push(status.error.message);
    })();
    const desk = async (draft: object) =>
      (await nc.request(names.askSubject('a'), JSON.stringify({ call: 'write', draft }))).json();
    const { kind, scope, topic, ...fields } = note('from afar');
    const draft = { kind, scope, topic, fields: { ...fields, source: 'fleet' } };
    expect(await desk(draft)).toMatchObject({ value: { author: 'a', scope: 'notes' } });
    expect(await desk({ ...draft, scope: 'hidden' })).toMatchObject({ error: { code: 'MARKSPACE_DENIED' } });
    for (const subject of [
      names.askSubject('b'),
      names.subject(['a', 'notes']),
      names.subject(['b', 'strategies', 'b']),
    ])
      nc.publish(subject, '{}');
    nc.subscribe(names.storedSubject(['*', 'hidden']));
    await nc.flush();
    await expect.poll(() => refusals.length).toBe(4);
    stop.abort();
    await ended;
  }, 120_000);
});

describe('galapagos run --nats spawn', () => {
  it('starts a server of its own, on which the run can be resumed', async () => {
    const out = scratchDir();
    const stopSoon = new AbortController();
    const set = ['budget.generations=3', 'markspace.store=nats', 'sandbox.provider=process'];
    const common = { out, nats: 'spawn', logLevel: 'silent' } as const;
    const first = await run(hill, {
      ...{ ...common, arms: ['paired'], set, stopSoon: stopSoon.signal },
      onProgress: (event) => {
        if (event.type === 'fact' && event.fact.type === 'round.closed') stopSoon.abort();
      },
    });
    const { dir } = first.runs[0]!;
    expect(first.status).toBe('stopped');
    const nats = join(out, readManifest(dir).group, 'nats');
    const keys = readdirSync(join(nats, 'keys'));
    expect(keys.length).toBe(Object.keys(first.runs[0]!.lineages).length);
    expect(readFileSync(join(nats, 'nats-server.conf'), 'utf8')).toContain(parseRunId(first.runs[0]!.run));
    const { status } = await resume(dir, common);
    expect(status).toBe('done');
    expect((await marksOf(dir)).length).toBeGreaterThan(0);
    expect(existsSync(join(nats, 'lock'))).toBe(false);
  }, 120_000);
});
