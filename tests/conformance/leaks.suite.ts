import { readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect } from 'vitest';
import { childrenOf } from '../../sandboxes/process-tree.ts';
import type { SandboxProvider } from '../../sandboxes/sandbox.ts';
import { textFile } from '../../src/core/file-tree.ts';
import { parseRunId } from '../../src/core/ids.ts';
import { itNeeds } from '../support/require-service.ts';
import { processesNaming } from './hostile/world.ts';
import { tempDirectory } from './sandbox.suite.ts';
import { never, run, sandboxSpec, wideLimits } from './sandbox-setting.ts';

export interface LeakOptions {
  /** Sandboxes that are opened, used and closed. */
  readonly cycles: number;
  /** So many at the same time. Default 1. */
  readonly atOnce?: number;
  /** What the provider left in places of its own, such as an engine: asked at the end, after everything is closed. */
  readonly leftovers?: (run: string) => Promise<readonly string[]>;
}

/**
 * Opens and closes many sandboxes, with commands that end, are stopped, and are interrupted by the closing, and
 * looks for what stays: processes, mounts, files, control groups, descriptors, memory. Takes minutes; for Linux.
 * @param create - A provider that keeps its things in the directory it is given, if it keeps any.
 */
export function leakSuite(
  name: string,
  create: (scratchDir: string) => SandboxProvider,
  missing: string | null,
  { cycles, atOnce = 1, leftovers = async () => [] }: LeakOptions,
): void {
  describe(`Leaks: ${name}`, () => {
    const test = itNeeds(name, missing);

    test(`leaves nothing after ${cycles} sandboxes, ${atOnce} at a time`, { timeout: 3_600_000 }, async () => {
      const scratch = tempDirectory();
      const mounted = tempDirectory();
      const label = `leaks-${process.pid}`;
      const provider = create(scratch);
      const cycle = (i: number) => useOnce(provider, label, mounted, i);
      // Whatever is made once and kept is made now.
      for (let i = 0; i < 20; i += 1) await cycle(i);
      const before = census(scratch, label);
      let next = 0;
      const until = async (end: number) => {
        const worker = async () => {
          while (next < end) await cycle((next += 1));
        };
        await Promise.all(Array.from({ length: atOnce }, worker));
        return census(scratch, label);
      };
      const middle = await until(cycles / 2);
      const after = await until(cycles);
      const amounts = [before, middle, after].map((at) => at.amounts);
      console.log(`${name}, before, after ${cycles / 2} and ${cycles} cycles: ${JSON.stringify(amounts)}`);
      expect(after.things.filter((thing) => !before.things.includes(thing))).toEqual([]);
      expect(after.amounts.descriptors).toBeLessThanOrEqual(before.amounts.descriptors + 2);
      expect(after.amounts.heapMiB).toBeLessThan(before.amounts.heapMiB + 8);
      // Of the memory of a young process, much is room that it makes itself: a leak also grows in the second half.
      expect(after.amounts.residentMiB).toBeLessThan(middle.amounts.residentMiB + 64);
      await provider[Symbol.asyncDispose]();
      expect(await leftovers(label)).toEqual([]);
      expect(census(scratch, label).things.filter((thing) => thing.includes(label))).toEqual([]);
    });
  });
}

/** Opens a sandbox, uses it in one of several ways that follow each other, and closes it. */
async function useOnce(provider: SandboxProvider, label: string, mounted: string, i: number): Promise<void> {
  const files = new Map([['input', textFile(`cycle ${i}`)]]);
  const mounts = [{ source: mounted, target: 'strategies' }];
  const sandbox = await provider.open(sandboxSpec({ run: parseRunId(label), files, mounts }), never);
  if (i % 10 === 3) {
    const end = await run(sandbox, ['sleep', '20'], { timeoutMs: 30 });
    expect(end.stoppedBy).toBe('timeout');
  } else if (i % 10 === 6) {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 15);
    expect((await run(sandbox, ['sleep', '20'], { signal: abort.signal })).stoppedBy).toBe('cancelled');
  } else if (i % 10 === 9) {
    const interrupted = expect(run(sandbox, ['sleep', '20'])).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    await new Promise((resolve) => setTimeout(resolve, 15));
    await sandbox[Symbol.asyncDispose]();
    return interrupted;
  } else {
    const end = await run(sandbox, ['sh', '-c', 'cat input > output; sleep 30 & echo done'], { stdin: 'x' });
    expect(end).toMatchObject({ exitCode: 0, stdout: 'done\n' });
    await sandbox.put(new Map([['more', textFile('x')]]));
    expect((await sandbox.get(wideLimits)).size).toBe(3);
  }
  await sandbox[Symbol.asyncDispose]();
}

/** Everything that could stay behind: things by name, and amounts that only may not grow. */
function census(scratch: string, label: string) {
  collectGarbage();
  const { heapUsed, rss } = process.memoryUsage();
  const groups = readdirSync('/sys/fs/cgroup', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => [`/sys/fs/cgroup/${name}`])
    .concat('/sys/fs/cgroup')
    .flatMap((path) => readdirSync(path).map((name) => `${path}/${name}`))
    .filter((path) => path.includes(label));
  return {
    things: [
      ...childrenOf(process.pid).map((pid) => `child ${pid}`),
      ...[scratch, label].flatMap(processesNaming).map((pid) => `process ${pid} of ${label}`),
      ...readFileSync('/proc/self/mounts', 'utf8')
        .split('\n')
        .filter((line) => line.includes(scratch)),
      ...readdirSync(scratch, { recursive: true }).map((path) => `${scratch}/${path}`),
      ...groups,
    ],
    amounts: {
      descriptors: readdirSync('/proc/self/fd').length,
      heapMiB: Math.round(heapUsed / 2 ** 20),
      residentMiB: Math.round(rss / 2 ** 20),
    },
  };
}

let collect: (() => void) | null = null;

function collectGarbage(): void {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
