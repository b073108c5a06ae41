import { accessSync, constants, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import PQueue from 'p-queue';
import type { GatewayAccess, OpenGateway, SandboxAccess } from '../../actors/sandbox-access.ts';
import type { Gateway } from '../../sandboxes/gateway/gateway.ts';
import { openGateway } from '../../sandboxes/gateway/open-gateway.ts';
import { startTokenOf } from '../../sandboxes/process-identity.ts';
import type { SandboxProvider } from '../../sandboxes/sandbox.ts';
import type { Budget } from '../core/budget.ts';
import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import type { Model } from '../core/define.ts';
import { PolicyRefusedError } from '../core/errors.ts';
import type { LineageId, RunId } from '../core/ids.ts';
import { seedNumber } from '../core/random.ts';
import { type GenerationCalls, openGenerationCalls } from './call-log.ts';

/**
 * Commands that run at one time in this process, all runs together. Not a
 * function of the cores: most of them wait for a model.
 */
const commands = new PQueue({ concurrency: 64 });

/** @throws {PolicyRefusedError} when code of an untrusted model would run without isolation. */
export function checkTrust(provider: SandboxProvider, models: ReadonlyMap<string, Model>, allowUnsafe: boolean): void {
  if (provider.isolation !== 'none' || allowUnsafe) return;
  const untrusted = [...models.values()].filter((m) => !m.isTrusted).map((m) => m.name);
  if (untrusted.length === 0) return;
  throw new PolicyRefusedError(
    `sandbox ${provider.name} does not isolate, and ${untrusted.join(', ')} may write any code; use a sandbox that does (galapagos doctor says which work here), or set sandbox.allowUnsafe: true if this machine may be harmed`,
  );
}

/** Sandboxes with a run's label and ceilings bound. */
export function bindSandboxes(provider: SandboxProvider, run: RunId, config: ExperimentConfig): SandboxAccess {
  const { memoryMiB, cpus, pids, diskMiB, maxOutputBytes } = config.sandbox;
  return {
    maxOutputBytes,
    async open(request, signal) {
      const sandbox = await provider.open({ run, ...request, limits: { memoryMiB, cpus, pids, diskMiB } }, signal);
      return {
        id: sandbox.id,
        exec: (argv, options) => commands.add(() => sandbox.exec(argv, options)),
        get: (limits) => sandbox.get(limits),
        [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
      };
    },
  };
}

export interface GatewayBinding {
  readonly config: ExperimentConfig;
  readonly models: ReadonlyMap<string, Model>;
  readonly budgetOf: (lineage: LineageId) => Budget;
  readonly callsDir: string;
}

/** Gateways with a run's models, budgets, limits and call log bound. Dispose to remove the socket directory. */
export function bindGateways({ config, models, budgetOf, callsDir }: GatewayBinding): GatewayAccess & Disposable {
  const dir = makeSocketDirectory();
  const latest = new Map<LineageId, { readonly generation: number; readonly calls: GenerationCalls }>();
  const callsOf = (lineage: LineageId, generation: number) => {
    const known = latest.get(lineage);
    if (known?.generation === generation) return known.calls;
    const calls = openGenerationCalls(callsDir, lineage, generation);
    latest.set(lineage, { generation, calls });
    return calls;
  };
  return {
    async open({ lineage, generation, model: name, purpose, seed, onMessages }, signal) {
      const model = models.get(name)!;
      const calls = callsOf(lineage, generation);
      const limits = purpose === 'meta' ? config.metaAgent : { ...config.metaAgent, maxCalls: config.task.maxCalls };
      const gateway = await openGateway({
        dir,
        models: [name],
        complete: (request, inner) => model.complete(request, inner),
        limits: {
          maxCalls: limits.maxCalls,
          maxToolCalls: limits.maxToolCalls,
          maxTokens: limits.maxTokens,
          maxCompletionTokens: limits.maxCompletionTokens,
          maxRequestBytes: 16 * 1_048_576,
          concurrency: 8,
        },
        price: (prompt, completion) => model.price(prompt, completion),
        budget: budgetOf(lineage),
        seedFor: (index) => seedNumber(seed, 'model', lineage, generation, purpose, index),
        recall: (index, digest) => calls.recall(purpose, index, digest),
        onCall: (call) => calls.record(purpose, call),
        ...(onMessages === undefined ? {} : { onMessages }),
        signal,
      });
      return adapt(gateway);
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}

const socketDirectory = /^gal-(\d+)-([0-9a-z]+)-\w{6}$/;

/** In memory where the system has such a place; not below the run's directory, because a Unix socket's path is at most 107 bytes. */
function socketParent(): string {
  try {
    accessSync('/dev/shm', constants.W_OK | constants.X_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}

/** A directory of this process alone. What dead processes left is removed. */
function makeSocketDirectory(): string {
  const parent = socketParent();
  for (const name of readdirSync(parent)) {
    const [, pid, token] = socketDirectory.exec(name) ?? [];
    if (pid === undefined || startTokenOf(Number(pid)) === token) continue;
    // Another user's is not ours to remove.
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {}
  }
  return mkdtempSync(join(parent, `gal-${process.pid}-${startTokenOf(process.pid)}-`));
}

function adapt(gateway: Gateway): OpenGateway {
  return {
    socketPath: gateway.socketPath,
    usage: () => gateway.usage(),
    refusal() {
      const refused = Object.entries(gateway.refusals()).filter(([reason, n]) => n > 0 && reason !== 'malformed');
      if (refused.length === 0) return null;
      const reasons = refused.map(([reason]) => reason);
      return {
        message: `model calls were refused for the limit of ${reasons.join(', ')}`,
        isBudget: reasons.includes('budget'),
      };
    },
    throwIfFailed() {
      const failure = gateway.failure();
      if (failure !== null) throw failure;
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}
