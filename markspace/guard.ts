import type { Clock } from '../src/core/clock.ts';
import { MarkspaceDeniedError } from '../src/core/errors.ts';
import type { FileTree } from '../src/core/file-tree.ts';
import type { GenomeId, LineageId, RunId } from '../src/core/ids.ts';
import type { Journal } from '../src/core/journal.ts';
import type { Json } from '../src/core/json.ts';
import type { StrategyRef } from '../src/core/records.ts';
import { type Check, markKinds, type Operation } from './check.ts';
import { collectTree } from './collect/collect.ts';
import { createDenials, type Denials, quoted } from './denials.ts';
import { createEngine, type Engine } from './engine.ts';
import type { Mark } from './mark.ts';
import type {
  AgentHandle,
  Collected,
  CollectRequest,
  LineageHandle,
  Markspace,
  Mount,
  MountRequest,
  Published,
  Reached,
  ReachRequest,
} from './markspace.ts';
import type { MarkspacePolicy } from './policy.ts';
import { createPublisher, type Publisher } from './publish.ts';
import { isScope, modelsScope, ownScope, strategiesScope } from './scope.ts';
import { type Access, createAccess, type Member } from './scopes/access.ts';
import type { ScopeDefinition } from './scopes/definition.ts';
import type { MarkStore } from './store.ts';
import { evalFiles } from './strategies/evals.ts';
import { markFiles, type ShownScope } from './strategies/mark-files.ts';
import { createMounter, type Mounter } from './strategies/mounter.ts';
import { type Call, type Telemetry, told } from './telemetry.ts';
import type { Assess } from './writing/assessment.ts';
import { type Chain, createChain, failClosed } from './writing/chain.ts';
import { check, refused } from './writing/verdict.ts';

export interface MarkspaceOptions {
  readonly run: RunId;
  /** Everyone there is; nobody else gets a handle. `model` is the one its calls reach, and is shown to peers. */
  readonly lineages: readonly { readonly id: LineageId; readonly model?: string }[];
  /** Handed over: closed with the markspace. */
  readonly store: MarkStore;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly genomes: { get(id: GenomeId): Promise<FileTree> };
  /** Absolute path; materialised strategies and evaluations live below it. Made when first needed. */
  readonly directory: string;
  readonly policy: MarkspacePolicy;
  /** Besides `strategies`, `lineages` and `models`, or in their place. */
  readonly scopes?: readonly ScopeDefinition[];
  /** Shared scopes that a lineage is shown as files under `marks/`; without any there is no such directory. */
  readonly shown?: (lineage: LineageId) => readonly ShownScope[];
  /** Everybody else who gets a handle, and what lineages may do beyond their own scopes. */
  readonly members?: readonly Member[];
  /** Barrier, envelope, rates, content policies: asked in this order. */
  readonly checks?: readonly Check[];
  /** What marks weigh when they are made. */
  readonly assess?: Assess;
  /** Whether exactly this strategy is one that another run published and lends to this one. */
  readonly isLent?: ((ref: StrategyRef) => boolean) | null;
  readonly telemetry?: Telemetry;
  /** Told of every mark once it is kept; what it throws changes nothing. */
  readonly onMark?: (mark: Mark) => void;
}

/** The guard: every read and every write of the shared space goes through what this returns. */
export function createMarkspace(options: MarkspaceOptions): Markspace {
  const { lineages, store, policy, members = [] } = options;
  const models = new Map(lineages.map(({ id, model }) => [id, model]));
  const denials = createDenials(options.journal);
  const access = accessOf(options);
  const engine = createEngine({ ...options, denials, access });
  const publisher = createPublisher({ ...options, denials, engine });
  const mounter = createMounter({ ...options, describe: (ref) => describe(ref, models.get(ref.lineage), policy) });
  const reaching = createReaching(options, models);
  const parts = { options, denials, access, engine, publisher, mounter, reaching };
  const space: Space = { ...parts, isClosed: false, busy: new Set() };
  const handles = new Map(lineages.map(({ id }) => [id, createLineageHandle(space, id)]));
  const memberHandles = new Map(members.map(({ id }) => [id, createAgentHandle(space, id)]));

  return {
    handleFor(lineage) {
      const handle = handles.get(lineage);
      if (handle === undefined) throw new MarkspaceDeniedError(`${quoted(lineage)} is not a lineage of this run`);
      return handle;
    },
    memberHandle(id) {
      const handle = memberHandles.get(id);
      if (handle === undefined) throw new MarkspaceDeniedError(`${quoted(id)} is not a member of this run`);
      return handle;
    },
    snapshot() {
      return [...handles.keys()]
        .sort()
        .map(publisher.best)
        .filter((ref) => ref !== null);
    },
    inspect: engine.inspect,
    openNeeds: engine.openNeeds,
    compact: engine.compact,
    async [Symbol.asyncDispose]() {
      space.isClosed = true;
      await Promise.allSettled(space.busy);
      try {
        await denials.settle();
      } finally {
        await store[Symbol.asyncDispose]();
      }
    },
  };
}

