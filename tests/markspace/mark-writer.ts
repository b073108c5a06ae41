// A program for the crash tests: appends marks to the file given as argument,
// 16 at a time, and prints the id of each one once it is acknowledged. Stops
// at the first failure, which it prints as `failed <code> <visible>`. With the
// word `compacting` it compacts the file without a pause, too.
import type { FileMarkStore } from '../../markspace/stores/file-store.ts';
import { openFileMarkStore } from '../../markspace/stores/file-store.ts';
import { isKept, numberedMark } from './numbered-mark.ts';

const [path, limit, mode] = process.argv.slice(2) as [string, string, string | undefined];
const store: FileMarkStore = await openFileMarkStore(path);
const start = store.since(0).at(-1)?.order ?? 0;
let isWriting = true;

async function write(writer: number): Promise<void> {
  for (let i = 0; i < Number(limit); i += 1) {
    const mark = numberedMark(`m-${start}-${writer}-${i}`, `strategies/w${writer}`, i);
    try {
      await store.append(mark);
    } catch (error) {
      console.log(
        `failed ${(error as { code?: string }).code} ${store.get(mark.id) === null ? 'invisible' : 'visible'}`,
      );
      return;
    }
    console.log(`acked ${mark.id}`);
  }
}

async function compact(): Promise<void> {
  for (let i = 0; isWriting && mode === 'compacting'; i += 1) {
    const outcome = await store.compact(isKept).then(
      ({ dropped }) => `dropped ${dropped}`,
      (error: { code?: string }) => `failed ${error.code}`,
    );
    console.log(`compacted ${i} ${outcome}`);
  }
}

console.log('ready');
const compacting = compact();
await Promise.all(Array.from({ length: 16 }, (_, writer) => write(writer)));
isWriting = false;
await compacting;
await store[Symbol.asyncDispose]();
