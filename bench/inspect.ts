/**
 * How long it takes to look at a long run, and to resume it: each command's
 * time against plain `git log` on the same repository, and the memory it takes.
 * Loading the program is not in the times; it is the same for every command.
 *
 * Run: npm run bench -- inspect [--generations=10000] [--repeats=3] [--dir=a run written before]
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createMemoryBus } from '../src/bus/memory-bus.ts';
import { runCli } from '../src/cli/cli.ts';
import { createLogger } from '../src/core/log.ts';
import { openGitReader } from '../src/lineage/git-reader.ts';
import { executeRun } from '../src/runtime/execute-run.ts';
import { scanJournal } from '../src/runtime/journal.ts';
import { readManifest, runPaths } from '../src/runtime/run-directory.ts';
import { RunState } from '../src/runtime/run-state.ts';
import { createMemoryProvider } from '../tests/support/memory-sandbox.ts';
import { createScriptedModel } from '../tests/support/scripted-model.ts';
import { writeLongRun } from './inspect/long-run.ts';
import { goal } from './speed.ts';

const option = (name: string) => process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const repeats = Number(option('repeats') ?? 3);

interface Measure {
  readonly ms: number;
  /** Of this process; what git takes comes on top. */
  readonly cpuMs: number;
  readonly peakMiB: number;
  readonly outputBytes: number;
}

/** In a process of its own, so that memory is that of one command. */
async function child(dir: string, work: string): Promise<void> {
  let outputBytes = 0;
  const start = performance.now();
  const cpuFrom = process.cpuUsage();
  if (work === 'state') {
    const state = new RunState(readManifest(dir));
    await scanJournal(runPaths(dir).journal, (fact) => state.apply(fact));
  } else if (work === 'repository log') outputBytes = (await openGitReader(runPaths(dir).lineage).log()).length;
  else if (work === 'resume') await resumeRun(dir);
  else if (work !== 'nothing') outputBytes = await command(work.replaceAll('RUN', dir).split(' '));
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpuFrom);
  const peakMiB = process.resourceUsage().maxRSS / 1_024;
  console.log(JSON.stringify({ ms, cpuMs: (user + system) / 1_000, peakMiB, outputBytes } satisfies Measure));
}

async function command(argv: readonly string[]): Promise<number> {
  let bytes = 0;
  const stdout = { isTTY: false, columns: 80, rows: 24, write: (text: string) => void (bytes += text.length) };
  const stderr = { ...stdout, write: () => {} };
  const io = { stdout, stderr, env: {}, commandName: 'galapagos', now: () => 0, onStopSignal: () => () => {} };
  const code = await runCli(argv, io);
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}`);
  return bytes;
}

/** Opens everything, finds every round closed, and only has the held-out test to do. */
async function resumeRun(dir: string): Promise<void> {
  const never = new AbortController().signal;
  const { status, reason } = await executeRun(dir, {
    provider: createMemoryProvider(async () => ({ stdout: '{"x":1}' })),
    openBus: async () => createMemoryBus(),
    secret: () => undefined,
    log: createLogger({ level: 'error' }),
    models: new Map([['scripted', createScriptedModel(() => '1', { name: 'scripted', isTrusted: true })]]),
    onFact: () => {},
    signal: never,
    stopSoon: never,
  });
  if (status !== 'done') throw new Error(`resuming ended as ${status}: ${reason}`);
}

const run = promisify(execFile);

async function measure(dir: string, work: string, times: number): Promise<Measure> {
  const measures: Measure[] = [];
  for (let i = 0; i < times; i += 1) {
    const jiti = resolve(import.meta.dirname, '..', 'node_modules', 'jiti', 'lib', 'jiti-cli.mjs');
    const args = [jiti, import.meta.filename, `--child=${work}`, `--dir=${dir}`];
    const { stdout } = await run(process.execPath, args, { maxBuffer: 2 ** 26 });
    measures.push(JSON.parse(stdout.trim().split('\n').at(-1)!) as Measure);
  }
  return measures.sort((a, b) => a.ms - b.ms)[times >> 1]!;
}

/** Median milliseconds of git listing every generation of the run. */
function gitLogMs(repository: string): number {
  const times = Array.from({ length: repeats }, () => {
    const start = performance.now();
    execFileSync('git', ['log', '--format=%H %s', '--glob=refs/attempts'], { cwd: repository, maxBuffer: 2 ** 28 });
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[repeats >> 1]!;
}

async function main(): Promise<void> {
  const generations = Number(option('generations') ?? 10_000);
  const root = mkdtempSync(join(tmpdir(), 'galapagos-inspect-'));
  const dir = option('dir') ?? join(root, 'long-paired-1');
  try {
    if (!existsSync(dir)) {
      const start = performance.now();
      await writeLongRun(dir, generations);
      const perSecond = (4_000 * generations) / (performance.now() - start);
      console.log(`written: 4 lineages of ${generations} generations, ${perSecond.toFixed(0)} generations/s`);
    }
    const last = generations - 1;
    const works = [
      ...['nothing', 'state', 'repository log', 'log RUN', 'log RUN --json', 'log RUN --lineage a --since 9000'],
      ...['log RUN --graph', 'log RUN --dot', 'show RUN', 'show RUN/a', `show RUN/a/${last}`, `diff RUN/a/${last}`],
      ...[`diff RUN/a/0 RUN/b/${last}`, `blame RUN/a/${last}`, `blame RUN/a/${last} method.mjs`],
    ];
    const baseline = gitLogMs(runPaths(dir).lineage);
    console.log(`git log, every generation: ${baseline.toFixed(0)} ms; medians of ${repeats}`);
    const row = (work: string, { ms, cpuMs, peakMiB }: Measure, ratio = ms / baseline) =>
      console.log(
        `${work.replaceAll('RUN', 'run').padEnd(36)} ${ms.toFixed(0).padStart(6)} ms  ${ratio.toFixed(2).padStart(6)} x git log  ${cpuMs.toFixed(0).padStart(6)} ms processor  ${peakMiB.toFixed(0).padStart(5)} MiB`,
      );
    for (const work of works) row(work, await measure(dir, work, repeats));
    // Last and once: a run that was resumed to its end is another run.
    const resumed = await measure(dir, 'resume', 1);
    row('resume', resumed);
    const tenThousands = (4 * generations) / 10_000;
    goal('resuming, by the clock', resumed.ms / tenThousands, 'ms per 10,000 generations', { atMost: 1_000 });
    goal('resuming, by processor time', resumed.cpuMs / tenThousands, 'ms per 10,000 generations', { atMost: 1_000 });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const childWork = option('child');
if (childWork === undefined) await main();
else await child(option('dir')!, childWork);
