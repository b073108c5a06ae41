import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openFileMarkStore } from '../../markspace/file-store.ts';
import { randomStream } from '../../src/core/random.ts';
import { tempDir } from './temp-dir.ts';

const jiti = fileURLToPath(new URL('../../node_modules/jiti/lib/jiti-cli.mjs', import.meta.url));
const writer = fileURLToPath(new URL('./mark-writer.ts', import.meta.url));
const program = [process.execPath, jiti, writer];

/** Runs the writer and kills it `killAfterMs` after it is ready; `null` lets it end by itself. */
async function runWriter(argv: readonly string[], killAfterMs: number | null): Promise<string[]> {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line === 'ready' && killAfterMs !== null) void after(killAfterMs).then(() => child.kill('SIGKILL'));
  }
  await closed;
  return lines;
}

it('keeps every acknowledged mark, and no half of one, when its writer is killed', async () => {
  const seed = Number(process.env.GALAPAGOS_TEST_SEED ?? Date.now() % 2 ** 31);
  console.log(`kill -9 seed: ${seed}`);
  const random = randomStream(seed, 'kill');
  const path = join(await tempDir(), 'marks.jsonl');
  const acked: string[] = [];
  let killed = 0;
  for (let kill = 0; kill < 10; kill += 1) {
    const lines = await runWriter([...program, path, '100000'], random.next() * 40);
    expect(lines[0]).toBe('ready');
    // The last line may be cut by the kill itself; an id is acknowledged only when its line is whole.
    acked.push(...lines.filter((l) => /^acked m-\d+-\d+-\d+$/.test(l)).map((l) => l.slice('acked '.length)));
    killed += 1;
    await using store = await openFileMarkStore(path);
    const missing = acked.filter((id) => store.get(id) === null);
    expect(missing, `seed ${seed}, kill ${kill}`).toEqual([]);
    const mark = store.inScope('strategies/w0').at(-1);
    if (mark !== undefined) expect(mark.content).toMatchObject({ id: mark.id });
  }
  expect(killed).toBe(10);
  expect(acked.length).toBeGreaterThan(100);
});

it('fails an append on a full disk, shows nothing of it, and keeps what was acknowledged', async () => {
  const path = join(await tempDir(), 'marks.jsonl');
  // A file-size limit of 64 KiB stands for a full disk: writes fall short, then fail with EFBIG.
  const lines = await runWriter(['bash', '-c', `ulimit -f 64; exec "$@"`, 'bash', ...program, path, '100000'], null);
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
