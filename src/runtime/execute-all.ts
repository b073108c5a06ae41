import { startExperiment } from '../../actors/experiment/create-experiment.ts';
import type { SandboxProvider } from '../../sandboxes/sandbox.ts';
import type { RunRecord } from '../analysis/run-record.ts';
import { createMemoryBus } from '../bus/memory-bus.ts';
import { createNatsBus, destroyNatsRun } from '../bus/nats-bus.ts';
import { onAbort } from '../core/abort.ts';
import { armLineages } from '../core/config/arm-lineages.ts';
import { ConfigInvalidError } from '../core/errors.ts';
import type { RunId } from '../core/ids.ts';
import type { Fact } from '../core/journal.ts';
import { createLogger, type Logger } from '../core/log.ts';
import { type authorize, type Broker, foreignBroker, spawnBroker } from './broker.ts';
import { executeRun, type RunHost } from './execute-run.ts';
import type { ExperimentPlan } from './experiment-plan.ts';
import { needsServer } from './markspace/open-store.ts';
import { type PlannedRun, readManifest } from './run-directory.ts';

/** What happens while runs go on, for whoever shows it. */
export type ProgressEvent =
  | {
      readonly type: 'experiment.started';
      readonly plan: ExperimentPlan;
      readonly provider: string;
      readonly isolation: SandboxProvider['isolation'];
      readonly parallel: number;
    }
  | {
      readonly type: 'run.started';
      readonly run: string;
      readonly arm: string;
      readonly seed: number;
      readonly lineages: readonly string[];
      readonly rounds: number;
    }
  | { readonly type: 'fact'; readonly run: string; readonly fact: Fact; readonly isReplay: boolean }
  /** Opening a sandbox has waited for room for two seconds; nothing is wrong, it goes on when there is some. */
  | { readonly type: 'sandbox.waiting'; readonly run: string; readonly why: string }
  | { readonly type: 'run.ended'; readonly run: string; readonly status: RunRecord['status']; readonly error: unknown };

export interface SessionOptions {
  /** Where runs live. Default `results/runs` below the current directory. */
  readonly out?: string;
  /** NATS server URL, or `spawn` for one that is started and ends with this call; without it everything stays in this process. */
  readonly nats?: string | null;
  /** Runs at one time. Default: one a core. */
  readonly parallel?: number;
  /** Looks up `${NAME}` secrets. */
  readonly secret?: (name: string) => string | undefined;
  readonly logLevel?: string;
  readonly onProgress?: (event: ProgressEvent) => void;
  /** Stops at once; a resume loses nothing that was acknowledged. */
  readonly signal?: AbortSignal;
  /** Stops each run at the end of its round. */
  readonly stopSoon?: AbortSignal;
}

/** @throws {ConfigInvalidError} when marks shall lie on a server and there is none. */
export async function openBroker(
  { nats = null }: SessionOptions,
  dir: string,
  runs: Parameters<typeof authorize>[0],
): Promise<Broker | null> {
  if (nats === null) {
    if (runs.some(({ config }) => config.markspace.store === 'nats')) throw new ConfigInvalidError(needsServer);
    return null;
  }
  if (nats !== 'spawn') return foreignBroker(nats);
  return spawnBroker(dir, runs);
}

interface Services {
  readonly provider: SandboxProvider;
  readonly broker: Broker | null;
}

/** Executes runs, so many at a time, each after those it waits for. One that fails disturbs no other. */
export async function executeAll(
  runs: readonly PlannedRun[],
  parallel: number,
  options: SessionOptions & Services,
): Promise<void> {
  const { provider } = options;
  const byId = new Map(runs.map((r) => [r.run, r]));
  const never = new AbortController().signal;
  const stopSoon = options.stopSoon ?? never;
  const signal = options.signal ?? never;
  const failures: unknown[] = [];
  await reapLeftovers(provider, options);
  const execute = async (id: RunId) => {
    const { dir } = byId.get(id)!;
    const manifest = readManifest(dir);
    options.onProgress?.({
      type: 'run.started',
      run: id,
      arm: manifest.arm,
      seed: manifest.seed,
      lineages: armLineages(manifest.config, manifest.arm).map((l) => l.id),
      rounds: manifest.config.budget.generations,
    });
    try {
      const { status, error } = await executeRun(dir, hostFor(options, { signal, stopSoon }));
      options.onProgress?.({ type: 'run.ended', run: id, status, error });
      return status;
    } catch (error) {
      failures.push(error);
      options.onProgress?.({ type: 'run.ended', run: id, status: 'failed', error });
      return 'failed';
    }
  };
  const planned = runs.map(({ run, donor }) => ({ run, after: donor === undefined ? [] : [donor] }));
  const actor = startExperiment({ runs: planned, concurrency: Math.max(1, parallel), execute });
  using _cancelling = onAbort([signal, stopSoon], () => actor.cancel());
  await actor.ended;
  // A single run that could not even be opened is the caller's error, not a result.
  if (runs.length === 1 && failures.length === 1) throw failures[0];
}

/** What cannot be removed must not keep anything from running; `galapagos clean` says what it is. */
async function reapLeftovers(provider: SandboxProvider, options: SessionOptions): Promise<void> {
  try {
    await provider.reap('all');
  } catch (err) {
    logFor(options).warn({ err }, 'what killed runs left behind could not be removed');
  }
}

function logFor({ logLevel }: SessionOptions): Logger {
  return createLogger({ level: logLevel ?? 'warn' });
}

function hostFor(options: SessionOptions & Services, signals: Pick<RunHost, 'signal' | 'stopSoon'>): RunHost {
  const { provider, broker } = options;
  const log = logFor(options);
  return {
    ...signals,
    provider,
    broker,
    log,
    openBus: async ({ run: id }) => {
      if (broker === null) return createMemoryBus();
      const credential = broker.credential ?? undefined;
      // The journal is the truth: jobs an earlier process left on the server would only repeat its work.
      await destroyNatsRun(broker.url, id, credential);
      return createNatsBus({ servers: broker.url, run: id, log, ...(credential === undefined ? {} : { credential }) });
    },
    secret: options.secret ?? (() => undefined),
    onFact: ({ run: id }, fact, isReplay) => options.onProgress?.({ type: 'fact', run: id, fact, isReplay }),
    onSandboxWait: ({ run: id }, why) => options.onProgress?.({ type: 'sandbox.waiting', run: id, why }),
  };
}
