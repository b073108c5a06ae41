import { selectionPolicies } from '../../actors/lineage/selection.ts';
import type { EditGuard } from '../../actors/meta-agent/create-meta-agent.ts';
import type { Markspace } from '../../markspace/markspace.ts';
import type { SandboxProvider } from '../../sandboxes/sandbox.ts';
import type { Bus } from '../bus/bus.ts';
import type { Ask } from '../core/ask.ts';
import type { Budget } from '../core/budget.ts';
import type { Cleanup } from '../core/cleanup.ts';
import { monotonicMs } from '../core/clock.ts';
import { arms } from '../core/config/arms.ts';
import type { Model, RoleActor, SelectionDefinition, SelectParent } from '../core/define.ts';
import type { LineageId } from '../core/ids.ts';
import type { Journal } from '../core/journal.ts';
import type { RoleName } from '../core/messages.ts';
import { randomStream } from '../core/random.ts';
import type { GenomeStore, Lineage } from '../lineage/lineage.ts';
import type { Cast } from './actors.ts';
import { serveRole } from './ask.ts';
import { createNiche } from './niches.ts';
import { isModulePath, loadPlugin } from './plugins.ts';
import { createProvenance } from './provenance.ts';
import type { RunManifest } from './run-directory.ts';
import type { KnownLineage, RunState } from './run-state.ts';
import { bindGateways, bindSandboxes, checkTrust } from './sandbox-access.ts';

/** Everything of an open run that its actors are given a part of. */
export interface ActorParts {
  readonly manifest: RunManifest;
  readonly cast: Cast;
  readonly models: ReadonlyMap<string, Model>;
  readonly provider: SandboxProvider;
  readonly callsDir: string;
  readonly bus: Bus;
  readonly ask: Ask;
  readonly journal: Journal;
  readonly genomes: GenomeStore;
  readonly lineage: Lineage;
  readonly markspace: Markspace;
  readonly state: RunState;
  readonly budgets: ReadonlyMap<LineageId, Budget>;
  readonly secondsOf: (round: number) => number;
  /** Takes every actor and subscription. */
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
}

type Serve = <R extends RoleName>(role: R, lineage: LineageId | null, actor: RoleActor<R>) => Promise<void>;

/** Git is asked to make things durable at most this often. */
const checkpointIntervalMs = 1_000;

/**
 * Puts a run's actors to work, each on its queue. Nothing is asked yet.
 * @throws {PolicyRefusedError} when untrusted code would run without isolation.
 */
export async function serveActors(parts: ActorParts): Promise<void> {
  const { manifest, bus, cast, cleanup, signal, state } = parts;
  checkTrust(parts.provider, parts.models, manifest.config.sandbox.allowUnsafe);
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
    await serve('gate', id, cast.create('gate', undefined as never));
    await serve('meta-agent', id, cast.create('meta-agent', own.metaAgent));
    await serve('lineage', id, cast.create('lineage', own.lineage));
  }
}

/** The ports of every role: what a role is not lent, it cannot reach. */
async function lend(parts: ActorParts) {
  const { manifest, models, genomes, journal, ask, budgets } = parts;
  const { config, run, seed, experimentDir } = manifest;
  const arm = arms[manifest.arm];
  const niche = await createNiche(config, experimentDir);
  const select = await selectionPolicy(manifest);
  const sandboxes = bindSandboxes(parts.provider, run, config);
  const gateways = bindGateways({ config, models, budgetOf: (id) => budgets.get(id)!, callsDir: parts.callsDir });
  parts.cleanup.defer(() => gateways[Symbol.dispose]());
  const { wallMs, attempts: maxAttempts, maxCalls } = config.task;
  const shared = {
    proposer: { niche },
    archivist: {
      lineage: parts.lineage,
      journal,
      secondsOf: parts.secondsOf,
      isCheckpointDue: timer(checkpointIntervalMs),
    },
    solver: { genomes, sandboxes, gateways: maxCalls === 0 ? null : gateways, wallMs, maxAttempts },
  };
  const of = (id: LineageId, known: KnownLineage) => {
    const handle = parts.markspace.handleFor(id);
    const isTransfer = arm.strategies === 'peers';
    const provenance = createProvenance({
      genomes,
      policy: config.adoption,
      isTransfer,
      generations: known.generations,
    });
    const { strategies } = arm;
    const { visibility } = config;
    return {
      environment: { niche, ask },
      metaAgent: {
        ...{ genomes, sandboxes, gateways, provenance },
        guard: {
          mounts: (request: Parameters<EditGuard['mounts']>[0]) =>
            handle.mounts({ ...request, strategies, seed, visibility }),
          collect: (request: Parameters<EditGuard['collect']>[0]) => handle.collect(request),
        },
        wallMs: config.metaAgent.wallMs,
        importWallMs: config.task.wallMs,
        treeLimits: config.genome,
      },
      lineage: {
        ask,
        select,
        budget: budgets.get(id)!,
        random: (purpose: string, generation: number) => randomStream(seed, purpose, id, generation),
        publish: async (strategy: Parameters<typeof handle.publish>[0]) => (await handle.publish(strategy)) !== null,
        model: known.member.model,
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

async function selectionPolicy({ config, arm, experimentDir }: RunManifest): Promise<SelectParent> {
  const own = arms[arm].selection;
  if (own !== null) return selectionPolicies[own];
  if (typeof config.selection === 'string') return selectionPolicies[config.selection];
  const { module } = config.selection;
  if (!isModulePath(module)) return selectionPolicies[module as keyof typeof selectionPolicies];
  return (await loadPlugin<SelectionDefinition>('selection', module, experimentDir)).select;
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
