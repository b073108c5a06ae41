import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Mark } from '../../markspace/mark.ts';
import { type FileMarkStore, openFileMarkStore } from '../../markspace/stores/file-store.ts';
import { createMemoryMarkStore } from '../../markspace/stores/memory-store.ts';
import type { Json } from '../../src/core/json.ts';
import { aMark } from '../conformance/mark-store.suite.ts';
import { isKept, isWhole, numberedMark } from './numbered-mark.ts';
import { tempDir } from './temp-dir.ts';

/** What happens to a store: appends in flight together, a compaction, or its process's death after some turns of the event loop. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ append: fc.integer({ min: 1, max: 60 }), isAwaited: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ compact: fc.constant(true), isAwaited: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ crashAfterTurns: fc.nat(12) }) },
);

/** A file as a killed process leaves it: what was written is there, what was under way is there in part. */
function copyAsFound(from: string, to: string): void {
  copyFileSync(from, to);
  try {
    copyFileSync(`${from}.rewrite`, `${to}.rewrite`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function check(store: FileMarkStore, acked: ReadonlyMap<string, Mark>): void {
  for (const mark of acked.values()) {
    if (isKept(mark) || store.get(mark.id) !== null) expect(store.get(mark.id)).toEqual(mark);
  }
  const marks = store.since(0);
  expect(marks.every(isWhole)).toBe(true);
  expect(marks.map((m) => m.order)).toEqual([...new Set(marks.map((m) => m.order))].sort((x, y) => x - y));
  expect(store.under('s')).toEqual(marks);
}

it('memory holds exactly what a reopened file would', async () => {
  const directory = await tempDir();
  let files = 0;
  const draft = fc.record({
    content: fc.jsonValue(),
    topic: fc.string({ unit: 'binary' }),
    scope: fc.constantFrom('a', 'a/b', 'c'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(draft, { maxLength: 20 }), async (drafts) => {
      files += 1;
      const path = join(directory, `same-${files}.jsonl`);
      await using memory = createMemoryMarkStore();
      {
        await using file = await openFileMarkStore(path);
        const marks = drafts.map(({ content, ...changes }, n) => {
          return aMark(`m-${n}`, { ...changes, content: content as Json });
        });
        const kept = await Promise.all(marks.map((mark) => file.append(mark)));
        for (const [n, mark] of marks.entries()) expect(await memory.append(mark)).toStrictEqual(kept[n]);
      }
      await using reopened = await openFileMarkStore(path);
      expect(reopened.since(0)).toStrictEqual(memory.since(0));
      expect(JSON.stringify(reopened.since(0))).toBe(JSON.stringify(memory.since(0)));
    }),
  );
});

it('Q6 everything survives a crash', async () => {
  const directory = await tempDir();
  let files = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const place = () => join(directory, `marks-${files}.jsonl`);
      files += 1;
      let store = await openFileMarkStore(place());
      const acked = new Map<string, Mark>();
      const abandoned: PromiseLike<unknown>[] = [];
      let life = 0;
      let n = 0;
      for (const what of [...steps, { crashAfterTurns: 0 }]) {
        if ('crashAfterTurns' in what) {
          for (let turn = 0; turn < what.crashAfterTurns; turn += 1) await nextTurn();
          life += 1;
          const path = place();
          files += 1;
          copyAsFound(path, place());
          abandoned.push(store[Symbol.asyncDispose]());
          store = await openFileMarkStore(place());
          check(store, acked);
        } else if ('compact' in what) {
          const done = store.compact(isKept).catch(() => {});
          if (what.isAwaited) await done;
        } else {
          const now = life;
          const opened = store;
          const appends = Array.from({ length: what.append }, async () => {
            n += 1;
            const mark = await opened.append(numberedMark(`m-${n}`, `s/${n % 3}`, n));
            // What a dead process would have been told after its end was told to nobody.
            if (now === life) acked.set(mark.id, mark);
          });
          if (what.isAwaited) await Promise.all(appends);
        }
      }
      await Promise.all([...abandoned, store[Symbol.asyncDispose]()]);
    }),
    { numRuns: 60 },
  );
});
