export type { MarkspaceOptions } from './space.ts';

import { MarkspaceDeniedError } from '../src/core/errors.ts';
import type { LineageId } from '../src/core/ids.ts';
import type { StrategyRef } from '../src/core/records.ts';
import { markKinds } from './check.ts';
import { createDenials, quoted } from './denials.ts';
import { createEngine } from './engine.ts';
import { createAgentHandle, createLineageHandle } from './handles.ts';
import type { Markspace } from './markspace.ts';
import type { MarkspacePolicy } from './policy.ts';
import { createPublisher } from './publish.ts';
import { createReaching } from './reaching.ts';
import { modelsScope, ownScope, strategiesScope } from './scope.ts';
import { type Access, createAccess, type Member } from './scopes/access.ts';
import type { ScopeDefinition } from './scopes/definition.ts';
import type { MarkspaceOptions, Space } from './space.ts';
import { createMounter } from './strategies/mounter.ts';

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
