import { appendFile, open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openFileMarkStore } from '../../markspace/file-store.ts';
import { createMemoryMarkStore } from '../../markspace/memory-store.ts';
import { monotonicMs } from '../../src/core/clock.ts';
import { aMark, markStoreSuite } from '../conformance/mark-store.suite.ts';
import { tempDir } from './temp-dir.ts';

markStoreSuite('memory', async () => createMemoryMarkStore());
markStoreSuite('file', async () => openFileMarkStore(join(await tempDir(), 'marks.jsonl')));

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
  expect(Object.isFrozen(store.get('m3')!.content)).toBe(true);
  expect((await store.append(aMark('m5'))).order).toBe(5);
  expect((await store.append(aMark('m2', { confidence: 7 }))).confidence).toBe(0.5);
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
