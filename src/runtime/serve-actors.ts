import type { Markspace, MountRequest } from '../../markspace/markspace.ts';
import type { SandboxProvider } from '../../sandboxes/sandbox.ts';
import type { Bus } from '../bus/bus.ts';
import type { Ask } from '../core/ask.ts';
import type { Budget } from '../core/budget.ts';
import type { Cleanup } from '../core/cleanup.ts';
import { monotonicMs } from '../core/clock.ts';
import { type Arm, arms } from '../core/config/arms.ts';
import { lineageConfig } from '../core/config/check-training.ts';
import type { Model, RoleActor } from '../core/define.ts';
import type { LineageId } from '../core/ids.ts';
import type { Journal } from '../core/journal.ts';
import type { Logger } from '../core/log.ts';
import type { RoleName } from '../core/messages.ts';
import type { GenomeStore, Lineage } from '../lineage/lineage.ts';
import type { Cast } from './actors.ts';
import { serveRole } from './ask.ts';
import { lendHandle } from './markspace/lend-handle.ts';
import type { RunMarkspace } from './markspace/open-markspace.ts';
import { checkSameNiche, checkVolumes, createNiche } from './niches.ts';
import { chooseParentSelection, drawsOf } from './parent-selection.ts';
import { createProvenance } from './provenance.ts';
import type { RunManifest } from './run-directory.ts';
import type { KnownLineage, RunState } from './run-state.ts';
import type { RunWeights } from './run-weights.ts';
import { bindGateways, bindSandboxes, checkRoom, checkTrust } from './sandbox-access.ts';

/** Everything of an open run that its actors are given a part of. */
export interface ActorParts {
  readonly manifest: RunManifest;
  readonly cast: Cast;
  readonly models: ReadonlyMap<string, Model>;
  readonly weights: RunWeights;
  readonly provider: SandboxProvider;
  readonly callsDir: string;
  readonly bus: Bus;
  readonly ask: Ask;
  readonly journal: Journal;
  readonly genomes: GenomeStore;
  readonly lineage: Lineage;
  readonly markspace: Markspace;
  readonly space: RunMarkspace;
  readonly state: RunState;
  readonly budgets: ReadonlyMap<LineageId, Budget>;
  readonly secondsOf: (round: number) => number;
  readonly log: Logger;
  readonly onSandboxWait: (why: string) => void;
  /** Takes every actor and subscription. */
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
}

type Serve = <R extends RoleName>(role: R, lineage: LineageId | null, actor: RoleActor<R>) => Promise<void>;

/** What an arm's `strategies/` are for the guard. */
const mountOf = {
  peers: 'peers',
  twin: 'peers',
  none: 'none',
  sham: 'sham',
  shuffled: 'lent',
} as const satisfies Record<Arm['strategies'], MountRequest['strategies']>;

/** Git is asked to make things durable at most this often. */
const checkpointIntervalMs = 1_000;

/**
 * Puts a run's actors to work, each on its queue. Nothing is asked yet.
 * @throws {PolicyRefusedError} when untrusted code would run without isolation.
 * @throws {ConfigInvalidError} when a sandbox does not fit below the ceiling.
 */
export async function serveActors(parts: ActorParts): Promise<void> {
  const { manifest, bus, cast, cleanup, signal, state } = parts;
  checkTrust(parts.provider, parts.models, manifest.config.sandbox.allowUnsafe);
  checkRoom(parts.provider, manifest.config);
  const serve: Serve = async (role, lineage, actor) => {
    cleanup.use(actor);
    cleanup.use(await serveRole(bus, manifest.run, role, lineage, actor, signal));
  };
  const lent = await lend(parts);
  const { proposer, archivist, solver } = lent.shared;
  await serve('proposer', null, cast.create('proposer', proposer));
  await serve('archivist', null, cast.create('archivist', archivist));
  for (let i = 0; i < manifest.config.workers.solvers; i += 1)
    await serve('solver', null, cast.create('solver', solver));
  for (const [id, known] of state.lineages) {
    const own = lent.of(id, known);
    await serve('environment', id, cast.create('environment', own.environment));
    await serve('gate', id, cast.create('gate', lent.shared.gate));
    if (own.trainer !== null) await serve('trainer', id, cast.create('trainer', own.trainer));
    await serve('meta-agent', id, cast.create('meta-agent', own.metaAgent));
    await serve('lineage', id, cast.create('lineage', own.lineage));
  }
}

