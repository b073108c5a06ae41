import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { Ceiling, type CeilingLimits } from '../../sandboxes/ceiling.ts';
import { createPool } from '../../sandboxes/pool.ts';
import { createProcessProvider } from '../../sandboxes/process/create-process-provider.ts';
import { kill } from '../../sandboxes/process-tree.ts';
import type { Sandbox, SandboxProvider, SandboxSpec } from '../../sandboxes/sandbox.ts';
import { GenomeInvalidError, SandboxUnavailableError } from '../../src/core/errors.ts';
import { textFile, textOf } from '../../src/core/file-tree.ts';
import { parseLineageId, parseRunId } from '../../src/core/ids.ts';
import { createLogger } from '../../src/core/log.ts';
import { never, run, sandboxSpec, tempDirectory, wideLimits } from '../conformance/sandbox.suite.ts';
import { countOpened } from '../support/counting-provider.ts';
import { createMemoryProvider } from '../support/memory-sandbox.ts';
import { itNeeds } from '../support/require-service.ts';

const status = await createBubblewrapProvider().probe();
const needsBubblewrap = itNeeds('bubblewrap', status.usable ? null : `${status.why}; ${status.fix}`);
const wide: CeilingLimits = { sandboxes: 1_000, memoryMiB: 1e6, minFreeMemoryMiB: 0 };

/** A pool over `provider`, and every line it logs. */
function poolOf(provider: SandboxProvider, { warm = 2, ceiling = new Ceiling(), limits = wide } = {}) {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', destination: { write: (line) => void lines.push(JSON.parse(line).msg) } });
  const pool = createPool({ provider, warm, ceiling, limits, log });
  onTestFinished(async () => {
    await Promise.resolve(pool[Symbol.asyncDispose]()).catch(() => {});
    await provider[Symbol.asyncDispose]();
  });
  return { pool, lines };
}

const memory = () => createMemoryProvider(async () => ({}));
const named = (text: string) => sandboxSpec({ files: new Map([['name', textFile(text)]]) });
const nameIn = async (sandbox: Sandbox) => textOf((await sandbox.get(wideLimits)).get('name')!.bytes);
const settle = async () => {
  for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
};

/** Opens when told to: `next` lets the oldest that waits through, or fails it. */
function gated(inner: SandboxProvider) {
  const waiting: ((error: Error | null) => void)[] = [];
  const provider: SandboxProvider = {
    ...inner,
    async open(spec, signal) {
      const error = await new Promise<Error | null>((resolve) => waiting.push(resolve));
      if (error !== null) throw error;
      return inner.open(spec, signal);
    },
  };
  const next = async (error: Error | null = null) => {
    waiting.shift()!(error);
    await settle();
  };
  return { provider, waiting, next };
}