/** Who may do what in a markspace with these options: for checks that depend on it. */
export function accessOf(options: Pick<MarkspaceOptions, 'lineages' | 'policy' | 'scopes' | 'members'>): Access {
  const { lineages, members = [] } = options;
  return createAccess(scopesOf(options), [...lineages.map(({ id }) => lineageMember(id)), ...members]);
}

interface Space {
  readonly options: MarkspaceOptions;
  readonly denials: Denials;
  readonly access: Access;
  readonly engine: Engine;
  readonly publisher: Publisher;
  readonly mounter: Mounter;
  readonly reaching: Chain;
  isClosed: boolean;
  readonly busy: Set<Promise<unknown>>;
}

/** Identity lives in the closure: what a caller puts on the object changes nothing. */
function createAgentHandle(space: Space, agent: string): AgentHandle {
  const { engine } = space;
  return Object.freeze<AgentHandle>({
    agent,
    write: (draft, id) => guarded(space, agent, 'write', (call) => engine.write(call, draft, id)),
    query: (query) => guarded(space, agent, 'query', (call) => engine.query(call, { ...query })),
    act: (request) => guarded(space, agent, 'act', (call) => engine.act(call, request)),
    resolve: (need, answer) => guarded(space, agent, 'resolve', (call) => engine.close(call, need, answer)),
    withdraw: (mark, reason) => guarded(space, agent, 'withdraw', (call) => engine.close(call, mark, reason)),
  });
}

function createLineageHandle(space: Space, lineage: LineageId): LineageHandle {
  return Object.freeze<LineageHandle>({
    ...createAgentHandle(space, lineage),
    lineage,
    publish: (published) =>
      guarded(space, lineage, 'publish', (call) => publishFor(space, call, lineage, { ...published })),
    read: (scope) => guarded(space, lineage, 'read', () => readScope(space, lineage, scope)),
    mounts: (request) => guarded(space, lineage, 'mounts', (call) => mountFor(space, call, lineage, { ...request })),
    reach: (request) => guarded(space, lineage, 'reach', (call) => reachFor(space, call, { ...request })),
    collect: (request) => guarded(space, lineage, 'collect', (call) => collectFor(space, call, request)),
  });
}

/** Runs a call unless the space is closed, which waits for those under way; tells the telemetry of it. */
function guarded<T>(space: Space, agent: string, name: Call['name'], run: (call: Call) => Promise<T>): Promise<T> {
  const { clock, telemetry = () => {} } = space.options;
  const done = told(telemetry, clock, { name, agent }, (call) => {
    if (space.isClosed) throw new MarkspaceDeniedError('the markspace is closed');
    return run(call);
  });
  const settled = done.then(
    () => {},
    () => {},
  );
  space.busy.add(settled);
  void settled.then(() => space.busy.delete(settled));
  return done;
}

/** What an agent may always call its own model. */
const ownModel = 'default';

/** First whether the model is the lineage's, by exactly its name; then everything that regulates conduct. */
function createReaching({ checks = [] }: MarkspaceOptions, models: ReadonlyMap<string, string | undefined>): Chain {
  const own = check('model', ({ agent, draft }) => {
    const asked = draft.fields.resource;
    const model = models.get(agent);
    if (asked === ownModel || asked === model) return null;
    const instead = `ask for ${model === undefined ? '' : `${quoted(model)} or `}${quoted(ownModel)}`;
    return refused('model', 'not-yours', `the model ${quoted(asked)} does not exist or is not yours: ${instead}`);
  });
  return createChain([own, ...checks].map((one) => failClosed(one, () => {})));
}

async function reachFor({ options, denials, reaching }: Space, call: Call, request: ReachRequest): Promise<Reached> {
  const { model: asked, use, generation } = request;
  const draft = { kind: 'intent', scope: modelsScope, topic: null, fields: { resource: asked, action: use } } as const;
  const operation: Operation = { agent: call.agent, type: 'act', scope: modelsScope, atMs: options.clock.now(), draft };
  call.scope = modelsScope;
  const verdict = reaching.judge(operation);
  reaching.observe(operation, verdict);
  if (verdict.allowed) {
    const own = options.lineages.find(({ id }) => id === call.agent)?.model;
    return { allowed: true, model: own ?? ownModel };
  }
  const { check: by, rule, message } = verdict;
  call.refusedBy = rule;
  await denials.record(call.agent, { operation: 'reach', generation, check: by, rule, message });
  return { allowed: false, rule: `${by}/${rule}`, message };
}

async function publishFor({ options, publisher, mounter }: Space, call: Call, lineage: LineageId, given: Published) {
  const mark = await publisher.publish(call, lineage, given);
  const best = mark === null ? null : publisher.best(lineage);
  // What cannot be written now is tried again by the mount that needs it, which says what is wrong.
  if (best !== null && options.policy.openScopes.includes('strategies')) await mounter.prepare(best).catch(() => {});
  return mark;
}

async function collectFor({ options, denials }: Space, call: Call, request: CollectRequest): Promise<Collected> {
  const collected = collectTree(request, options.policy);
  if (collected.allowed) return collected;
  const { rule, message } = collected;
  call.refusedBy = rule;
  await denials.record(call.agent, { operation: 'collect', generation: request.generation, rule, message });
  return collected;
}

