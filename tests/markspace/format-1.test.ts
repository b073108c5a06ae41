import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openFileMarkStore } from '../../markspace/stores/file-store.ts';
import { a, aMountRequest, openSpace } from './space-fixture.ts';
import { tempDir } from './temp-dir.ts';

const recorded = join(import.meta.dirname, '../fixtures/markspace/marks-format-1.jsonl');

it('reads the marks of format 1: the measured score, full strength, nothing flagged', async () => {
  const path = join(await tempDir(), 'marks.jsonl');
  await copyFile(recorded, path);
  const fixture = await openSpace({ store: await openFileMarkStore(path) });
  await using space = fixture.space;
  expect(space.snapshot()).toMatchObject([
    { lineage: 'a', generation: 3, score: 2635.98 },
    { lineage: 'b', generation: 3, score: 0.5 },
  ]);
  const marks = await space.handleFor(a).read('strategies/b');
  expect(marks).toMatchObject([{ score: -2 }, { score: 0 }, { score: 0.5 }]);
  for (const mark of marks) {
    expect(mark).toMatchObject({ strength: 1, confidence: 1, source: 'fleet', flags: [] });
  }
  const [view] = await space.handleFor(a).query({ scope: 'strategies/b' });
  expect(view).toMatchObject({ mark: marks[2], strength: 1, supersededBy: null });
  const [shown] = await space.handleFor(a).query({ scope: 'strategies/b', superseded: true });
  expect(shown!.supersededBy).toBe(marks[2]!.id);
});

it('goes on where format 1 stopped, and finds old and new marks again', async () => {
  const path = join(await tempDir(), 'marks.jsonl');
  await copyFile(recorded, path);
  const before = await openSpace({ store: await openFileMarkStore(path) });
  await before.publishAll({ a: 2635.98, b: 0.75 }, 4);
  await before.space[Symbol.asyncDispose]();
  const after = await openSpace({ store: await openFileMarkStore(path), genomes: before.genomes });
  await using space = after.space;
  expect(space.snapshot()).toMatchObject([
    { generation: 3, score: 2635.98 },
    { generation: 4, score: 0.75 },
  ]);
  // A reference from before is still one that was published.
  const snapshot = space.snapshot().filter((ref) => ref.lineage === 'b');
  await expect(space.handleFor(a).mounts(aMountRequest(after, { snapshot }))).resolves.toHaveLength(2);
});