describe('a warm pool', () => {
  it('opens nothing before the first is asked for, then keeps as many as configured, without files', async () => {
    const provider = memory();
    const { pool } = poolOf(provider);
    await settle();
    expect(provider.opened).toEqual([]);
    await using first = await pool.open(named('first'), never);
    await settle();
    expect(provider.opened.map(({ files }) => files.size)).toEqual([1, 0, 0]);
    expect(await nameIn(first)).toBe('first');
    await using second = await pool.open(named('second'), never);
    await settle();
    expect(await nameIn(second)).toBe('second');
    expect(provider.opened).toHaveLength(4);
  });

  it('never uses a sandbox twice', async () => {
    const provider = memory();
    const { pool } = poolOf(provider);
    const seen = new Set<string>();
    for (let i = 0; i < 30; i += 1) {
      await using sandbox = await pool.open(sandboxSpec(), never);
      expect(await sandbox.get(wideLimits)).toEqual(new Map());
      await sandbox.put(new Map([['left-behind', textFile('x')]]));
      seen.add(sandbox.id);
      if (i % 3 === 0) await settle();
    }
    expect(seen.size).toBe(30);
    await settle();
    expect(provider.openCount).toBe(2);
  });

  it.each([
    ['another lineage of the same run, with equal limits', { owner: parseLineageId('b') }],
    ['the same lineage of another run', { run: parseRunId('another') }],
    ['other limits', { limits: { ...sandboxSpec().limits, memoryMiB: 193 } }],
    ['another network', { network: 'shared' }],
  ] satisfies [string, Partial<SandboxSpec>][])('hands none to %s', async (_who, change) => {
    const provider = memory();
    const { pool } = poolOf(provider);
    const openedFor = new Map<string, SandboxSpec>();
    const open = provider.open.bind(provider);
    provider.open = async (spec, signal) => {
      const sandbox = await open(spec, signal);
      openedFor.set(sandbox.id, spec);
      return sandbox;
    };
    const [one, other] = [sandboxSpec(), sandboxSpec(change)];
    for (let i = 0; i < 6; i += 1) {
      const spec = i % 2 === 0 ? one : other;
      await using sandbox = await pool.open(spec, never);
      expect(openedFor.get(sandbox.id)).toEqual(spec);
      await settle();
    }
    expect(provider.openCount).toBe(4);
  });

  it('gives a burst what is warm, opens the rest directly, and stays no further ahead', async () => {
    const provider = memory();
    const { pool } = poolOf(provider);
    await using _first = await pool.open(sandboxSpec(), never);
    await settle();
    expect(provider.opened).toHaveLength(3);
    const opening = Array.from({ length: 64 }, (_, i) => pool.open(named(`${i}`), new AbortController().signal));
    const burst = await Promise.all(opening);
    await settle();
    expect(new Set(burst.map(({ id }) => id)).size).toBe(64);
    expect(await Promise.all(burst.map(nameIn))).toEqual(burst.map((_, i) => `${i}`));
    // 2 of the 64 were there already, and 2 took their place.
    expect(provider.opened).toHaveLength(3 + 62 + 2);
    expect(provider.openCount).toBe(1 + 64 + 2);
  });

  it('opens directly what has mounts, and everything when nothing is to be kept warm', async () => {
    const mounts = [{ source: tempDirectory(), target: 'strategies' }];
    const mounted = memory();
    await using _mounted = await poolOf(mounted).pool.open(sandboxSpec({ mounts }), never);
    const cold = memory();
    await using _cold = await poolOf(cold, { warm: 0 }).pool.open(sandboxSpec(), never);
    await settle();
    expect([mounted.opened.length, cold.opened.length]).toEqual([1, 1]);
  });

  it('takes one that is still being opened before it opens another', async () => {
    const { provider, waiting, next } = gated(memory());
    const { pool } = poolOf(provider);
    const first = pool.open(sandboxSpec(), never);
    await settle();
    await next();
    await using _first = await first;
    expect(waiting).toHaveLength(2);
    const second = pool.open(named('second'), never);
    await settle();
    expect(waiting).toHaveLength(2);
    await next();
    await using sandbox = await second;
    expect(await nameIn(sandbox)).toBe('second');
    while (waiting.length > 0) await next();
  });

  it('keeps one for its lineage when the open that waited for it was cancelled', async () => {
    const inner = memory();
    const { provider, waiting, next } = gated(inner);
    const { pool } = poolOf(provider, { warm: 1 });
    const first = pool.open(sandboxSpec(), never);
    await settle();
    await next();
    await using _first = await first;
    const abort = new AbortController();
    const cancelled = pool.open(named('cancelled'), abort.signal);
    await settle();
    abort.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    await next();
    expect([inner.openCount, waiting.length]).toEqual([2, 0]);
    await using third = await pool.open(named('third'), never);
    expect([third.id, await nameIn(third)]).toEqual(['memory-1', 'third']);
    await expect(pool.open(named('late'), abort.signal)).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    while (waiting.length > 0) await next();
  });

  it('discards one that something was put into when the open was cancelled meanwhile', async () => {
    const inner = memory();
    const abort = new AbortController();
    const provider: SandboxProvider = {
      ...inner,
      async open(spec, signal) {
        const sandbox = await inner.open(spec, signal);
        const put: Sandbox['put'] = async (files) => {
          await sandbox.put(files);
          abort.abort();
        };
        return { ...sandbox, put };
      },
    };
    const { pool } = poolOf(provider, { warm: 1 });
    await using _first = await pool.open(sandboxSpec(), never);
    await settle();
    await expect(pool.open(named('x'), abort.signal)).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    await settle();
    expect(inner.openCount).toBe(1);
  });

  it('refuses files that do not fit as an open without a pool does, and uses the sandbox for nothing else', async () => {
    const provider = memory();
    const { pool } = poolOf(provider);
    const tooBig = sandboxSpec({
      files: new Map([['big', { bytes: new Uint8Array(17 * 2 ** 20), isExecutable: false }]]),
    });
    for (let i = 0; i < 2; i += 1) {
      await expect(pool.open(tooBig, never)).rejects.toBeInstanceOf(GenomeInvalidError);
      await using _sandbox = await pool.open(sandboxSpec(), never);
      await settle();
    }
    await settle();
    expect(provider.openCount).toBe(2);
  });

  it('logs what failed in the background; the next open does it itself, and throws its own error', async () => {
    const { provider, waiting, next } = gated(memory());
    const { pool, lines } = poolOf(provider, { warm: 1 });
    const first = pool.open(sandboxSpec(), never);
    await settle();
    await next();
    await using _first = await first;
    await next(new SandboxUnavailableError('no more today'));
    expect(lines).toEqual(['a warm sandbox could not be opened']);
    const second = pool.open(named('second'), never);
    await settle();
    await next();
    await using sandbox = await second;
    expect(await nameIn(sandbox)).toBe('second');
    await next(new SandboxUnavailableError('no more today'));
    const third = pool.open(sandboxSpec(), never);
    await settle();
    const thrown = expect(third).rejects.toThrow('not this one either');
    await next(new SandboxUnavailableError('not this one either'));
    await thrown;
    await settle();
    expect(waiting).toEqual([]);
  });

  it('closes a sandbox at once and removes it in the background; its own end waits for that and says what failed', async () => {
    const inner = memory();
    const removals: (() => void)[] = [];
    const provider: SandboxProvider = {
      ...inner,
      async open(spec, signal) {
        const sandbox = await inner.open(spec, signal);
        const dispose = async () => {
          await sandbox[Symbol.asyncDispose]();
          await new Promise<void>((resolve) => removals.push(resolve));
          throw new Error(`${sandbox.id} would not go`);
        };
        return { ...sandbox, [Symbol.asyncDispose]: dispose };
      },
    };
    const { pool, lines } = poolOf(provider, { warm: 0 });
    const sandbox = await pool.open(sandboxSpec(), never);
    const left = await pool.open(sandboxSpec(), never);
    await sandbox[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
    await settle();
    expect(removals).toHaveLength(1);
    await expect(sandbox.exec(['true'], { signal: never, timeoutMs: 1, maxOutputBytes: 1 })).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
    });
    let isClosed = false;
    const closing = Promise.resolve(pool[Symbol.asyncDispose]()).finally(() => (isClosed = true));
    closing.catch(() => {});
    await settle();
    expect([isClosed, removals.length]).toEqual([false, 2]);
    for (const remove of removals) remove();
    await expect(closing).rejects.toMatchObject({
      errors: [{ message: 'memory-0 would not go' }, { message: 'memory-1 would not go' }],
    });
    expect(lines).toEqual(['a sandbox could not be removed', 'a sandbox could not be removed']);
    await expect(run(left, ['true'])).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    await expect(pool.open(sandboxSpec(), never)).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
  });

  it('leaves nothing open at its end, not even what was being opened', async () => {
    const inner = memory();
    const { provider, next } = gated(inner);
    const { pool } = poolOf(provider, { warm: 1 });
    const first = pool.open(sandboxSpec(), never);
    await settle();
    await next();
    await first;
    const direct = pool.open(sandboxSpec({ owner: parseLineageId('b') }), never);
    await settle();
    const refused = expect(direct).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    const closing = pool[Symbol.asyncDispose]();
    await next();
    await next();
    await refused;
    await closing;
    expect(inner.openCount).toBe(0);
  });
});

