import { appendFileSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openFileMarkStore } from '../../markspace/stores/file-store.ts';
import { createMarkReader } from '../../markspace/stores/mark-reader.ts';
import { isKept, numberedMark } from './numbered-mark.ts';
import { tempDir } from './temp-dir.ts';

const ids = (marks: { since(order: number): readonly { readonly id: string }[] }) => marks.since(0).map(({ id }) => id);

it('reads beside the writer what was acknowledged, and after every compaction what is left', async () => {
  const path = join(await tempDir(), 'marks.jsonl');
  await using reader = createMarkReader(path);
  await reader.refresh();
  expect(reader.marks.size).toBe(0);
  await using store = await openFileMarkStore(path);
  for (let round = 0; round < 4; round += 1) {
    // Of every length, so that lines cross the borders of what is read at once.
    const marks = Array.from({ length: 700 }, (_, i) => numberedMark(`m-${round}-${i}`, 'a/b', round * 700 + i));
    await Promise.all(marks.map((mark) => store.append(mark)));
    await reader.refresh();
    expect(ids(reader.marks)).toEqual(ids(store));
    await store.compact(isKept);
    await reader.refresh();
    expect(ids(reader.marks)).toEqual(ids(store));
    expect(reader.marks.inScope('a/b')).toEqual(store.inScope('a/b'));
  }
});

it('leaves a torn last line alone, and reads it once it is whole', async () => {
  const path = join(await tempDir(), 'marks.jsonl');
  const store = await openFileMarkStore(path);
  await store.append(numberedMark('m-0', 'a', 0));
  await store.append(numberedMark('m-1', 'a', 1));
  await store[Symbol.asyncDispose]();
  const whole = readFileSync(path);
  truncateSync(path, whole.length - 20);
  await using reader = createMarkReader(path);
  await reader.refresh();
  expect(ids(reader.marks)).toEqual(['m-0']);
  expect(readFileSync(path)).toEqual(whole.subarray(0, -20));
  appendFileSync(path, whole.subarray(-20));
  await reader.refresh();
  expect(ids(reader.marks)).toEqual(['m-0', 'm-1']);
});

it('forgets lines that the writer took back', async () => {
  const path = join(await tempDir(), 'marks.jsonl');
  const other = join(await tempDir(), 'marks.jsonl');
  for (const [at, last] of [
    [path, 'm-1'],
    [other, 'm-2'],
  ] as const) {
    await using store = await openFileMarkStore(at);
    for (const id of ['m-0', last, 'm-3']) await store.append(numberedMark(id, 'a', 5));
  }
  await using reader = createMarkReader(path);
  await reader.refresh();
  const replaced = readFileSync(other);
  truncateSync(path);
  appendFileSync(path, replaced);
  appendFileSync(path, '{');
  await reader.refresh();
  expect(ids(reader.marks)).toEqual(['m-0', 'm-1', 'm-3']);
  truncateSync(path, 10);
  await reader.refresh();
  expect(ids(reader.marks)).toEqual([]);
  truncateSync(path);
  appendFileSync(path, replaced);
  await reader.refresh();
  expect(ids(reader.marks)).toEqual(['m-0', 'm-2', 'm-3']);
});

it('names a damaged line, and reads on when it was repaired', async () => {
  const path = join(await tempDir(), 'marks.jsonl');
  {
    await using store = await openFileMarkStore(path);
    await store.append(numberedMark('m-0', 'a', 0));
  }
  const good = readFileSync(path, 'utf8');
  await using reader = createMarkReader(path);
  truncateSync(path);
  appendFileSync(path, good.replace('"author":"w"', '"author":"x"'));
  await expect(reader.refresh()).rejects.toMatchObject({ code: 'STORAGE_FAILED', details: { line: 1 } });
  truncateSync(path);
  appendFileSync(path, good);
  await reader.refresh();
  expect(ids(reader.marks)).toEqual(['m-0']);
});
