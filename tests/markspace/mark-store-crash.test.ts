import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openFileMarkStore } from '../../markspace/file-store.ts';
import { randomStream } from '../../src/core/random.ts';
import { tempDir } from './temp-dir.ts';

const jiti = fileURLToPath(new URL('../../node_modules/jiti/lib/jiti-cli.mjs', import.meta.url));
const writer = fileURLToPath(new URL('./mark-writer.ts', import.meta.url));
const program = [process.execPath, jiti, writer];

/** Runs the writer and kills it once it has acknowledged so many marks; `null` lets it end by itself. */
async function runWriter(argv: readonly string[], killAfterAcks: number | null): Promise<string[]> {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (killAfterAcks !== null && lines.length > killAfterAcks) child.kill('SIGKILL');
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
  for (let kill = 0; kill < 10; kill += 1) {
    const killAfterAcks = random.int(300);
    const lines = await runWriter([...program, path, '100000'], killAfterAcks);
    // The last line may be cut by the kill itself; an id is acknowledged only when its line is whole.
    const now = lines.filter((l) => /^acked m-\d+-\d+-\d+$/.test(l)).map((l) => l.slice('acked '.length));
    expect(now.length).toBeGreaterThanOrEqual(killAfterAcks);
    acked.push(...now);
    await using store = await openFileMarkStore(path);
    const missing = acked.filter((id) => store.get(id) === null);
    expect(missing, `seed ${seed}, kill ${kill}`).toEqual([]);
    for (const id of now) expect(store.get(id)!.content).toMatchObject({ id });
  }
  expect(acked.length).toBeGreaterThan(10);
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
