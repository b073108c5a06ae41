/**
 * What the markspace costs, as ratios against the bare thing in the same run:
 * appending, reading, opening and compacting a million marks, appending over
 * NATS, and showing a hundred genomes. What the guard adds: `bench/guard.ts`.
 *
 *   npm run bench -- markspace [--marks=1000000]
 */
import { closeSync, createReadStream, linkSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DeliverPolicy, type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { Observation, Unplaced } from '../markspace/mark.ts';
import type { MarkStore } from '../markspace/store.ts';
import { openFileMarkStore } from '../markspace/stores/file-store.ts';
import { createMemoryMarkStore } from '../markspace/stores/memory-store.ts';
import { openStreamMarkStore } from '../markspace/stores/stream-store.ts';
import { createMounter } from '../markspace/strategies/mounter.ts';
import { openNatsRecordStream } from '../src/bus/nats-record-stream.ts';
import { findNatsServer, spawnNatsServer } from '../src/bus/nats-server.ts';
import { type FileTree, manifestOf, sortTree, textFile, treeId } from '../src/core/file-tree.ts';
import { type GenomeId, parseCommitId, parseLineageId, parseRunId } from '../src/core/ids.ts';
import { sha256 } from '../src/core/json.ts';
import { inFlight, medianMs, pausesDuring, report, type Speed, speedOf } from './speed.ts';

const marks = Number(process.argv.find((word) => word.startsWith('--marks='))?.slice('--marks='.length) ?? 1_000_000);
const scopes = 100;
const root = mkdtempSync(join(tmpdir(), 'gal-bench-'));

/** A published strategy, as the guard writes it. */
function markOf(i: number, scope = `strategies/l${i % scopes}`): Unplaced<Observation> {
  return {
    kind: 'observation',
    id: `strategy-${i}`,
    scope,
    author: `l${i % scopes}`,
    createdAtMs: i,
    supersedes: null,
    payload: 'b'.repeat(64),
    strength: 1,
    flags: [],
    topic: 'strategy',
    content: { generation: i, commit: 'a'.repeat(40) },
    confidence: 1,
    source: 'fleet',
    score: i / 2,
  };
}

const heapMiB = () => {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

async function inMemory(): Promise<void> {
  const naive = async () => {
    const byId = new Map<string, unknown>();
    for (let i = 0; i < marks; i += 1) byId.set(`strategy-${i}`, JSON.parse(JSON.stringify(markOf(i))));
  };
  const baseline = await speedOf(marks, naive);
  const before = heapMiB();
  await using store = createMemoryMarkStore();
  const appended = await speedOf(marks, async () => {
    for (let i = 0; i < marks; i += 1) await store.append(markOf(i));
  });
  report(`append in memory, ${marks.toLocaleString('en')} marks`, {
    'JSON copy into a Map': baseline,
    'memory store': appended,
  });
  console.log(`  memory per mark: ${(((heapMiB() - before) * 2 ** 20) / store.size).toFixed(0)} bytes\n`);
  await reading(store);
  await compacting('memory', store);
}

/** Scopes of one size in a large and in a small space, and scopes of two sizes in one space. */
async function reading(large: MarkStore): Promise<void> {
  await using small = createMemoryMarkStore();
  for (let i = 0; i < 10_000; i += 1) await small.append(markOf(i));
  const per = marks / scopes;
  for (const store of [large, small]) {
    for (let i = 0; i < 100; i += 1) await store.append(markOf(marks + i, 'aside'));
  }
  const timeOf = (store: MarkStore, scope: (i: number) => string) => medianMs(401, (i) => store.inScope(scope(i)));
  const aside = timeOf(large, () => 'aside');
  const asideSmall = timeOf(small, () => 'aside');
  const big = timeOf(large, (i) => `strategies/l${i % scopes}`);
  const us = (ms: number) => `${(ms * 1_000).toFixed(1)} µs`;
  console.log(`read one scope, median of 401`);
  console.log(`  100 marks among ${small.size.toLocaleString('en')}: ${us(asideSmall)}`);
  console.log(
    `  100 marks among ${large.size.toLocaleString('en')}: ${us(aside)}   ratio ${(aside / asideSmall).toFixed(2)}`,
  );
  console.log(`  ${per.toLocaleString('en')} marks among ${large.size.toLocaleString('en')}: ${us(big)}\n`);
}

let during = 0;

/** Half of the marks, with a reader and a writer; beside it the same reader and writer for as long without. */
async function compacting(name: string, store: MarkStore): Promise<void> {
  const size = store.size;
  const read = () => store.inScope('aside');
  const write = () => {
    during += 1;
    return store.append(markOf(2 * marks + during, 'during'));
  };
  let took = 0;
  const compacted = await pausesDuring(
    async () => {
      const from = performance.now();
      await store.compact((mark) => mark.order % 2 === 0 || mark.scope === 'aside');
      took = performance.now() - from;
    },
    read,
    write,
  );
  const alone = await pausesDuring(() => new Promise((done) => setTimeout(done, took)), read, write);
  const line = (what: string, { readerMs, writerMs, writes }: typeof alone) =>
    `  ${what.padEnd(20)} longest wait of a reader ${readerMs.toFixed(1)} ms, of a writer ${writerMs.toFixed(1)} ms, ${writes.toLocaleString('en')} appends`;
  console.log(`compact ${size.toLocaleString('en')} marks, ${name}: ${took.toFixed(0)} ms`);
  console.log(line('without', alone));
  console.log(`${line('while it goes on', compacted)}\n`);
}

/** What the disk alone does: marks as lines, one or a batch of them to a sync. */
async function bareFile(width: number, count: number): Promise<void> {
  const file = await open(join(root, `bare-${width}`), 'w');
  for (let done = 0; done < count; done += width) {
    const batch = Array.from({ length: Math.min(width, count - done) }, (_, i) => JSON.stringify(markOf(done + i)));
    await file.write(`${batch.join('\n')}\n`);
    await file.datasync();
  }
  await file.close();
}

async function inFile(): Promise<void> {
  const path = join(root, 'marks.jsonl');
  {
    await using store = await openFileMarkStore(path);
    let made = 0;
    for (const [width, count] of [
      [1, Math.min(2_000, marks / 100)],
      [64, Math.min(50_000, marks / 10)],
      [1_024, marks],
    ] as const) {
      const from = made;
      const bare = await speedOf(count, () => bareFile(width, count));
      const own = await speedOf(count - from, () =>
        inFlight(width, count - from, (i) => store.append(markOf(from + i))),
      );
      made = count;
      report(`append to a file, ${width} in flight, each on the device`, {
        'JSON, write, fdatasync': bare,
        'file store': own,
      });
    }
  }
  console.log(`  ${(statSync(path).size / 2 ** 20).toFixed(0)} MiB\n`);
  await opening(path);
}

async function opening(path: string): Promise<void> {
  const bare = await speedOf(marks, async () => {
    const byId = new Map<string, unknown>();
    for await (const line of createInterface({ input: createReadStream(path) })) {
      const { mark } = JSON.parse(line) as { mark: { id: string } };
      byId.set(mark.id, mark);
    }
  });
  const before = heapMiB();
  let store: MarkStore | null = null;
  const own = await speedOf(marks, async () => {
    store = await openFileMarkStore(path);
  });
  report(`open a file of ${marks.toLocaleString('en')} marks`, {
    'lines into JSON into a Map': bare,
    'file store': own,
  });
  await using opened = store!;
  const perMark = ((heapMiB() - before) * 2 ** 20) / (opened as MarkStore).size;
  const peak = process.resourceUsage().maxRSS / 1_024;
  console.log(
    `  ${own.ms.toFixed(0)} ms; memory per mark ${perMark.toFixed(0)} bytes; peak of the process so far ${peak.toFixed(0)} MiB\n`,
  );
  await compacting('file', opened);
}

async function overNats(): Promise<void> {
  const server = await spawnNatsServer({ binary: process.env.NATS_SERVER_BIN, storeDir: join(root, 'nats') });
  try {
    const nc = await connect({ servers: server.url });
    await (await jetstreamManager(nc)).streams.add({ name: 'raw', subjects: ['raw.>'] });
    const js = jetstream(nc);
    const stream = await openNatsRecordStream({ servers: server.url, run: parseRunId('bench') });
    await using store = await openStreamMarkStore(stream);
    let next = 0;
    for (const [width, count] of [
      [1, 1_000],
      [64, 10_000],
      [256, 20_000],
    ] as const) {
      const bare = await speedOf(count, () =>
        inFlight(width, count, (i) => js.publish('raw.a', JSON.stringify(markOf(i)), { msgID: `${width}-${i}` })),
      );
      const readBack = await speedOf(count, () => publishAndRead(js, width, count));
      const own = await speedOf(count, () =>
        inFlight(width, count, () => {
          next += 1;
          return store.append(markOf(next));
        }),
      );
      const speeds = { 'bare client, acknowledged': bare, 'bare client, and read back': readBack };
      report(`append over NATS, ${width} in flight`, { ...speeds, 'NATS store, acknowledged and read back': own });
    }
    const size = store.size;
    const opened = await speedOf(size, async () => {
      const again = await openNatsRecordStream({ servers: server.url, run: parseRunId('bench') });
      await (await openStreamMarkStore(again))[Symbol.asyncDispose]();
    });
    console.log(`  open with ${size.toLocaleString('en')} marks: ${opened.ms.toFixed(0)} ms\n`);
    await nc.close();
  } finally {
    await server.stop();
  }
}

/** As the store does it: every message acknowledged, and seen by an ordered consumer. */
async function publishAndRead(js: JetStreamClient, width: number, count: number): Promise<void> {
  const { state } = await (await js.jetstreamManager()).streams.info('raw');
  const consumer = await js.consumers.get('raw', {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: state.last_seq + 1,
  });
  const messages = await consumer.consume({ max_messages: 1_000 });
  const reading = (async () => {
    let seen = 0;
    for await (const message of messages) {
      JSON.parse(message.string());
      seen += 1;
      if (seen === count) break;
    }
  })();
  await inFlight(width, count, (i) => js.publish('raw.a', JSON.stringify(markOf(i)), { msgID: `read-${width}-${i}` }));
  await reading;
}

/** A hundred peers' genomes of fifty files, as the runtime shows them in one round after another. */
async function strategies(): Promise<void> {
  const [peers, files] = [100, 50];
  const trees = new Map<GenomeId, FileTree>();
  const refOf = (peer: number, generation: number) => {
    const named = Array.from({ length: files }, (_, f) => {
      return [`file-${f}.mjs`, textFile(`// ${peer} ${generation} ${f}\n${'x'.repeat(500)}\n`)] as const;
    });
    const tree = sortTree(named);
    const genome = treeId(manifestOf(tree));
    trees.set(genome, tree);
    const commit = parseCommitId(sha256(genome).slice(0, 40));
    return { lineage: parseLineageId(`l${peer}`), generation, genome, commit, score: peer };
  };
  const refs = Array.from({ length: peers }, (_, peer) => refOf(peer, 1));
  const mounter = createMounter({
    directory: join(root, 'mounts'),
    genomes: { get: async (id) => trees.get(id)! },
    describe: ({ lineage, generation }) => ({ lineage, generation }),
  });
  const show = async (reader: number, round: number, snapshot = refs) => {
    const strategies = snapshot.filter((ref) => ref.lineage !== `l${reader}`);
    const evals = sortTree([['train.json', textFile(`{"round":${round},"reader":${reader}}`)]]);
    await mounter.mount({ reader: parseLineageId(`l${reader}`), round, strategies, shamSeed: null, evals });
  };
  const prepare = async (published: readonly (typeof refs)[number][]) => {
    for (const ref of published) await mounter.prepare(ref);
  };
  const paths = Array.from({ length: peers * files }, (_, i) => join(root, `peer-file-${i}`));
  const bare = await speedOf(1, () => {
    for (const path of paths) {
      const file = openSync(path, 'wx', 0o444);
      writeSync(file, 'x'.repeat(510));
      closeSync(file);
    }
  });
  const improved = refs.map((ref, i) => (i === 7 ? refOf(7, 2) : ref));
  const steps: [string, () => Promise<void>][] = [
    ['first round, nothing published', () => show(0, 0, [])],
    [`publish: the contents of ${peers} genomes`, () => prepare(refs)],
    ['first reader of them all', () => show(0, 1)],
    ['second reader', () => show(1, 1)],
    ['next round, nothing new', () => show(1, 2)],
    ['publish: the contents of one', () => prepare([improved[7]!])],
    ['next round, one genome new', () => show(1, 3, improved)],
  ];
  console.log(`show ${peers} genomes of ${files} files`);
  const line = (what: string, { ms, perCpuSecond }: Speed) =>
    `  ${what.padEnd(44)} ${ms.toFixed(0).padStart(6)} ms, ${(1_000 / perCpuSecond).toFixed(0).padStart(6)} ms of processor time, ${(ms / bare.ms).toFixed(2)} of writing`;
  console.log(line(`write ${paths.length.toLocaleString('en')} files`, bare));
  const linked = await speedOf(1, () => {
    for (const path of paths) linkSync(path, `${path}-link`);
  });
  console.log(line(`link ${paths.length.toLocaleString('en')} files`, linked));
  for (const [what, step] of steps) console.log(line(what, await speedOf(1, step)));
}

try {
  await inMemory();
  await inFile();
  if ((await findNatsServer(process.env.NATS_SERVER_BIN)) === null)
    console.log('NATS: skipped, no nats-server found\n');
  else await overNats();
  await strategies();
} finally {
  rmSync(root, { recursive: true, force: true });
}
