import { accessSync, constants, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { GatewayAccess, OpenGateway, SandboxAccess } from '../../actors/sandbox-access.ts';
import type { LineageHandle, Reached } from '../../markspace/markspace.ts';
import { Ceiling, type CeilingLimits, checkFits } from '../../sandboxes/ceiling.ts';
import type { Gateway } from '../../sandboxes/gateway/gateway.ts';
import { behindForwarder } from '../../sandboxes/gateway/http-forwarder.ts';
import { openGateway } from '../../sandboxes/gateway/open-gateway.ts';
import { createPool, memoryOf } from '../../sandboxes/pool.ts';
import { startTokenOf } from '../../sandboxes/process-identity.ts';
import type { ReapOptions, SandboxProvider } from '../../sandboxes/sandbox.ts';
import type { Budget } from '../core/budget.ts';
import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import type { Model } from '../core/define.ts';
import { PolicyRefusedError } from '../core/errors.ts';
import { type LineageId, parseLineageId, type RunId } from '../core/ids.ts';
import { factKey } from '../core/journal.ts';
import type { Logger } from '../core/log.ts';
import { seedNumber } from '../core/random.ts';
import { type GenerationCalls, openGenerationCalls } from './call-log.ts';
import type { NicheSandboxes } from './niches.ts';

/** Over all sandboxes of this process, all runs together. */
const ceiling = new Ceiling();

/** @throws {PolicyRefusedError} when code of an untrusted model would run without isolation. */
export function checkTrust(provider: SandboxProvider, models: ReadonlyMap<string, Model>, allowUnsafe: boolean): void {
  if (provider.isolation !== 'none' || allowUnsafe) return;
  const untrusted = [...models.values()].filter((m) => !m.isTrusted).map((m) => m.name);
  if (untrusted.length === 0) return;
  throw new PolicyRefusedError(
    `sandbox ${provider.name} does not isolate, and ${untrusted.join(', ')} may write any code; use a sandbox that does (galapagos doctor says which work here), or set sandbox.allowUnsafe: true if this machine may be harmed`,
  );
}

/** @throws {ConfigInvalidError} when not even one sandbox fits below the ceiling. */
export function checkRoom(provider: SandboxProvider, { sandbox }: ExperimentConfig): void {
  checkFits({ memoryMiB: memoryOf(provider, sandbox), limits: ceilingOf(sandbox) });
}

/** The ceiling of an experiment, with what the machine makes of it. */
export function ceilingOf({ ceiling }: ExperimentConfig['sandbox']): CeilingLimits {
  return { ...ceiling, memoryMiB: ceiling.memoryMiB ?? Math.floor(machineMemoryMiB() * 0.75) };
}

/** Of the machine, or of the container that this process is limited to. */
export function machineMemoryMiB(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY) / 2 ** 20;
}

export interface SandboxBinding {
  readonly provider: SandboxProvider;
  readonly run: RunId;
  readonly config: ExperimentConfig;
  readonly log: Logger;
  /** Told why, when opening a sandbox has waited for room for two seconds. */
  readonly onWait: (why: string) => void;
}

