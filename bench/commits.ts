/**
 * Generations written per second, each acknowledged before the next is made,
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
import { createFileGenomeStore } from '../src/lineage/genome-store.ts';
import { openGitLineage } from '../src/lineage/git-lineage.ts';
import { openGitReader } from '../src/lineage/git-reader.ts';

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

async function writeLineages(dir: string): Promise<number[]> {
  const genomes = createFileGenomeStore(join(dir, 'genomes'));
  await using lineage = await openGitLineage({ dir: join(dir, 'lineage'), genomes });
  const tips = new Map<string, CommitId>();
  const thousands: number[] = [];
  let since = monotonicMs();
  for (let n = 0; n < commits; n += 1) {
    const id = lineages[n % lineages.length]!;
    const generation = Math.floor(n / lineages.length);
    const commit = await lineage.commit({
      ...{ lineage: id, generation, genome: await genomes.put(genome(n)), parent: tips.get(id) ?? null },
      ...{
        adopted: null,
        subject: `Generation ${generation}`,
        seconds: n,
        isPromoted: n % 3 === 0,
        isBest: n % 9 === 0,
      },
      trailers: [
        ['Generation', String(generation)],
        ['Verdict', 'promoted'],
        ['Model', 'scripted'],
      ], // one trailer a line in the commit
    });
    tips.set(id, commit);
    await lineage.annotate([{ commit, note: { score: n, n: 100, cost: 0.1 } }], n);
    if (n % perCheckpoint === perCheckpoint - 1) await lineage.checkpoint();
    if (n % 1_000 === 999) {
      thousands.push(monotonicMs() - since);
      since = monotonicMs();
    }
  }
  return thousands;
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
  const [ours, thousands] = await timed(() => writeLineages(root));
  const [theirs] = await timed(() => writeThroughProcesses(join(root, 'baseline')));
  const [opening] = await timed(async () => {
    const genomes = createFileGenomeStore(join(root, 'genomes'));
    await (await openGitLineage({ dir: join(root, 'lineage'), genomes }))[Symbol.asyncDispose]();
  });
  const [reading, log] = await timed(() => openGitReader(join(root, 'lineage')).log());
  const rate = (1_000 * commits) / ours;
  const baseline = (1_000 * baselineCommits) / theirs;
  console.log(
    `${commits} generations, each with a note, a checkpoint every ${perCheckpoint}, 4 lineages, 20 KB genomes`,
  );
  console.log(`ours        ${rate.toFixed(0)} generations/s, genome store, checkpoints and closing included`);
  console.log(`processes   ${baseline.toFixed(1)} generations/s (add, commit, notes add)`);
  console.log(`ratio       ${(rate / baseline).toFixed(1)}`);
  console.log(`each 1,000  ${thousands.map((ms) => `${ms.toFixed(0)} ms`).join(', ')}`);
  console.log(`reopening   ${opening.toFixed(0)} ms; reading the log of ${log.length}: ${reading.toFixed(0)} ms`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