async function readScope({ options, access, engine, denials }: Space, lineage: LineageId, scope: string) {
  if (isScope(scope) && access.sightOf(lineage, scope) === 'content') return engine.marksIn(scope);
  const readable = [ownScope(lineage), strategiesScope(lineage), ...options.policy.openScopes];
  const message = `${quoted(scope)} is not open to ${lineage}: read ${readable.join(', ')}, or what is below`;
  return denials.deny(lineage, { operation: 'read', rule: 'scope', message });
}

async function mountFor(
  space: Space,
  call: Call,
  lineage: LineageId,
  request: MountRequest,
): Promise<readonly Mount[]> {
  const { access, denials, publisher, mounter, options } = space;
  const { round, generation, seed, strategies, snapshot } = request;
  const deny = (rule: string, message: string) =>
    denials.deny(lineage, { operation: 'mounts', generation, rule, message });
  if (!['peers', 'none', 'sham', 'lent'].includes(strategies))
    return deny('mode', `${quoted(strategies)} is not a mode`);
  if (!Number.isSafeInteger(round) || round < 0) return deny('round', 'a round is a whole number from 0');
  const isKnown = strategies === 'lent' ? (options.isLent ?? (() => false)) : publisher.isPublished;
  const forged = snapshot.find((ref) => !isKnown(ref));
  if (forged !== undefined) return deny('unpublished', `${quoted(forged.lineage)} never published what is named here`);
  if (new Set(snapshot.map((ref) => ref.lineage)).size < snapshot.length) {
    return deny('snapshot', 'a snapshot names each lineage once');
  }
  const shown = strategies === 'none' ? [] : snapshot.filter((ref) => ref.lineage !== lineage);
  const isHidden = (ref: StrategyRef) => access.sightOf(lineage, strategiesScope(ref.lineage)) !== 'content';
  const hidden = strategies === 'lent' ? undefined : shown.find(isHidden);
  if (hidden !== undefined) return deny('hidden', `what ${quoted(hidden.lineage)} publishes is not for ${lineage}`);
  const evals = evalFiles(request, options.policy.visibility);
  if (!evals.ok) return deny(evals.rule, evals.message);
  const { mounts, tampered } = await mounter.mount({
    reader: lineage,
    round,
    strategies: shown,
    shamSeed: strategies === 'sham' ? seed : null,
    evals: evals.files,
    marks: await marksFor(space, call, lineage, request.refused ?? null),
  });
  for (const what of tampered) {
    const message = `${what} had been changed behind the guard; it was made anew`;
    await denials.record(lineage, { operation: 'mounts', generation, rule: 'tampered', message });
  }
  return mounts;
}

/** What the lineage sees of the shared scopes, by its own rights; `null` where there are none. */
async function marksFor({ options, engine, access }: Space, call: Call, lineage: LineageId, refused: Json | null) {
  const shown = options.shown?.(lineage) ?? [];
  if (shown.length === 0) return null;
  // An empty file would tell of a scope that the lineage may not know of.
  const known = shown.filter(({ scope }) => access.isKnownTo(lineage, scope));
  const files = known.map(async (place) => {
    const views = await engine.query(call, { scope: place.scope, below: true });
    // What lies below in a scope with a definition of its own is in that one's file.
    const isHere = (scope: string) => access.settingsOf(scope) === access.settingsOf(place.scope);
    return { ...place, views: views.filter(({ mark }) => isHere(mark.scope)) };
  });
  return markFiles(await Promise.all(files), refused);
}

function describe(ref: StrategyRef, model: string | undefined, policy: MarkspacePolicy) {
  return {
    lineage: ref.lineage,
    ...(model === undefined ? {} : { model }),
    generation: ref.generation,
    ...(policy.visibility.peerScores ? { score: ref.score } : {}),
  };
}

/** Where strategies are published and lineages keep what is theirs; the policy says which of it all may read. */
function scopesOf({ policy, scopes = [] }: Pick<MarkspaceOptions, 'policy' | 'scopes'>): ScopeDefinition[] {
  const isOpen = policy.openScopes.includes('strategies');
  const known: ScopeDefinition[] = [
    { path: 'strategies', visibility: isOpen ? 'open' : 'classified', verbs: ['observation'], topics: ['strategy'] },
    { path: 'lineages', visibility: 'classified' },
    { path: modelsScope, visibility: 'classified', verbs: [] },
  ];
  const opened = policy.openScopes.filter((path) => path !== 'strategies').map((path) => ({ path }));
  const given = [...opened, ...scopes];
  return [...known.filter(({ path }) => !given.some((scope) => scope.path === path)), ...given];
}

/** A lineage reads what it published, and does as it likes in its own corner. */
function lineageMember(id: LineageId): Member {
  return {
    id,
    grants: [
      { scope: strategiesScope(id), read: true },
      { scope: ownScope(id), read: true, write: markKinds, source: 'fleet' },
    ],
  };
}
