import fc from 'fast-check';
import type { Check, Draft, MarkKind, Operation, Verdict } from '../../../markspace/check.ts';
import { createChain } from '../../../markspace/writing/chain.ts';
import type { Json } from '../../../src/core/json.ts';

export const minuteMs = 60_000;

export function anObservation(content: Json = 'it is so', topic = 't', scope = 'x'): Draft {
  return { kind: 'observation', scope, topic, fields: { content, source: 'unverified' } };
}

export function aDraft(kind: MarkKind, scope: string, content: Json = 'it is so'): Draft {
  switch (kind) {
    case 'observation':
      return anObservation(content, 't', scope);
    case 'warning':
      return { kind, scope, topic: 't', fields: { invalidates: null, reason: 'no', severity: 'low' } };
    case 'need':
      return { kind, scope, topic: null, fields: { question: '?', context: content, priority: 0, blocking: false } };
    default:
      return { kind, scope, topic: null, fields: { resource: 'disk', action: 'use' } };
  }
}

export function anOperation(agent: string, atMs: number, draft: Draft = anObservation()): Operation {
  return { agent, type: draft.kind === 'action' ? 'act' : 'write', scope: draft.scope, atMs, draft };
}

/** Judges and observes, as the guard does. */
export function through(checks: readonly Check[], operation: Operation): Verdict {
  const chain = createChain(checks);
  const verdict = chain.judge(operation);
  chain.observe(operation, verdict);
  return verdict;
}

export const agents = ['p', 'q'] as const;
export const scopes = ['x', 'x/y', 'x/y/z', 'w'] as const;
const kinds = ['intent', 'action', 'observation', 'warning', 'need'] as const;

/** Operations of a few agents in a few scopes, in the order of their times, often several at once. */
export function operations(maxGapMs = 2 * minuteMs): fc.Arbitrary<readonly Operation[]> {
  const one = fc.record({
    agent: fc.constantFrom(...agents),
    scope: fc.constantFrom(...scopes),
    kind: fc.constantFrom(...kinds),
    gapMs: fc.oneof(fc.constantFrom(0, 0, 1, 1_000, 1_000, minuteMs), fc.nat({ max: maxGapMs })),
    content: fc.oneof(fc.constant('short'), fc.string({ maxLength: 2_000 })),
  });
  return fc.array(one, { maxLength: 60 }).map((list) => {
    let atMs = 0;
    return list.map(({ agent, scope, kind, gapMs, content }) => {
      atMs += gapMs;
      return anOperation(agent, atMs, aDraft(kind, scope, content));
    });
  });
}

/** As many operations in each window as the list says, evenly spread. */
export function inWindows(agent: string, counts: readonly number[], scope = 'x', fromMs = 0): readonly Operation[] {
  return counts.flatMap((count, window) =>
    Array.from({ length: count }, (_, i) => {
      const atMs = fromMs + window * minuteMs + Math.floor((i * minuteMs) / count);
      return anOperation(agent, atMs, anObservation('it is so', 't', scope));
    }),
  );
}