/** Sandboxes with a run's label, limits and warm pool bound. Dispose to remove them all; the provider stays. */
export function bindSandboxes({
  provider,
  run,
  config,
  log,
  onWait,
}: SandboxBinding): SandboxAccess & NicheSandboxes & AsyncDisposable {
  const { memoryMiB, cpus, pids, diskMiB, maxOutputBytes, warm } = config.sandbox;
  const limits = { memoryMiB, cpus, pids, diskMiB };
  const pool = createPool({ provider, warm, ceiling, limits: ceilingOf(config.sandbox), log, onWait });
  return {
    maxOutputBytes,
    async open({ gatewaySocket, ...request }, signal) {
      const sandbox = await pool.open({ run, ...request, network: null, limits }, signal);
      try {
        if (gatewaySocket !== null) await sandbox.connect(gatewaySocket);
        return sandbox;
      } catch (error) {
        await sandbox[Symbol.asyncDispose]();
        throw error;
      }
    },
    openSandbox: (spec, signal) => pool.open({ run, owner: nicheLabel, network: null, ...spec }, signal),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

/** Whose the sandboxes are that the niche opens for itself. */
const nicheLabel = parseLineageId('niche');

export interface GatewayBinding {
  readonly config: ExperimentConfig;
  /** A model by the name that a sitting asks for: of the experiment, or of weights in service. */
  readonly modelOf: (lineage: LineageId, name: string, signal: AbortSignal) => Promise<Model>;
  readonly budgetOf: (lineage: LineageId) => Budget;
  /** The guard's word on which model a call reaches; `key` names the call. */
  readonly reach: (lineage: LineageId, key: string, request: Parameters<LineageHandle['reach']>[0]) => Promise<Reached>;
  readonly callsDir: string;
}

/** Gateways with a run's models, budgets, limits and call log bound. Dispose to remove the socket directory. */
export function bindGateways({
  config,
  modelOf,
  budgetOf,
  reach,
  callsDir,
}: GatewayBinding): GatewayAccess & Disposable {
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
    async open({ lineage, generation, model: name, purpose, seed, onMessages, onTools }, signal) {
      const model = await modelOf(lineage, name, signal);
      const calls = callsOf(lineage, generation);
      const limits = purpose.split(' ')[0] === 'meta' ? config.metaAgent : taskLimits(config);
      let asked = 0;
      const denied = new Set<string>();
      const gateway = await openGateway({
        dir,
        models: [name],
        model,
        async reach(call) {
          const reached = await reach(lineage, factKey(lineage, generation, purpose, asked++), { ...call, generation });
          if (!reached.allowed) denied.add(reached.rule);
          // What the guard allows is the lineage's own model; which weights of it answer is the sitting's.
          return reached.allowed ? { ...reached, model: name } : reached;
        },
        limits: {
          maxCalls: limits.maxCalls,
          maxToolCalls: limits.maxToolCalls,
          maxTokens: limits.maxTokens,
          maxCompletionTokens: limits.maxCompletionTokens,
          maxRequestBytes: 16 * 1_048_576,
          concurrency: 8,
        },
        budget: budgetOf(lineage),
        seedFor: (index) => seedNumber(seed, 'model', lineage, generation, purpose, index),
        recall: (index, digest) => calls.recall(purpose, index, digest),
        onCall: (call) => calls.record(purpose, call),
        ...(onMessages === undefined ? {} : { onMessages }),
        ...(onTools === undefined ? {} : { onTools }),
        signal,
      });
      return adapt(gateway, denied);
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** A task agent has the limits of the meta-agent where it has none of its own. */
function taskLimits({ metaAgent, task }: ExperimentConfig): ExperimentConfig['metaAgent'] {
  const { maxCalls, maxTokens = metaAgent.maxTokens, maxCompletionTokens = metaAgent.maxCompletionTokens } = task;
  return { ...metaAgent, maxCalls, maxTokens, maxCompletionTokens };
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
  reapSockets();
  return mkdtempSync(join(socketParent(), `gal-${process.pid}-${startTokenOf(process.pid)}-`));
}

/** Removes the socket directories of dead processes, or only counts them. @returns how many. */
export function reapSockets({ dryRun = false }: ReapOptions = {}): number {
  const parent = socketParent();
  let removed = 0;
  for (const name of readdirSync(parent)) {
    const [, pid, token] = socketDirectory.exec(name) ?? [];
    if (pid === undefined || startTokenOf(Number(pid)) === token) continue;
    // Another user's is not ours to remove.
    try {
      if (!dryRun) rmSync(join(parent, name), { recursive: true, force: true });
      removed += 1;
    } catch {}
  }
  return removed;
}

function adapt(gateway: Gateway, denied: ReadonlySet<string>): OpenGateway {
  return {
    socketPath: gateway.socketPath,
    commandFor: (access, command) => (access === 'http' ? behindForwarder(command) : command),
    usage: () => gateway.usage(),
    refusal() {
      const refused = Object.entries(gateway.refusals()).filter(([reason, n]) => n > 0 && reason !== 'malformed');
      if (refused.length === 0) {
        if (denied.size === 0) return null;
        return { message: `the guard refused model calls: ${[...denied].join(', ')}`, isBudget: false };
      }
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
