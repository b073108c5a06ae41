/**
 * What a sandbox costs, against starting the same interpreter bare.
 *
 *   npm run bench -- sandbox [--samples=100] [--only=bubblewrap,process]
 *
 * Contestants take turns, so a busy machine disturbs all alike: the bare start,
 * a command in an open sandbox, opening + files + command + disposal cold, the
 * same from a warm pool, and from a warm pool with a gateway connected. Before the next takes its turn, background work of
 * the pool has ended; what it costs shows in the processor time, which is this
 * process's and that of the children it has waited for (an engine's own work is
 * not in it), and in the sustained part, where nothing is waited for.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ceiling } from '../sandboxes/ceiling.ts';
import { createPool } from '../sandboxes/pool.ts';
import { builtInProviders } from '../sandboxes/providers.ts';
import type { Sandbox, SandboxProvider } from '../sandboxes/sandbox.ts';
import { experimentSchema } from '../src/core/config/experiment-schema.ts';
import { textFile } from '../src/core/file-tree.ts';
import { parseLineageId, parseRunId } from '../src/core/ids.ts';
import { createLogger } from '../src/core/log.ts';

const option = (name: string) => process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const samples = Number(option('samples') ?? 100);
const only = option('only')?.split(',');
const never = new AbortController().signal;
const { memoryMiB, cpus, pids, diskMiB, warm } = experimentSchema.shape.sandbox.parse(undefined);
/** Ten files, 20 KB: a genome. */
const files = new Map(
  Array.from({ length: 10 }, (_, i) => [`agent/module_${i}.py`, textFile(`# ${'x'.repeat(2_000)}\n`)] as const),
);
const spec = (owner: string) => ({
  ...{ run: parseRunId('bench'), owner: parseLineageId(owner), files, mounts: [], network: null },
  limits: { memoryMiB, cpus, pids, diskMiB },
});
const pythonPath = ['/usr/local/bin/python3', '/usr/bin/python3'].find((path) => existsSync(path));
const programs = {
  node: { bare: [process.execPath, '-e', '0'], inside: ['node', '-e', '0'] },
  ...(pythonPath === undefined ? {} : { python: { bare: [pythonPath, '-c', '0'], inside: ['python3', '-c', '0'] } }),
};

