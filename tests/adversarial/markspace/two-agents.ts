import type { Draft, MarkKind } from '../../../markspace/check.ts';
import { markKinds } from '../../../markspace/check.ts';
import type { MarkspaceOptions } from '../../../markspace/guard.ts';
import type { Member } from '../../../markspace/scopes/access.ts';
import { createMemoryMarkStore } from '../../../markspace/stores/memory-store.ts';
import { openWorld, type World } from '../../markspace/properties/world.ts';

/** What p and q both use, what only p knows of, what q sees without content, and a corner of q's own. */
const scopes = [
  { path: 'x' },
  { path: 'hidden', visibility: 'classified' as const },
  { path: 'half', visibility: 'protected' as const },
  { path: 'corner', visibility: 'classified' as const },
];

/** q may leave observations, intents and needs in `x`, not warnings; p may do anything but in q's corner. */
const members: readonly Member[] = [
  {
    id: 'p',
    grants: ['x', 'hidden', 'half'].map((scope) => ({ scope, read: true, write: markKinds, source: 'fleet' })),
  },
  {
    id: 'q',
    grants: [
      { scope: 'x', read: true, write: ['intent', 'action', 'observation', 'need'], source: 'unverified' },
      { scope: 'corner', read: true, write: markKinds, source: 'fleet' },
    ],
  },
];

/** A space with a victim p and an attacker q. */
export function twoAgents(changes: Partial<MarkspaceOptions> = {}): World {
  return openWorld(createMemoryMarkStore(), { scopes, members, ...changes });
}

const fieldsOf: Record<MarkKind, object> = {
  intent: { resource: 'disk', action: 'use' },
  action: { resource: 'disk', action: 'use', result: 1, failed: false },
  observation: { content: 'said', source: 'unverified' },
  warning: { invalidates: null, reason: 'no', severity: 'high' },
  need: { question: 'what?', context: null, priority: 1, blocking: false },
};

/** A whole draft, with some fields changed. */
export function draftOf(kind: MarkKind, fields: object = {}, changes: object = {}): Draft {
  const topic = kind === 'observation' || kind === 'warning' ? 't' : null;
  return { kind, scope: 'x', topic, fields: { ...fieldsOf[kind], ...fields }, ...changes } as Draft;
}

/** What a refusal tells whoever asked: nothing else of it reaches an agent. */
export async function refusalOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
  } catch (error) {
    const { code, message, details } = error as { code: string; message: string; details: unknown };
    return JSON.stringify({ code, message, details });
  }
  return 'not refused';
}

/** Strength of a mark as the runtime sees it. */
export function strengthOf({ space }: World, id: string, scope = 'x'): number {
  return space.inspect({ scope, minStrength: 0, superseded: true }).find(({ mark }) => mark.id === id)!.strength;
}
