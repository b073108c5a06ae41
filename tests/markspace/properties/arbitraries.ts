import fc from 'fast-check';
import { type Draft, type MarkKind, markKinds } from '../../../markspace/check.ts';
import { type Mark, sources } from '../../../markspace/mark.ts';
import type { Grant, Member } from '../../../markspace/scopes/access.ts';
import { conflictPolicies, type ScopeDefinition, visibilities } from '../../../markspace/scopes/definition.ts';
import type { Json } from '../../../src/core/json.ts';

// What a markspace may be made of: few names, so that things meet.

export const agents = ['p', 'q', 'r'] as const;
/** Has authority over everything; see `openWorld`. */
export const principal = 'boss';
export const scopePaths = ['x', 'x/y', 'x/y/z', 'w'] as const;
export const resources = ['disk', 'net'] as const;
export const topics = ['t1', 't2'] as const;

const hourMs = 3_600_000;
export const agent = fc.constantFrom(...agents);
export const scopePath = fc.constantFrom(...scopePaths);
export const resource = fc.constantFrom(...resources);
export const topic = fc.constantFrom(...topics);
export const source = fc.constantFrom(...sources);
/** In [0, 1], both ends often. */
export const share = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
/** From 0 to a few half-lives, moments included. */
export const durationMs = fc.oneof(
  fc.constantFrom(0, 1),
  fc.integer({ min: 0, max: hourMs }),
  fc.integer({ min: 0, max: 40 * hourMs }),
);
/** Content with a secret in it, so that a leak can be seen. */
export const content: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>('secret-1', 'secret-2', { secret: 'secret-3' }),
  fc
    .jsonValue({ maxDepth: 2 })
    .filter((value) => !JSON.stringify(value).includes('__proto__'))
    // Negative zero is zero in JSON.
    .map((value) => ({ secret: 'secret-4', value: JSON.parse(JSON.stringify(value)) as Json })),
);

/** A mark of each kind as a store would give it. `order` is 0. */
export function markOf(kinds: readonly MarkKind[] = markKinds): fc.Arbitrary<Mark> {
  const common = {
    id: fc.uuid(),
    scope: scopePath,
    author: agent,
    createdAtMs: fc.integer({ min: 0, max: 1_000 * hourMs }),
    order: fc.constant(0),
    supersedes: fc.constant(null),
    payload: fc.constant(null),
    strength: share,
    flags: fc.constant([]),
  };
  const byKind: Record<MarkKind, fc.Arbitrary<Mark>> = {
    intent: fc.record({
      kind: fc.constant('intent' as const),
      ...common,
      resource,
      action: fc.constant('use'),
      confidence: share,
    }),
    action: fc.record({
      kind: fc.constant('action' as const),
      ...common,
      resource,
      action: fc.constant('use'),
      result: content,
      failed: fc.boolean(),
    }),
    observation: fc.record({
      kind: fc.constant('observation' as const),
      ...common,
      topic,
      content,
      confidence: share,
      source,
      score: fc.constant(null),
    }),
    warning: fc.record({
      kind: fc.constant('warning' as const),
      ...common,
      invalidates: fc.constant(null),
      topic,
      reason: fc.constant('secret-5'),
      severity: fc.constantFrom('low' as const, 'medium' as const, 'high' as const),
    }),
    need: fc.record({
      kind: fc.constant('need' as const),
      ...common,
      question: fc.constant('secret-6'),
      context: content,
      // A protected scope takes no finer ones.
      priority: fc.integer({ min: 0, max: 10 }).map((tenths) => tenths / 10),
      blocking: fc.boolean(),
    }),
  };
  return fc.oneof(...kinds.map((name) => byKind[name]));
}

/** Drafts that are whole marks of kinds which agents write, with no other mark named. */
export function draftOf(
  kinds: readonly MarkKind[] = ['intent', 'observation', 'warning', 'need'],
  scope: fc.Arbitrary<string> = scopePath,
): fc.Arbitrary<Draft> {
  return markOf(kinds.filter((name) => name !== 'action')).chain((mark) => scope.map((path) => toDraft(mark, path)));
}

/** What its author would have asked for. */
export function toDraft(mark: Mark, scope = mark.scope): Draft {
  const common = { kind: mark.kind, scope };
  switch (mark.kind) {
    case 'observation':
      return { ...common, topic: mark.topic, fields: { content: mark.content, source: mark.source } };
    case 'warning': {
      const { invalidates, reason, severity } = mark;
      return { ...common, topic: mark.topic, fields: { invalidates, reason, severity } };
    }
    case 'need': {
      const { question, context, priority, blocking } = mark;
      return { ...common, topic: null, fields: { question, context, priority, blocking } };
    }
    case 'intent':
    case 'action':
      return { ...common, topic: null, fields: { resource: mark.resource, action: mark.action } };
  }
}

