/**
 * Generations written per second, each acknowledged before its lineage makes the next,
 * against `git add` + `git commit` through processes on the same machine.
 * Run: npx jiti bench/commits.ts [commits] [commits per checkpoint]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { monotonicMs } from '../src/core/clock.ts';
import { type FileTree, textFile } from '../src/core/file-tree.ts';
import { type CommitId, parseLineageId } from '../src/core/ids.ts';
import { createFileGenomeStore, createMemoryGenomeStore } from '../src/lineage/genome-store.ts';
import { openGitLineage } from '../src/lineage/git-lineage.ts';
import { openGitReader } from '../src/lineage/git-reader.ts';
import type { GenomeStore } from '../src/lineage/lineage.ts';
import { goal } from './speed.ts';

const [commits = 10_000, perCheckpoint = 100] = process.argv.slice(2).map(Number);
const baselineCommits = 100;
const lineages = ['a', 'b', 'c', 'd'].map(parseLineageId);
const root = mkdtempSync(join(tmpdir(), 'galapagos-bench-'));

/** Ten files, 20 KB; two of them differ from one generation to the next. */
function genome(n: number): FileTree {
  const files = Array.from({ length: 10 }, (_, i) => {
    const version = i < 2 ? n : 0;
    const lines = Array.from({ length: 50 }, (_, line) => `def step_${i}_${line}(x): return x + ${version * line}\n`);
    return [`agent/module_${i}.py`, textFile(lines.join(''))] as const;
  });
  return new Map(files);
}

/**
 * @param atOnce - Lineages write side by side, as in a run; each still waits for its own commit.
 * @returns milliseconds for each thousand, checkpoints included, and in all with closing.
 */
async function writeLineages(dir: string, genomes: GenomeStore, withNotes: boolean, atOnce = false) {
  const start = monotonicMs();
  const cpuFrom = process.cpuUsage();
  const thousands: number[] = [];
  {
    await using lineage = await openGitLineage({ dir, genomes });
    const tips = new Map<string, CommitId>();
    let since = start;
    let done = 0;
    const write = async (n: number) => {
      const id = lineages[n % lineages.length]!;
      const generation = Math.floor(n / lineages.length);
      const commit = await lineage.commit({
        ...{ lineage: id, generation, genome: await genomes.put(genome(n)), parent: tips.get(id) ?? null },
        ...{ adopted: null, subject: `Generation ${generation}`, trailers: [['Generation', String(generation)]] },
        ...{ seconds: n, isPromoted: n % 3 === 0, isBest: n % 9 === 0 },
      });
      tips.set(id, commit);
      if (withNotes) await lineage.annotate([{ commit, note: { score: n, n: 100, cost: 0.1 } }], n);
      done += 1;
      if (done % perCheckpoint === 0) await lineage.checkpoint();
      if (done % 1_000 === 0) {
        thousands.push(monotonicMs() - since);
        since = monotonicMs();
      }
    };
    const side = atOnce ? lineages.length : 1;
    const writeEvery = async (first: number) => {
      for (let n = first; n < commits; n += side) await write(n);
    };
    await Promise.all(Array.from({ length: side }, (_, first) => writeEvery(first)));
  }
  const { user, system } = process.cpuUsage(cpuFrom);
  return { thousands, rate: (1_000 * commits) / (monotonicMs() - start), cpuMs: (user + system) / 1_000 / commits };
}

function writeThroughProcesses(dir: string): void {
  mkdirSync(dir, { recursive: true });
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: dir });
  git('init', '--quiet');
  for (let n = 0; n < baselineCommits; n += 1) {
    for (const [path, file] of genome(n)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), file.bytes);
    }
    git('add', '--all');
    git('commit', '--quiet', '--message', `Generation ${n}`);
    git('notes', '--ref', 'evaluations', 'add', '--message', `{"score":${n}}`);
  }
}

async function timed<T>(work: () => T | Promise<T>): Promise<readonly [ms: number, result: T]> {
  const start = monotonicMs();
  const result = await work();
  return [monotonicMs() - start, result];
}

try {
  const baselineStart = monotonicMs();
  writeThroughProcesses(join(root, 'baseline'));
  const baseline = (1_000 * baselineCommits) / (monotonicMs() - baselineStart);
  const plain = await writeLineages(join(root, 'plain'), createMemoryGenomeStore(), false);
  const atOnce = await writeLineages(join(root, 'at-once'), createMemoryGenomeStore(), false, true);
  const files = createFileGenomeStore(join(root, 'genomes'));
  const full = await writeLineages(join(root, 'lineage'), files, true);
  const [opening] = await timed(async () => {
    await (await openGitLineage({ dir: join(root, 'lineage'), genomes: files }))[Symbol.asyncDispose]();
  });
  const [reading, log] = await timed(() => openGitReader(join(root, 'lineage')).log());
  const row = (name: string, rate: number, cpuMs?: number) => {
    const own = cpuMs === undefined ? '' : `  ${cpuMs.toFixed(2)} ms of this process each, git's own not counted`;
    console.log(
      `${name.padEnd(52)} ${rate.toFixed(1).padStart(8)}/s  ${(rate / baseline).toFixed(1).padStart(6)} x${own}`,
    );
  };
  console.log(
    `${commits} generations of 4 lineages, 20 KB genomes, a checkpoint every ${perCheckpoint}, closing included`,
  );
  row('git add, git commit, git notes add as processes', baseline);
  row('commits, one after another', plain.rate, plain.cpuMs);
  row('commits, four lineages at once', atOnce.rate, atOnce.cpuMs);
  row('one after another, a note each, genomes in files', full.rate, full.cpuMs);
  for (const { thousands } of [plain, atOnce, full]) {
    console.log(`each 1,000: ${thousands.map((ms) => `${ms.toFixed(0)} ms`).join(', ')}`);
  }
  goal('commits, one after another', plain.rate, 'a second', { atLeast: 1_000 });
  console.log(`reopening ${opening.toFixed(0)} ms; reading the log of ${log.length}: ${reading.toFixed(0)} ms`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
