import { checkpointFact } from '../../actors/archivist/create-archivist.ts';
import { type RunEnding, startRun } from '../../actors/run/create-run.ts';
import type { Markspace } from '../../markspace/markspace.ts';
import type { SandboxProvider } from '../../sandboxes/sandbox.ts';
import type { Bus } from '../bus/bus.ts';
import { onAbort } from '../core/abort.ts';
import type { BudgetLimits } from '../core/budget.ts';
import { Cleanup } from '../core/cleanup.ts';
import { type Clock, wallClock } from '../core/clock.ts';
import { armBudget } from '../core/config/arm-lineages.ts';
import type { Model } from '../core/define.ts';
import { describeError, RunCancelledError } from '../core/errors.ts';
import type { LineageId } from '../core/ids.ts';
import type { Fact } from '../core/journal.ts';
import type { Logger } from '../core/log.ts';
import type { RequestOf, RoleName } from '../core/messages.ts';
import { subjects } from '../core/subjects.ts';
import { createFileGenomeStore } from '../lineage/genome-store.ts';
import { openGitLineage } from '../lineage/git-lineage.ts';
import { loadCast } from './actors.ts';
import { createAsk } from './ask.ts';
import type { Broker } from './broker.ts';
import { type FileJournal, openJournal } from './journal.ts';
import { RunMarkspace } from './markspace/open-markspace.ts';
import { createModels } from './models.ts';
import { hasRepository, restoreRepository } from './restore-repository.ts';
import { openRoundStrategies } from './round-strategies.ts';
import { createBudget, type OpenBudget } from './run-budget.ts';
import { type RunManifest, readManifest, runPaths } from './run-directory.ts';
import { lockRun } from './run-lock.ts';
import { RunState } from './run-state.ts';
import { RunWeights } from './run-weights.ts';
import { serveActors } from './serve-actors.ts';

/** What a run needs from the process it runs in. */
export interface RunHost {
  readonly provider: SandboxProvider;
  readonly openBus: (manifest: RunManifest) => Promise<Bus>;
  /** The NATS server for marks, where there is one. */
  readonly broker?: Broker | null;
  readonly secret: (name: string) => string | undefined;
  readonly log: Logger;
  /** The run's models, where they do not come from the experiment file. */
  readonly models?: ReadonlyMap<string, Model>;
  readonly onFact: (manifest: RunManifest, fact: Fact, isReplay: boolean) => void;
  /** Told why, when opening a sandbox has waited for room for two seconds. */
  readonly onSandboxWait?: (manifest: RunManifest, why: string) => void;
  /** Stops at once. */
  readonly signal: AbortSignal;
  /** Aborts when the run should stop at the end of its round. */
  readonly stopSoon: AbortSignal;
  readonly clock?: Clock;
}

/**
 * The composition root of one run: takes its directory, opens everything in
 * it, resumes from its journal, and drives it to an end. A new run is one
 * whose journal is empty.
 * @throws when the run cannot be opened, or ends in an error; what was
 *   acknowledged is in the journal, and the run can be resumed.
 */
export async function executeRun(dir: string, host: RunHost): Promise<RunEnding> {
  const manifest = readManifest(dir);
  using _lock = lockRun(dir);
  const cleanup = new Cleanup();
  let ending: RunEnding;
  try {
    ending = await new OpenRun(dir, manifest, host, cleanup).execute();
  } catch (error) {
    // What follows from the first error while cleaning up would only hide it.
    await cleanup[Symbol.asyncDispose]().catch(() => {});
    throw error;
  }
  try {
    await cleanup[Symbol.asyncDispose]();
  } catch (error) {
    if (ending.error === null) return { status: 'failed', reason: describeError(error), error };
  }
  return ending;
}

class OpenRun {
  /** Follows the host's signal, and stops whatever is under way when the run ends by an error. */
  readonly #controller = new AbortController();
  readonly #dir: string;
  readonly #paths: ReturnType<typeof runPaths>;
  readonly #manifest: RunManifest;
  readonly #host: RunHost;
  readonly #cleanup: Cleanup;
  readonly #clock: Clock;
  readonly #budgets = new Map<LineageId, OpenBudget>();

  constructor(dir: string, manifest: RunManifest, host: RunHost, cleanup: Cleanup) {
    this.#dir = dir;
    this.#paths = runPaths(dir);
    this.#manifest = manifest;
    this.#host = host;
    this.#cleanup = cleanup;
    this.#clock = host.clock ?? wallClock;
  }

