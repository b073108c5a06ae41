// A program for the crash tests: appends marks to the file given as argument,
// 16 at a time, and prints the id of each one once it is acknowledged. Stops
// at the first failure, which it prints as `failed <code> <visible>`.
import { openFileMarkStore } from '../../markspace/file-store.ts';

const [path, limit] = process.argv.slice(2) as [string, string];
const store = await openFileMarkStore(path);
const start = store.size;

async function write(writer: number): Promise<void> {
  for (let i = 0; i < Number(limit); i += 1) {
    const id = `m-${start}-${writer}-${i}`;
    try {
      await store.append({
        kind: 'observation',
        id,
        scope: `strategies/w${writer}`,
        author: `w${writer}`,
        createdAtMs: i,
        topic: 'strategy',
        content: { id, padding: 'x'.repeat((i * 37) % 900) },
        confidence: i,
        supersedes: null,
        payload: null,
      });
    } catch (error) {
      console.log(`failed ${(error as { code?: string }).code} ${store.get(id) === null ? 'invisible' : 'visible'}`);
      return;
    }
    console.log(`acked ${id}`);
  }
}

console.log('ready');
await Promise.all(Array.from({ length: 16 }, (_, writer) => write(writer)));
await store[Symbol.asyncDispose]();