/** What is wrong in one way each; the guard must refuse it from anybody. */
export const badDraft: fc.Arbitrary<unknown> = fc.oneof(
  draftOf().map((draft) => ({ ...draft, kind: 'action' })),
  draftOf().map((draft) => ({ ...draft, kind: 'rumour' })),
  draftOf().map((draft) => ({ ...draft, scope: `${draft.scope}/../w` })),
  draftOf().map((draft) => ({ ...draft, author: 'q' })),
  draftOf().chain((draft) =>
    fc
      .constantFrom('strength', 'confidence', 'author', 'id', 'score', 'flags', 'order', 'createdAtMs', 'payload')
      .map((name) => ({ ...draft, fields: { ...draft.fields, [name]: 1 } })),
  ),
  draftOf(['observation', 'warning']).map((draft) => ({ ...draft, topic: null })),
  draftOf(['intent', 'need']).map((draft) => ({ ...draft, topic: 't1' })),
  fc.constantFrom(null, undefined, 7, 'mark', [], {}),
);

/** So that not everything is refused at the first check. */
function mostly<T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 2, arbitrary: other });
}

/** Definitions that may stand together: what is below is never more open than what is above. */
export const scopeDefinitions: fc.Arbitrary<readonly ScopeDefinition[]> = fc
  .record({
    visibility: fc.array(fc.constantFrom(...visibilities), { minLength: 4, maxLength: 4 }),
    defined: fc.array(mostly(true, fc.boolean()), { minLength: 4, maxLength: 4 }),
    verbs: fc.array(mostly(null, fc.subarray([...markKinds])), { minLength: 4, maxLength: 4 }),
    topics: fc.array(mostly(null, fc.subarray([...topics])), { minLength: 4, maxLength: 4 }),
    conflicts: fc.array(fc.constantFrom(...conflictPolicies), { minLength: 4, maxLength: 4 }),
  })
  .map(({ visibility, defined, verbs, topics: named, conflicts }) => {
    const definitions: ScopeDefinition[] = [];
    scopePaths.forEach((path, i) => {
      if (!defined[i]) return;
      const above = definitions.filter((d) => path.startsWith(`${d.path}/`)).map((d) => d.visibility ?? 'open');
      const strictest = Math.max(...[...above, visibility[i]!].map((v) => visibilities.indexOf(v)));
      definitions.push({
        path,
        visibility: visibilities[strictest]!,
        conflicts: conflicts[i]!,
        ...(verbs[i] === null ? {} : { verbs: verbs[i]! }),
        ...(named[i] === null ? {} : { topics: named[i]! }),
      });
    });
    return definitions;
  });

const grant: fc.Arbitrary<Grant> = fc.record({
  scope: scopePath,
  read: fc.boolean(),
  write: mostly([...markKinds], fc.subarray([...markKinds])),
  source,
});

/** What each of the agents was given. */
export const members: fc.Arbitrary<readonly Member[]> = fc
  .tuple(...agents.map(() => fc.array(grant, { maxLength: 4, size: 'large' })))
  .map((given) => agents.map((id, i) => ({ id, grants: given[i]! })));

/** One thing that happens. `target` counts marks from the first; it wraps around. */
export type Step =
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'write'; readonly agent: string; readonly draft: unknown }
  | { readonly type: 'supersede'; readonly agent: string; readonly target: number }
  | { readonly type: 'warn'; readonly agent: string; readonly draft: Draft; readonly target: number }
  | {
      readonly type: 'act';
      readonly agent: string;
      readonly scope: string;
      readonly resource: string;
      readonly throws: boolean;
    }
  | { readonly type: 'close'; readonly agent: string; readonly target: number }
  | { readonly type: 'query'; readonly agent: string; readonly scope: string };

const anybody = fc.constantFrom(...agents, principal);
const target = fc.nat({ max: 20 });

/** What a few agents do over a day. */
export const timeline: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: durationMs }) },
    { weight: 5, arbitrary: fc.record({ type: fc.constant('write' as const), agent: anybody, draft: draftOf() }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('write' as const), agent: anybody, draft: badDraft }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('supersede' as const), agent: anybody, target }) },
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constant('warn' as const), agent: anybody, draft: draftOf(['warning']), target }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('act' as const),
        agent: anybody,
        scope: scopePath,
        resource,
        throws: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('close' as const), agent: anybody, target }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('query' as const), agent: anybody, scope: scopePath }) },
  ),
  { minLength: 4, maxLength: 24, size: 'large' },
);
