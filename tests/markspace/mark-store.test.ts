import { appendFile, copyFile, open, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Mark, Observation } from '../../markspace/mark.ts';
import { type FileMarkStore, openFileMarkStore } from '../../markspace/stores/file-store.ts';
import { monotonicMs } from '../../src/core/clock.ts';
import { aMark, markStoreSuite } from '../conformance/mark-store.suite.ts';
import { markStores } from '../support/mark-stores.ts';
import { isKept, isWhole, numberedMark } from './numbered-mark.ts';
import { tempDir } from './temp-dir.ts';

for (const kind of markStores.filter(({ name }) => name !== 'NATS')) markStoreSuite(kind);

const format1 = fileURLToPath(new URL('../fixtures/markspace/marks-format-1.jsonl', import.meta.url));

/** What a store that opens the file finds. */
async function marksIn(path: string, before?: FileMarkStore): Promise<readonly Mark[]> {
  await before?.[Symbol.asyncDispose]();
  await using store = await openFileMarkStore(path);
  return store.since(0);
}

async function fileWith(count: number): Promise<string> {
  const path = join(await tempDir(), 'marks.jsonl');
  await using store = await openFileMarkStore(path);
  for (let i = 0; i < count; i += 1) await store.append(aMark(`m${i}`));
  return path;
}

it('finds every mark again after a restart, frozen and in order', async () => {
  const path = await fileWith(5);
  await using store = await openFileMarkStore(path);
  expect(store.torn).toEqual({ records: 0, bytes: 0 });
  expect(store.inScope('strategies/a').map((m) => m.id)).toEqual(['m0', 'm1', 'm2', 'm3', 'm4']);
  expect(Object.isFrozen((store.get('m3') as Observation).content)).toBe(true);
  expect((await store.append(aMark('m5'))).order).toBe(5);
  expect(await store.append(aMark('m2', { confidence: 1 }))).toMatchObject({ confidence: 0.5 });
});

it('cuts a last record off wherever it was torn, reports it, and keeps the ones before', async () => {
  const path = await fileWith(3);
  const whole = await readFile(path);
  const lastStart = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
  for (let cut = lastStart; cut < whole.length; cut += 1) {
    await writeFile(path, whole.subarray(0, cut));
    await using store = await openFileMarkStore(path);
    expect(store.size).toBe(2);
    expect(store.torn).toEqual({ records: cut > lastStart ? 1 : 0, bytes: cut - lastStart });
    expect((await stat(path)).size).toBe(lastStart);
  }
});

it('appends cleanly where a torn record was', async () => {
  const path = await fileWith(2);
  await appendFile(path, '{"v":1,"sum":"0123');
  {
    await using store = await openFileMarkStore(path);
    await store.append(aMark('after'));
  }
  await using store = await openFileMarkStore(path);
  expect(store.inScope('strategies/a').map((m) => m.id)).toEqual(['m0', 'm1', 'after']);
});

it('reads what was written in format 1, goes on in the same file, and reads that too', async () => {
  const path = join(await tempDir(), 'marks.jsonl');
  await copyFile(format1, path);
  const old = await marksIn(path);
  expect(old.map((m) => m.order)).toEqual([0, 1, 2, 3, 4]);
  expect(old.map((m) => (m as Observation).score)).toEqual([47.4375, -2, 0, 2635.98, 0.5]);
  {
    await using store = await openFileMarkStore(path);
    expect((await store.append(aMark('new'))).order).toBe(5);
  }
  expect((await marksIn(path)).map((m) => m.id)).toEqual([...old.map((m) => m.id), 'new']);
  {
    await using store = await openFileMarkStore(path);
    await store.compact((m) => m.order !== 2);
  }
  expect(await marksIn(path)).toEqual([...old.filter((m) => m.order !== 2), { ...aMark('new'), order: 5 }]);
  expect(await readFile(path, 'utf8')).not.toContain('"v":1');
});

it.each([1, 3])('notices a changed line of format 1, whether or not lines of today follow (line %i)', async (line) => {
  const path = join(await tempDir(), 'marks.jsonl');
  await copyFile(format1, path);
  {
    await using store = await openFileMarkStore(path);
    await store.append(aMark('new'));
  }
  const lines = (await readFile(path, 'utf8')).split('\n');
  lines[line - 1] = lines[line - 1]!.replace('"createdAtMs":5000', '"createdAtMs":5001');
  await writeFile(path, lines.join('\n'));
  await expect(openFileMarkStore(path)).rejects.toMatchObject({ details: { line } });
});

it('reads marks longer than what it reads at once, and many of them', async () => {
  const path = join(await tempDir(), 'marks.jsonl');
  {
    await using store = await openFileMarkStore(path);
    await store.append(aMark('long', { content: '🦎'.repeat(300_000) }));
    await Promise.all(Array.from({ length: 3_000 }, (_, i) => store.append(numberedMark(`m-${i}`, `s/${i % 7}`, i))));
  }
  const [long, ...rest] = await marksIn(path);
  expect((long as Observation).content).toBe('🦎'.repeat(300_000));
  expect(rest).toHaveLength(3_000);
  expect(rest.every(isWhole)).toBe(true);
});