function bareStart([file, ...args]: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    // As a sandboxed command is: what a user has in his environment may slow Node down by half, and Linux
    // divides a busy processor among sessions.
    const likeInside = { env: { LANG: 'C.UTF-8' }, detached: true };
    const child = spawn(file!, args, { ...likeInside, stdio: ['ignore', 'pipe', 'pipe'] });
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${file} ended with ${code}`))));
  });
}

async function execIn(sandbox: Sandbox, argv: readonly string[]): Promise<void> {
  const end = await sandbox.exec(argv, { signal: never, timeoutMs: 60_000, maxOutputBytes: 4_096 });
  if (end.exitCode !== 0)
    throw new Error(`${argv[0]} in ${sandbox.provider} ended with ${end.exitCode}: ${end.stderr}`);
}

async function oneUse(
  provider: SandboxProvider,
  owner: string,
  argv: readonly string[],
  gateway: string | null = null,
): Promise<void> {
  await using sandbox = await provider.open(spec(owner), never);
  if (gateway !== null) await sandbox.connect(gateway);
  await execIn(sandbox, argv);
}

/** Knows when nothing is being opened or removed. */
function counted(provider: SandboxProvider) {
  const underWay = new Set<Promise<unknown>>();
  const track = <T>(work: Promise<T>): Promise<T> => {
    const watched = work.catch(() => {}).finally(() => underWay.delete(watched));
    underWay.add(watched);
    return work;
  };
  const counting: SandboxProvider = {
    ...provider,
    open: (request, signal) =>
      track(
        provider.open(request, signal).then((sandbox) => ({
          ...sandbox,
          [Symbol.asyncDispose]: () => track(Promise.resolve(sandbox[Symbol.asyncDispose]())),
        })),
      ),
  };
  const idle = async () => {
    do await Promise.all(underWay);
    while (underWay.size > 0);
  };
  return { counting, idle };
}

function poolOver(provider: SandboxProvider): SandboxProvider {
  const limits = { sandboxes: 64, memoryMiB: 1e6, minFreeMemoryMiB: 0 };
  return createPool({ provider, warm, ceiling: new Ceiling(), limits, log: createLogger({}) });
}

const quantile = (sorted: readonly number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;

/** Of this process and the children it has waited for, in steps of 10 ms; nothing where there is no /proc. */
function cpuMs(): number {
  if (process.platform !== 'linux') return Number.NaN;
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const ticks = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15);
  return ticks.reduce((sum, n) => sum + Number(n), 0) * 10;
}

interface Contestant {
  readonly name: string;
  readonly go: () => Promise<void>;
  readonly after?: () => Promise<void>;
}

async function latencies(title: string, contestants: readonly Contestant[]): Promise<void> {
  const times = contestants.map((): number[] => []);
  const cpu = contestants.map(() => 0);
  for (let round = -3; round < samples; round += 1) {
    for (let i = 0; i < contestants.length; i += 1) {
      const at = (i + Math.max(0, round)) % contestants.length;
      const cpuBefore = cpuMs();
      const before = performance.now();
      await contestants[at]!.go();
      const ms = performance.now() - before;
      await contestants[at]!.after?.();
      if (round < 0) continue;
      times[at]!.push(ms);
      cpu[at]! += cpuMs() - cpuBefore;
    }
  }
  const sorted = times.map((list) => list.sort((a, b) => a - b));
  const [bare] = sorted;
  console.log(`\n${title.padEnd(34)}     p50  ratio       p99  ratio       CPU   (ms, n = ${samples} each)`);
  for (const [i, { name }] of contestants.entries()) {
    const cells = [0.5, 0.99].map((q) => {
      const ms = quantile(sorted[i]!, q);
      return `${ms.toFixed(1).padStart(8)}  ${(ms / quantile(bare!, q)).toFixed(2).padStart(5)}`;
    });
    console.log(`  ${name.padEnd(32)}${cells.join('  ')}  ${(cpu[i]! / samples).toFixed(1).padStart(8)}`);
  }
}

/** Operations a second with `width` at once, bare and pooled in turn. */
async function sustained(name: string, provider: SandboxProvider, width: number): Promise<void> {
  const operations = Math.max(width * 4, Math.ceil(samples / 2));
  const timed = async (go: (lane: number) => Promise<void>) => {
    let left = operations;
    const before = performance.now();
    const lane = async (n: number) => {
      for (; left > 0; ) {
        left -= 1;
        await go(n);
      }
    };
    await Promise.all(Array.from({ length: width }, (_, n) => lane(n)));
    return (operations / (performance.now() - before)) * 1_000;
  };
  const bare: number[] = [];
  const pooled: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    bare.push(await timed(() => bareStart(programs.node.bare)));
    const pool = poolOver(provider);
    pooled.push(await timed((lane) => oneUse(pool, lane % 2 === 0 ? 'a' : 'b', programs.node.inside)));
    await pool[Symbol.asyncDispose]();
  }
  const median = (list: number[]) =>
    quantile(
      list.sort((a, b) => a - b),
      0.5,
    );
  const [bareRate, pooledRate] = [median(bare), median(pooled)];
  console.log(
    `  ${name}, ${width} at once`.padEnd(34) +
      `${bareRate.toFixed(1).padStart(8)}  ${pooledRate.toFixed(1).padStart(8)}  ${(bareRate / pooledRate).toFixed(2).padStart(5)}`,
  );
}

/** Nobody calls it; what counts is that commands could. */
const gatewayDirectory = mkdtempSync(join(tmpdir(), 'gal-bench-'));
const gateway = join(gatewayDirectory, 'gateway.sock');
const server = createServer((socket) => socket.end());
await new Promise<void>((resolve) => server.listen(gateway, resolve));

const usable: SandboxProvider[] = [];
for (const provider of builtInProviders()) {
  if (only !== undefined && !only.includes(provider.name)) continue;
  const { usable: works, why } = await provider.probe();
  if (works) usable.push(provider);
  console.log(`${provider.name}: ${works ? '' : 'skipped, '}${why}`);
}
console.log(`load ${loadavg()[0]!.toFixed(1)}; ${warm} warm`);
for (const [language, { bare, inside }] of Object.entries(programs)) {
  const contestants: Contestant[] = [{ name: 'bare', go: () => bareStart(bare) }];
  const open: AsyncDisposable[] = [];
  for (const provider of usable) {
    const { counting, idle } = counted(provider);
    const sandbox = await provider.open(spec('a'), never);
    const pool = poolOver(counting);
    open.push(sandbox, pool);
    contestants.push(
      { name: `${provider.name}, command`, go: () => execIn(sandbox, inside) },
      { name: `${provider.name}, cold`, go: () => oneUse(provider, 'a', inside) },
      { name: `${provider.name}, warm pool`, go: () => oneUse(pool, 'a', inside), after: idle },
      { name: `${provider.name}, warm, gateway`, go: () => oneUse(pool, 'a', inside, gateway), after: idle },
    );
  }
  await latencies(language, contestants);
  for (const resource of open) await resource[Symbol.asyncDispose]();
}
console.log(`\n${'node, sustained'.padEnd(34)}  bare/s  pooled/s  ratio   (3 rounds in turn, median)`);
for (const provider of usable) for (const width of [2, 8]) await sustained(provider.name, provider, width);
for (const provider of usable) await provider[Symbol.asyncDispose]();
server.close();
rmSync(gatewayDirectory, { recursive: true });