describe('a warm pool below a ceiling', () => {
  const limits = { ...wide, sandboxes: 4 };

  it('keeps nothing warm where there is no room, and gives up what is warm for whoever waits', async () => {
    const ceiling = new Ceiling();
    const provider = memory();
    const { pool } = poolOf(provider, { ceiling, limits });
    const first = await pool.open(sandboxSpec(), never);
    await settle();
    expect(provider.openCount).toBe(3);
    const others = await Promise.all([1, 2].map(() => pool.open(sandboxSpec({ owner: parseLineageId('b') }), never)));
    await settle();
    expect(provider.openCount).toBe(4);
    let hasWaited = true;
    const last = pool.open(sandboxSpec({ owner: parseLineageId('c') }), never).finally(() => (hasWaited = false));
    await settle();
    others.push(await last);
    expect([hasWaited, provider.openCount]).toEqual([false, 4]);
    const blocked = pool.open(sandboxSpec({ owner: parseLineageId('d') }), never);
    await settle();
    expect(provider.openCount).toBe(4);
    await first[Symbol.asyncDispose]();
    await using _blocked = await blocked;
    expect(provider.openCount).toBe(4);
  });

  it('takes from the warm ones of another run', async () => {
    const ceiling = new Ceiling();
    const provider = memory();
    const one = poolOf(provider, { ceiling, limits: { ...wide, sandboxes: 3 } }).pool;
    const other = poolOf(provider, { ceiling, limits: { ...wide, sandboxes: 3 } }).pool;
    await using _first = await one.open(sandboxSpec(), never);
    await settle();
    await using _second = await other.open(sandboxSpec({ run: parseRunId('other') }), never);
    await settle();
    expect(provider.openCount).toBe(3);
  });

  it('counts a volume as memory only where it is limited', async () => {
    const need = { ...sandboxSpec().limits, memoryMiB: 60, diskMiB: 50 };
    const small = { ...wide, memoryMiB: 100 };
    const spec = sandboxSpec({ limits: need });
    await expect(poolOf(memory(), { limits: small }).pool.open(spec, never)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    const noVolume = { ...memory(), gaps: ['disk-limit' as const] };
    await using _sandbox = await poolOf(noVolume, { limits: small }).pool.open(spec, never);
  });

  it('frees the room of what could not be opened', async () => {
    const { provider, next, waiting } = gated(memory());
    const { pool } = poolOf(provider, { warm: 0, limits: { ...wide, sandboxes: 1 } });
    for (let i = 0; i < 3; i += 1) {
      const failing = pool.open(sandboxSpec(), never);
      await settle();
      await Promise.all([next(new Error('no')), expect(failing).rejects.toThrow('no')]);
    }
    expect(waiting).toEqual([]);
  });
});

function processesNaming(text: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!Number.isInteger(pid) || pid === process.pid) return false;
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text);
      } catch {
        return false;
      }
    });
}

