import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { startFastImport } from '../../src/lineage/fast-import.ts';
import { createFileGenomeStore, createMemoryGenomeStore } from '../../src/lineage/genome-store.ts';
import { openGitLineage } from '../../src/lineage/git-lineage.ts';
import { openGitReader } from '../../src/lineage/git-reader.ts';
import { tempDir, writeGeneration } from './generations.ts';

const git = (cwd: string, ...args: string[]) => execFileSync('git', args, { cwd, encoding: 'utf8', stdio: 'pipe' });
const jiti = join(dirname(createRequire(import.meta.url).resolve('jiti/package.json')), 'lib', 'jiti-cli.mjs');

/** Runs the writer under a shell prefix until it has acknowledged `count` generations, then kills it. */
async function writeAndKill(dir: string, perCheckpoint: number, count: number): Promise<string[]> {
  const program = join(import.meta.dirname, 'write-until-killed.ts');
  const child = spawn(process.execPath, [jiti, program, dir, String(perCheckpoint)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line);
    if (acknowledged.length === count) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return acknowledged;
}

it.each([
  [7, 40],
  [1_000, 60],
])(
  'after kill -9 (checkpoints of %d) nothing checkpointed is lost and the same hashes come again',
  async (every, count) => {
    const dir = await tempDir();
    const acknowledged = await writeAndKill(dir, every, count);
    expect(acknowledged.length).toBeGreaterThanOrEqual(count);
    expect(git(join(dir, 'lineage'), 'fsck', '--full', '--no-dangling').replace(/notice: .*\n/g, '')).toBe('');

    const there = await openGitReader(join(dir, 'lineage')).log();
    expect(there.length).toBeGreaterThanOrEqual(Math.floor(count / every) * every);
    for (const entry of there) expect(acknowledged[entry.generation] ?? entry.commit).toBe(entry.commit);

    const resume = async (at: string) => {
      const genomes = createFileGenomeStore(join(dir, 'genomes'));
      await using lineage = await openGitLineage({ dir: at, genomes });
      const commits: string[] = [];
      for (let n = 0; n < acknowledged.length + 5; n += 1) commits.push(await writeGeneration(lineage, genomes, n));
      return commits;
    };
    expect((await resume(join(dir, 'lineage'))).slice(0, acknowledged.length)).toEqual(acknowledged);
    await resume(join(dir, 'undisturbed'));
    const refs = (name: string) => git(join(dir, name), 'for-each-ref');
    expect(refs('lineage')).toBe(refs('undisturbed'));
    expect(git(join(dir, 'lineage'), 'fsck', '--strict', '--full', '--no-dangling')).toBe('');
  },
);

it('opens over stale locks, half-written packs and crash reports, and removes them', async () => {
  const dir = join(await tempDir(), 'lineage');
  const genomes = createMemoryGenomeStore();
  const write = async () => {
    await using lineage = await openGitLineage({ dir, genomes });
    for (let n = 0; n < 5; n += 1) await writeGeneration(lineage, genomes, n);
  };
  await write();
  const debris = [
    ...['HEAD.lock', 'packed-refs.lock', 'config.lock', 'refs/heads/lineage/alice.lock', 'refs/attempts/alice/1.lock'],
    ...['objects/pack/tmp_pack_ab12', 'objects/pack/tmp_idx_ab12', 'fast_import_crash_123'],
  ];
  for (const path of debris) {
    await mkdir(dirname(join(dir, '.git', path)), { recursive: true });
    await writeFile(join(dir, '.git', path), 'half');
  }
  await write();
  const left = await readdir(join(dir, '.git'), { recursive: true });
  expect(left.filter((path) => debris.includes(path))).toEqual([]);
});

/** The fast-import processes this process has started. */
async function fastImports(): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [stat, command] = await Promise.all(
      ['stat', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    );
    const parent = Number(stat!.slice(stat!.lastIndexOf(')') + 1).split(' ')[2]);
    if (parent === process.pid && command!.includes('fast-import')) found.push(Number(pid));
  }
  return found;
}

it('fails clearly by the next checkpoint when fast-import is killed, and at once from then on; another session goes on', async () => {
  const dir = join(await tempDir(), 'lineage');
  const genomes = createMemoryGenomeStore();
  const lineage = await openGitLineage({ dir, genomes });
  const first = await writeGeneration(lineage, genomes, 0);
  const pids = await fastImports();
  expect(pids).toHaveLength(1);
  process.kill(pids[0]!, 'SIGKILL');
  const storageFailed = { code: 'STORAGE_FAILED', message: expect.stringContaining('SIGKILL') };
  await writeGeneration(lineage, genomes, 1).catch(() => {}); // it may be known by now, and need not
  await expect(lineage.checkpoint()).rejects.toMatchObject(storageFailed);
  await expect(writeGeneration(lineage, genomes, 2)).rejects.toMatchObject(storageFailed);
  await expect(lineage.checkpoint()).rejects.toMatchObject(storageFailed);
  await expect(lineage[Symbol.asyncDispose]()).resolves.toBeUndefined(); // told before
  await using again = await openGitLineage({ dir, genomes });
  expect(await writeGeneration(again, genomes, 0)).toBe(first);
});

it('says at disposal that writes were lost when nobody has been told yet', async () => {
  const genomes = createMemoryGenomeStore();
  const lineage = await openGitLineage({ dir: join(await tempDir(), 'lineage'), genomes });
  await writeGeneration(lineage, genomes, 0);
  for (const pid of await fastImports()) process.kill(pid, 'SIGKILL');
  await expect(lineage[Symbol.asyncDispose]()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
});

it('answers every open question when fast-import refuses a command', async () => {
  const dir = await tempDir();
  git(dir, 'init', '--quiet', '--bare', '.');
  const stream = startFastImport(dir);
  const questions = [stream.ask(['get-mark :7\n']), stream.ask(['progress x\n'])];
  for (const outcome of await Promise.allSettled(questions)) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'LINEAGE_CORRUPT' } });
  }
  await expect(stream.ask(['progress y\n'])).rejects.toThrow(/mark :7 not declared/);
  await expect(stream.close()).rejects.toMatchObject({ code: 'LINEAGE_CORRUPT' });
});

it('reports a file that may not grow (as on a full disk) as a storage failure', async () => {
  const dir = await tempDir();
  const program = join(import.meta.dirname, 'write-until-killed.ts');
  const child = spawn(
    '/bin/sh',
    ['-c', 'ulimit -f 40; exec "$@"', 'sh', process.execPath, jiti, program, dir, '1000'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const chunks: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  expect(Buffer.concat(chunks).toString()).toMatch(/STORAGE_FAILED/);
  expect(code).toBe(1);
});
