import type { Clock } from '../src/core/clock.ts';
import { MarkspaceDeniedError } from '../src/core/errors.ts';
import type { FileTree } from '../src/core/file-tree.ts';
import type { GenomeId, LineageId, RunId } from '../src/core/ids.ts';
import type { Journal } from '../src/core/journal.ts';
import type { StrategyRef } from '../src/core/records.ts';
import { collectTree } from './collect/collect.ts';
import { createDenials, type Denials, quoted } from './denials.ts';
import type { LineageHandle, Markspace, Mount, MountRequest } from './markspace.ts';
import type { MarkspacePolicy } from './policy.ts';
import { createPublisher, type Publisher } from './publish.ts';
import { contains, isScope, ownScope, strategiesScope } from './scope.ts';
import type { MarkStore } from './store.ts';
import { evalFiles } from './strategies/evals.ts';
import { createMounter, type Mounter } from './strategies/mounter.ts';

export interface MarkspaceOptions {
  readonly run: RunId;
  /** Everyone there is; nobody else gets a handle. `model` is shown to peers. */
  readonly lineages: readonly { readonly id: LineageId; readonly model?: string }[];
  /** Handed over: closed with the markspace. */
  readonly store: MarkStore;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly genomes: { get(id: GenomeId): Promise<FileTree> };
  /** Absolute path; materialised strategies and evaluations live below it. Made when first needed. */
  readonly directory: string;
  readonly policy: MarkspacePolicy;
}

/** The guard: every read and every write of the shared space goes through what this returns. */
export function createMarkspace(options: MarkspaceOptions): Markspace {
  const { lineages, store, policy } = options;
  const models = new Map(lineages.map(({ id, model }) => [id, model]));
  const denials = createDenials(options.journal);
  const publisher = createPublisher({ ...options, denials });
  const mounter = createMounter({ ...options, describe: (ref) => describe(ref, models.get(ref.lineage), policy) });
  const space: Space = { options, denials, publisher, mounter, isClosed: false, busy: new Set() };
  const handles = new Map(lineages.map(({ id }) => [id, createHandle(space, id)]));

  return {
    handleFor(lineage) {
      const handle = handles.get(lineage);
      if (handle === undefined) throw new MarkspaceDeniedError(`${quoted(lineage)} is not a lineage of this run`);
      return handle;
    },
    snapshot() {
      return [...handles.keys()]
        .sort()
        .map(publisher.best)
        .filter((ref) => ref !== null);
    },
    async [Symbol.asyncDispose]() {
      space.isClosed = true;
      await Promise.allSettled(space.busy);
      await store[Symbol.asyncDispose]();
    },
  };
}

interface Space {
  readonly options: MarkspaceOptions;
  readonly denials: Denials;
  readonly publisher: Publisher;
  readonly mounter: Mounter;
  isClosed: boolean;
  readonly busy: Set<Promise<unknown>>;
}

/** Identity lives in this closure: what a caller puts on the object changes nothing. */
function createHandle(space: Space, lineage: LineageId): LineageHandle {
  const guarded = <T>(operation: () => Promise<T>): Promise<T> => {
    if (space.isClosed) return Promise.reject(new MarkspaceDeniedError('the markspace is closed'));
    const done = operation();
    const settled = done.then(
      () => {},
      () => {},
    );
    space.busy.add(settled);
    void settled.then(() => space.busy.delete(settled));
    return done;
  };
  return Object.freeze<LineageHandle>({
    lineage,
    publish: (published) => guarded(() => space.publisher.publish(lineage, { ...published })),
    read: (scope) => guarded(() => readScope(space, lineage, scope)),
    mounts: (request) => guarded(() => mountFor(space, lineage, { ...request })),
    collect: (request) =>
      guarded(async () => {
        const collected = collectTree(request, space.options.policy);
        if (collected.allowed) return collected;
        const { rule, message } = collected;
        const { generation } = request;
        await space.denials.record(lineage, { operation: 'collect', generation, rule, message });
        return collected;
      }),
  });
}

async function readScope({ options, denials }: Space, lineage: LineageId, scope: string) {
  const readable = [ownScope(lineage), strategiesScope(lineage), ...options.policy.openScopes];
  if (isScope(scope) && readable.some((outer) => contains(outer, scope))) return options.store.inScope(scope);
  const message = `${quoted(scope)} is not open to ${lineage}: read ${readable.join(', ')}, or what is below`;
  return denials.deny(lineage, { operation: 'read', rule: 'scope', message });
}

async function mountFor(space: Space, lineage: LineageId, request: MountRequest): Promise<readonly Mount[]> {
  const { denials, publisher, mounter } = space;
  const { round, generation, seed, strategies, snapshot } = request;
  const deny = (rule: string, message: string) =>
    denials.deny(lineage, { operation: 'mounts', generation, rule, message });
  if (!['peers', 'none', 'sham'].includes(strategies)) return deny('mode', `${quoted(strategies)} is not a mode`);
  if (!Number.isSafeInteger(round) || round < 0) return deny('round', 'a round is a whole number from 0');
  const forged = snapshot.find((ref) => !publisher.isPublished(ref));
  if (forged !== undefined) return deny('unpublished', `${quoted(forged.lineage)} never published what is named here`);
  if (new Set(snapshot.map((ref) => ref.lineage)).size < snapshot.length) {
    return deny('snapshot', 'a snapshot names each lineage once');
  }
  const evals = evalFiles(request);
  if (!evals.ok) return deny(evals.rule, evals.message);
  const { mounts, tampered } = await mounter.mount({
    reader: lineage,
    round,
    strategies: strategies === 'none' ? [] : snapshot.filter((ref) => ref.lineage !== lineage),
    shamSeed: strategies === 'sham' ? seed : null,
    evals: evals.files,
  });
  for (const what of tampered) {
    const message = `${what} had been changed behind the guard; it was made anew`;
    await denials.record(lineage, { operation: 'mounts', generation, rule: 'tampered', message });
  }
  return mounts;
}

function describe(ref: StrategyRef, model: string | undefined, policy: MarkspacePolicy) {
  return {
    lineage: ref.lineage,
    ...(model === undefined ? {} : { model }),
    generation: ref.generation,
    ...(policy.showPeerScores ? { score: ref.score } : {}),
  };
}