describe('warm sandboxes that something outside has ended', () => {
  needsBubblewrap('are noticed and replaced, not handed out', async () => {
    const scratchDir = tempDirectory();
    const counting = countOpened(createBubblewrapProvider({ scratchDir }));
    const { pool, lines } = poolOf(counting.provider);
    const idle = () => readdirSync(join(scratchDir, 'bubblewrap'));
    await using first = await pool.open(sandboxSpec(), never);
    await expect.poll(() => counting.opened, { timeout: 10_000 }).toBe(3);
    const warm = idle().filter((name) => name !== first.id);
    // One may take another along before its turn comes.
    for (const name of warm) kill(processesNaming(name).map(String));
    await expect.poll(() => warm.flatMap(processesNaming), { timeout: 10_000 }).toEqual([]);
    await using second = await pool.open(named('second'), never);
    expect((await run(second, ['cat', 'name'])).stdout).toBe('second');
    expect(warm).not.toContain(second.id);
    expect(lines).toEqual(['a warm sandbox was gone', 'a warm sandbox was gone']);
    await expect.poll(() => counting.opened, { timeout: 10_000 }).toBe(6);
    await expect.poll(() => idle().filter((name) => warm.includes(name)), { timeout: 10_000 }).toEqual([]);
    await pool[Symbol.asyncDispose]();
    expect(idle()).toEqual([]);
  });

  it('are noticed too where only their directory has gone', async () => {
    const scratchDir = tempDirectory();
    const { pool, lines } = poolOf(createProcessProvider({ scratchDir }), { warm: 1 });
    await using first = await pool.open(sandboxSpec(), never);
    await settle();
    const idle = readdirSync(join(scratchDir, 'process')).filter((name) => name !== first.id);
    expect(idle).toHaveLength(1);
    rmSync(join(scratchDir, 'process', idle[0]!), { recursive: true });
    await using second = await pool.open(named('second'), never);
    expect((await run(second, ['cat', 'name'])).stdout).toBe('second');
    expect(lines).toEqual(['a warm sandbox was gone']);
  });
});

describe('a process with warm sandboxes', () => {
  const jiti = fileURLToPath(new URL('../../node_modules/.bin/jiti', import.meta.url));
  const host = fileURLToPath(new URL('../fixtures/hosts/pool-host.ts', import.meta.url));

  needsBubblewrap('ends by itself when it has nothing else to do, and nothing of them lives on', async () => {
    const scratchDir = tempDirectory();
    const child = spawn(jiti, [host, scratchDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    const exitCode = await new Promise((resolve) => child.once('close', resolve));
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'used one, 2 are warm\n' });
    await expect.poll(() => processesNaming(scratchDir), { timeout: 10_000 }).toEqual([]);
    const after = createBubblewrapProvider({ scratchDir });
    expect((await after.reap(parseRunId('pooled')))['scratch directories']).toBeGreaterThanOrEqual(2);
    expect(existsSync(join(scratchDir, 'bubblewrap')) ? readdirSync(join(scratchDir, 'bubblewrap')) : []).toEqual([]);
  });
});