  async execute(): Promise<RunEnding> {
    using _following = onAbort([this.#host.signal], (reason) => this.#controller.abort(reason));
    try {
      return await this.#drive();
    } finally {
      this.#controller.abort(new RunCancelledError('the run has ended'));
    }
  }

  async #drive(): Promise<RunEnding> {
    const manifest = this.#manifest;
    const { config, run, seed } = manifest;
    const state = new RunState(manifest);
    const bus = this.#cleanup.use(await this.#host.openBus(manifest));
    const space = new RunMarkspace(manifest, state);
    const weights = new RunWeights(this.#dir, manifest);
    const journal = this.#cleanup.use(await this.#openJournal(state, space, weights, bus));
    const genomes = createFileGenomeStore(this.#paths.genomes);
    const wasThere = hasRepository(this.#dir);
    const lineage = this.#cleanup.use(await openGitLineage({ dir: this.#paths.lineage, genomes }));
    await restoreRepository(lineage, state, {
      ...{ dir: this.#dir, manifest, wasThere, log: this.#host.log },
      secondsOf: (of, round) => this.#secondsOf(of, round),
    });
    if (state.ended !== null) return { status: state.ended, reason: null, error: null };
    await journal.append('session.opened', String(journal.length), { pid: process.pid });
    this.#cleanup.use(space);
    const { clock, log, broker = null } = { ...this.#host, clock: this.#clock };
    const strategies = await openRoundStrategies(this.#dir, manifest, genomes, () => markspace);
    const { isLent } = strategies;
    const markspace: Markspace = await space.open({ dir: this.#dir, journal, genomes, broker, clock, log, isLent });
    const limits = armBudget(config, manifest.arm);
    const runBudget = this.#openBudgets(state, limits);
    const ask = createAsk({
      run,
      bus,
      journal,
      actorName: (role) => cast.nameOf(role),
      onReplay: (role, request, result) => this.#countReplay(role, request, result),
    });
    const cast = await loadCast(config, manifest.experimentDir);
    const models =
      this.#host.models ??
      (await createModels({ config, experimentDir: manifest.experimentDir, secret: this.#host.secret }));
    await weights.open({ models, genomes, journal, lineages: state.lineages, signal: this.#controller.signal });
    await serveActors({
      ...{ manifest, models, weights, provider: this.#host.provider, callsDir: this.#paths.calls },
      ...{ cast, bus, journal, genomes, lineage, markspace, space, state, ask },
      secondsOf: (round) => this.#secondsOf(state, round),
      ...{ budgets: this.#budgets, cleanup: this.#cleanup, signal: this.#controller.signal, log: this.#host.log },
      onSandboxWait: (why) => this.#host.onSandboxWait?.(manifest, why),
    });
    const actor = startRun(
      {
        run,
        seed,
        ask,
        journal,
        snapshot: strategies.snapshot,
        shownTo: strategies.shownTo,
        beforeRound: (round) => space.beforeRound(round),
        afterRound: (round) => space.afterRound(round),
        isOverBudget: () => runBudget.exhausted !== null || state.wallMs >= (limits.wallMs ?? Number.POSITIVE_INFINITY),
        testItems: config.items.test,
        members: [...state.lineages.values()].map((l) => l.member),
        round: state.round,
        rounds: config.budget.generations,
      },
      this.#controller.signal,
    );
    using _stopping = onAbort([this.#host.stopSoon], () => actor.cancel());
    const ended = await actor.ended;
    // A run that was told to stop at once broke off; that is no failure of its own.
    const isStopped = ended.status === 'failed' && this.#host.signal.aborted;
    const ending: RunEnding = isStopped ? { status: 'stopped', reason: 'cancelled', error: null } : ended;
    // Before the ending, so that a run that says it is done has everything in its repository.
    if (ending.status !== 'failed') {
      await lineage.checkpoint();
      await weights.prune();
      await journal.append(checkpointFact, `end/${journal.length}`, { round: state.round - 1 });
    }
    await recordEnding(journal, ending);
    return ending;
  }

  #openJournal(state: RunState, space: RunMarkspace, weights: RunWeights, bus: Bus): Promise<FileJournal> {
    const { run } = this.#manifest;
    return openJournal(this.#paths.journal, {
      clock: this.#clock,
      onFact: (fact, isReplay) => {
        state.apply(fact);
        space.apply(fact, isReplay);
        weights.apply(fact);
        this.#host.onFact(this.#manifest, fact, isReplay);
        if (isReplay) return;
        const id = fact.key.split('/')[0]!.replace(/[^a-z0-9-]/g, '-') || 'run';
        void bus
          .publish(subjects.facts(run, 'journal', id, fact.type), { seq: fact.seq, type: fact.type, key: fact.key })
          .catch(() => {});
      },
    });
  }

  #openBudgets(state: RunState, limits: BudgetLimits): OpenBudget {
    const { config } = this.#manifest;
    const runBudget = createBudget('the run', limits);
    for (const [id, known] of state.lineages) {
      const budget = createBudget(`lineage ${id}`, config.lineageBudget, runBudget);
      budget.restore({
        tokens: known.spent.promptTokens + known.spent.completionTokens,
        usd: known.spent.costUsd ?? 0,
        evaluations: known.evaluations,
      });
      this.#budgets.set(id, budget);
    }
    return runBudget;
  }

  /** A result from before a crash was paid for then; it still counts. */
  #countReplay(role: RoleName, request: unknown, result: unknown): void {
    if (role !== 'meta-agent' && role !== 'solver') return;
    const { lineage } = request as RequestOf<'solver'>;
    const { usage } = result as { usage: { promptTokens: number; completionTokens: number; costUsd: number | null } };
    this.#budgets
      .get(lineage)
      ?.restore({ tokens: usage.promptTokens + usage.completionTokens, usd: usage.costUsd ?? 0 });
  }

  /** Commit date of a round: its opening by the clock, or a day a seed from 2000-01-01 and a minute a round. */
  #secondsOf(state: RunState, round: number): number {
    const { config, seed } = this.#manifest;
    if (config.clock === 'wall') return Math.floor(state.openedAtMs(round) / 1_000);
    return 946_684_800 + (seed % 3_650) * 86_400 + round * 60;
  }
}

async function recordEnding(journal: FileJournal, { status, reason, error }: RunEnding): Promise<void> {
  const message = error instanceof Error ? error.message : error === null ? null : String(error);
  try {
    await journal.append('run.ended', String(journal.length), { status, reason: reason ?? message });
  } catch (failure) {
    // The journal itself may be what failed; then the first error is the one to report.
    if (error === null) throw failure;
  }
}
