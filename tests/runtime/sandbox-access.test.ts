import { totalmem } from 'node:os';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { SandboxProvider } from '../../sandboxes/sandbox.ts';
import type { ExperimentInput } from '../../src/core/config/experiment-schema.ts';
import { parseExperiment } from '../../src/core/config/parse-experiment.ts';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { parseLineageId, parseRunId } from '../../src/core/ids.ts';
import { createLogger } from '../../src/core/log.ts';
import { bindSandboxes, ceilingOf, checkRoom, machineMemoryMiB } from '../../src/runtime/sandbox-access.ts';
import { createMemoryProvider } from '../support/memory-sandbox.ts';
import { config } from './run-sample.ts';

const never = new AbortController().signal;
const log = createLogger({ level: 'silent' });
const request = (owner = 'alice') => ({
  owner: parseLineageId(owner),
  files: new Map(),
  mounts: [],
  gatewaySocket: null,
});

function configWith(sandbox: ExperimentInput['sandbox']) {
  const { name, niche, lineages, budget } = config;
  return parseExperiment({ name, niche, lineages, budget, sandbox });
}

function bind(provider: SandboxProvider, sandbox: ExperimentInput['sandbox'], run = 'demo-paired-1') {
  const told: string[] = [];
  const options = { provider, run: parseRunId(run), config: configWith(sandbox), log };
  const access = bindSandboxes({ ...options, onWait: (why) => told.push(why) });
  onTestFinished(async () => {
    vi.useRealTimers();
    await access[Symbol.asyncDispose]();
  });
  return { access, told };
}

const settle = async () => {
  for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
};

afterEach(() => void vi.useRealTimers());

describe('the sandboxes of a run', () => {
  it('share one ceiling with every other run of the process, and a run that waits says why', async () => {
    vi.useFakeTimers();
    const provider = createMemoryProvider(async () => ({}));
    const ceiling = { sandboxes: 1 };
    const first = bind(provider, { warm: 0, ceiling });
    const second = bind(provider, { warm: 0, ceiling }, 'demo-solo-1');
    const sandbox = await first.access.open(request(), never);
    let isOpen = false;
    const waiting = second.access.open(request(), never).then((opened) => {
      isOpen = true;
      return opened;
    });
    await vi.advanceTimersByTimeAsync(2_000);
    expect([isOpen, provider.openCount]).toEqual([false, 1]);
    expect(second.told).toEqual(['1 open already, and sandbox.ceiling.sandboxes is 1']);
    expect(first.told).toEqual([]);
    await sandbox[Symbol.asyncDispose]();
    await (await waiting)[Symbol.asyncDispose]();
    vi.useRealTimers();
    await settle();
    expect(provider.openCount).toBe(0);
  });

  it('are kept warm for the lineage that asked, with the limits of the experiment', async () => {
    const provider = createMemoryProvider(async () => ({}));
    const { access } = bind(provider, { warm: 1, memoryMiB: 100, diskMiB: 7 });
    await using _sandbox = await access.open(request('bob'), never);
    await settle();
    expect(provider.opened).toHaveLength(2);
    for (const { run, owner, limits } of provider.opened) {
      expect({ run, owner }).toEqual({ run: 'demo-paired-1', owner: 'bob' });
      expect(limits).toEqual({ memoryMiB: 100, diskMiB: 7, cpus: 1, pids: 128 });
    }
    await access[Symbol.asyncDispose]();
    expect(provider.openCount).toBe(0);
  });

  it('are given up when their gateway cannot be reached', async () => {
    const inner = createMemoryProvider(async () => ({}));
    const provider: SandboxProvider = {
      ...inner,
      open: async (spec, signal) => ({
        ...(await inner.open(spec, signal)),
        connect: () => Promise.reject(new SandboxUnavailableError('no such socket')),
      }),
    };
    const { access } = bind(provider, { warm: 0 });
    await expect(access.open({ ...request(), gatewaySocket: '/nowhere' }, never)).rejects.toThrow('no such socket');
    await settle();
    expect(inner.openCount).toBe(0);
  });
});

describe('room for sandboxes', () => {
  it('is three quarters of the memory by default, and what the experiment says otherwise', () => {
    expect(machineMemoryMiB()).toBeLessThanOrEqual(totalmem() / 2 ** 20);
    expect(ceilingOf(configWith({}).sandbox)).toEqual({
      sandboxes: 64,
      memoryMiB: Math.floor(machineMemoryMiB() * 0.75),
      minFreeMemoryMiB: 256,
    });
    expect(ceilingOf(configWith({ ceiling: { memoryMiB: 900 } }).sandbox).memoryMiB).toBe(900);
  });

  it('is checked before anything runs: volumes count where they are memory', () => {
    const tight = configWith({ memoryMiB: 500, diskMiB: 100, ceiling: { memoryMiB: 599 } });
    const limited = createMemoryProvider(async () => ({}));
    expect(() => checkRoom(limited, tight)).toThrow(/one sandbox needs 600 MiB.*may take 599/);
    expect(() => checkRoom({ ...limited, gaps: ['disk-limit'] }, tight)).not.toThrow();
  });
});
