import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { openFileMarkStore } from '../../markspace/stores/file-store.ts';
import { killAgainAndAgain, runWriter, writerProgram } from './killed-writer.ts';
import { isWhole } from './numbered-mark.ts';
import { tempDir } from './temp-dir.ts';

it('keeps every acknowledged mark, and no half of one, when its writer is killed', async () => {
  const seed = Number(process.env.GALAPAGOS_TEST_SEED ?? Date.now() % 2 ** 31);
  console.log(`kill -9 seed: ${seed}`);
  const { acked } = await killAgainAndAgain(join(await tempDir(), 'marks.jsonl'), 8, seed);
  expect(acked).toBeGreaterThan(10);
});

/** A file-size limit of 64 KiB stands for a full disk: writes fall short, then fail with EFBIG. */
const onSmallDisk = ['bash', '-c', `ulimit -f 64; exec "$@"`, 'bash', ...writerProgram];

it('fails an append on a full disk, shows nothing of it, and keeps what was acknowledged', async () => {
  const path = join(await tempDir(), 'marks.jsonl');
  const lines = await runWriter([...onSmallDisk, path, '100000'], null);
  const acked = lines.filter((l) => l.startsWith('acked ')).map((l) => l.slice('acked '.length));
  const failures = lines.filter((l) => l.startsWith('failed '));
  expect(acked.length).toBeGreaterThan(20);
  expect(failures).toHaveLength(16);
  expect(new Set(failures)).toEqual(new Set(['failed STORAGE_FAILED invisible']));
  await using store = await openFileMarkStore(path);
  expect(store.torn).toEqual({ records: 0, bytes: 0 });
  expect(acked.filter((id) => store.get(id) === null)).toEqual([]);
  expect(store.size).toBe(acked.length);
});

it('keeps the log it had when the disk has no room for a compacted one', async () => {
  const path = join(await tempDir(), 'marks.jsonl');
  await runWriter([...writerProgram, path, '40'], null);
  // Two of three stay, and that is more than fits.
  const lines = await runWriter([...onSmallDisk, path, '0', 'compacting'], null);
  expect(lines.filter((l) => l.startsWith('compacted '))).toEqual(['compacted 0 failed STORAGE_FAILED']);
  expect(await readdir(dirname(path))).toEqual(['marks.jsonl']);
  await using store = await openFileMarkStore(path);
  expect(store.size).toBe(16 * 40);
  expect(store.since(0).every(isWhole)).toBe(true);
});