describe('a compacted file', () => {
  it('is smaller, and holds the same marks in the same places after a restart', async () => {
    const path = join(await tempDir(), 'marks.jsonl');
    let expected: readonly Mark[];
    {
      await using store = await openFileMarkStore(path);
      await Promise.all(Array.from({ length: 2_000 }, (_, i) => store.append(numberedMark(`m-${i}`, `s/${i % 7}`, i))));
      const before = (await stat(path)).size;
      await store.compact(isKept);
      expect((await stat(path)).size).toBeLessThan(before * 0.75);
      // The newest is dropped, and its place is not given away.
      await store.compact((m) => m.createdAtMs !== 1_999);
      await store.append(aMark('after'));
      expected = store.since(0);
      expect(expected.at(-1)!.order).toBe(2_000);
    }
    await using store = await openFileMarkStore(path);
    expect(store.since(0)).toEqual(expected);
    expect(store.get('m-3')).toBeNull();
    expect(await store.append(numberedMark('m-3', 's/1', 3))).toMatchObject({ order: 3 });
    expect(store.get('m-3')).toBeNull();
    expect((await store.append(aMark('last'))).order).toBe(2_001);
  });

  it('does not give away the place of the newest mark when nothing is left', async () => {
    const path = await fileWith(3);
    {
      await using store = await openFileMarkStore(path);
      await store.compact(() => false);
    }
    await using store = await openFileMarkStore(path);
    expect(store.size).toBe(0);
    expect((await store.append(aMark('after'))).order).toBe(3);
  });

  it('counts for nothing until it is whole', async () => {
    const path = await fileWith(3);
    await copyFile(path, `${path}.rewrite`);
    await truncate(`${path}.rewrite`, 100);
    await using store = await openFileMarkStore(path);
    expect(store.size).toBe(3);
    expect(await store.compact(() => true)).toEqual({ kept: 3, dropped: 0 });
  });

  it('is made while appends go on and their marks are read', async () => {
    const path = join(await tempDir(), 'marks.jsonl');
    await using store = await openFileMarkStore(path);
    await Promise.all(Array.from({ length: 20_000 }, (_, i) => store.append(numberedMark(`m-${i}`, 's', i % 20))));
    const during: Mark[] = [];
    let isOver = false;
    const compacting = store.compact(isKept).then(() => {
      isOver = true;
    });
    for (let i = 0; !isOver; i += 1) {
      const mark = await store.append(aMark(`during-${i}`, { scope: 'during' }));
      if (!isOver) during.push(mark);
      expect(store.inScope('during').at(-1)).toBe(mark);
    }
    await compacting;
    expect(during.length).toBeGreaterThan(3);
    expect((await marksIn(path, store)).filter((m) => m.scope === 'during')).toEqual(store.inScope('during'));
  });

  it('is given up when the store is closed meanwhile', async () => {
    const path = join(await tempDir(), 'marks.jsonl');
    const store = await openFileMarkStore(path);
    await Promise.all(Array.from({ length: 5_000 }, (_, i) => store.append(numberedMark(`m-${i}`, 's', i % 20))));
    const compacting = store.compact(isKept);
    const outcome = expect(compacting).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await store[Symbol.asyncDispose]();
    await outcome;
    expect(await readdir(dirname(path))).toEqual(['marks.jsonl']);
    expect(await marksIn(path)).toHaveLength(5_000);
  });
});

it.each([
  ['a changed byte', (lines: string[]) => lines.splice(1, 1, lines[1]!.replace('0.5', '0.9'))],
  ['a removed line', (lines: string[]) => lines.splice(1, 1)],
  ['two swapped lines', (lines: string[]) => lines.splice(1, 2, lines[2]!, lines[1]!)],
  ['a foreign line', (lines: string[]) => lines.splice(1, 0, 'hello')],
  ['a repeated line', (lines: string[]) => lines.splice(1, 0, lines[0]!)],
])('refuses a file with %s in the middle and says which line it is', async (_what, damage) => {
  const path = await fileWith(4);
  const lines = (await readFile(path, 'utf8')).split('\n');
  damage(lines);
  await writeFile(path, lines.join('\n'));
  await expect(openFileMarkStore(path)).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
    message: expect.stringContaining('line 2 '),
    details: { line: 2 },
  });
});

it('says that a place is unusable instead of losing marks in silence', async () => {
  const directory = await tempDir();
  await expect(openFileMarkStore(directory)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  await expect(openFileMarkStore(join(directory, 'no', 'such', 'place.jsonl'))).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
  });
});

it('shares one sync among concurrent appends', async () => {
  const path = join(await tempDir(), 'marks.jsonl');
  await using store = await openFileMarkStore(path);
  const probe = await open(path, 'r');
  const proto = Object.getPrototypeOf(probe) as { datasync: () => Promise<void> };
  await probe.close();
  const original = proto.datasync;
  let syncs = 0;
  proto.datasync = function (this: unknown) {
    syncs += 1;
    return original.call(this);
  };
  try {
    const started = monotonicMs();
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => store.append(aMark(`m${i}`))));
    console.log(`1000 durable appends: ${(monotonicMs() - started).toFixed(1)} ms, ${syncs} syncs`);
  } finally {
    proto.datasync = original;
  }
  expect(store.size).toBe(1_000);
  expect(syncs).toBeGreaterThan(0);
  expect(syncs).toBeLessThanOrEqual(3);
});