/** The ports of every role: what a role is not lent, it cannot reach. */
async function lend(parts: ActorParts) {
  const { manifest, genomes, journal, ask, budgets, weights } = parts;
  const { config, run, seed, experimentDir } = manifest;
  const arm: Arm = arms[manifest.arm];
  const { select, annealing } = await chooseParentSelection(manifest);
  const { provider, log, onSandboxWait: onWait, cleanup } = parts;
  const sandboxes = cleanup.use(bindSandboxes({ provider, run, config, log, onWait }));
  const niche = await createNiche(config, experimentDir, sandboxes);
  checkVolumes(niche, provider);
  checkSameNiche(niche, manifest.niche);
  const { markspace, space } = parts;
  const gateways = bindGateways({
    ...{ config, callsDir: parts.callsDir },
    modelOf: (id, name, abort) => parts.weights.modelOf(id, name, abort),
    budgetOf: (id) => budgets.get(id)!,
    reach: (id, key, request) => space.reach(markspace.handleFor(id), key, request),
  });
  cleanup.defer(() => gateways[Symbol.dispose]());
  const { wallMs, attempts: maxAttempts, maxCalls } = config.task;
  const shared = {
    proposer: { niche },
    archivist: {
      lineage: parts.lineage,
      journal,
      secondsOf: parts.secondsOf,
      isCheckpointDue: timer(checkpointIntervalMs),
    },
    gate: { settings: config.gate, genomes },
    solver: { genomes, sandboxes, gateways: maxCalls === 0 ? null : gateways, wallMs, maxAttempts },
  };
  const of = (id: LineageId, known: KnownLineage) => {
    const lent = lendHandle(space, markspace.handleFor(id), { strategies: mountOf[arm.strategies], seed });
    // What another run lends, or was never anybody's code, is nobody's of this run.
    const isTransfer = mountOf[arm.strategies] === 'peers';
    const provenance = createProvenance({
      genomes,
      policy: config.adoption,
      isTransfer,
      generations: known.generations,
    });
    const { visibility } = config;
    const { taskModel, training } = lineageConfig(config, id);
    return {
      environment: { niche, ask, genomes },
      trainer: weights.trainerPorts(id),
      metaAgent: {
        ...{ genomes, sandboxes, gateways, provenance },
        guard: lent.guard,
        wallMs: config.metaAgent.wallMs,
        importWallMs: config.task.wallMs,
        refuse: config.validation.refuse,
        treeLimits: config.genome,
      },
      lineage: {
        ask,
        select,
        budget: budgets.get(id)!,
        draws: drawsOf(config, seed, id),
        annealing,
        // An arm that brings its own selection is what it is without a way back.
        rollback: arm.selection === null ? (config.rollback ?? null) : null,
        metaFrom: arm.metaFrom ?? config.metaAgent.from,
        publish: lent.publish,
        model: known.member.model,
        taskModel: taskModel ?? known.member.model,
        learning: training === undefined ? null : { settings: training, genomes },
        seedGenome: manifest.seeds[id]!,
        items: config.items,
        gatePolicy: arm.gate,
        showsTrain: visibility.train,
        showsSelection: visibility.selection,
        maxStagnation: config.budget.stagnation ?? null,
        state: known.state,
      },
    };
  };
  return { shared, of };
}

/** True at most once an interval. */
function timer(intervalMs: number): () => boolean {
  let last = monotonicMs();
  return () => {
    if (monotonicMs() - last < intervalMs) return false;
    last = monotonicMs();
    return true;
  };
}
