import { z } from 'zod';
import type { Json } from '../../src/core/json.ts';
import { type Check, type Draft, type MarkKind, markKinds } from '../check.ts';
import { type NewMark, sources } from '../mark.ts';
import { plainCopy, vouchFor } from '../plain.ts';
import { isScope } from '../scope.ts';
import type { Access } from '../scopes/access.ts';
import { check, refused, unknownScope } from './verdict.ts';

/** A mark is a note; what is larger belongs in a payload. In UTF-16 units of JSON. */
const maxLength = 262_144;
/** Levels of lists and objects. */
const maxDepth = 32;

const name = z.string().min(1).max(256);
const prose = z.string().min(1).max(4_096);
/** Whatever it is, it came out of `keepable`. */
const json = z.custom<Json>((value) => value !== undefined, 'is missing');
const supersedes = { supersedes: z.string().nullable().optional() };

/** What an author may say. Strength, confidence and score are not among it: the runtime sets them. */
const fieldSchemas = {
  intent: z.strictObject({ resource: name, action: name, ...supersedes }),
  action: z.strictObject({ resource: name, action: name, result: json, failed: z.boolean(), ...supersedes }),
  observation: z.strictObject({ content: json, source: z.enum(sources), ...supersedes }),
  warning: z.strictObject({
    invalidates: z.string().nullable(),
    reason: prose,
    severity: z.enum(['low', 'medium', 'high']),
    ...supersedes,
  }),
  need: z.strictObject({
    question: prose,
    context: json,
    priority: z.number().min(0).max(1),
    blocking: z.boolean(),
    ...supersedes,
  }),
} as const satisfies Record<MarkKind, z.ZodType>;

const draftSchema = z.strictObject({
  kind: z.enum(markKinds),
  scope: z.string().refine(isScope, 'not a scope: tokens of a-z, 0-9 and "-", joined by "/"'),
  topic: z.string().min(1).max(256).nullable(),
  fields: z.custom<object>((fields) => typeof fields === 'object' && fields !== null && !Array.isArray(fields), {
    error: 'not an object',
  }),
});

/**
 * A copy that its author no longer holds, with the shape of a draft.
 * @returns what is wrong, in words, for anything else.
 */
export function copyDraft(given: unknown): Draft | string {
  const copy = plainCopy(given, maxLength, maxDepth);
  if (copy === undefined) return `it is not JSON of at most ${maxLength} characters and ${maxDepth} levels`;
  const parsed = draftSchema.safeParse(copy);
  if (!parsed.success) return inWords(parsed.error);
  const draft = copy as unknown as Draft;
  for (const name in draft.fields) vouchFor(draft.fields[name]!);
  return draft;
}

/** A copy of what can be kept in a mark, `undefined` for anything else. Nothing to say is `null`. */
export function keepable(value: unknown): Json | undefined {
  const copy = plainCopy(value, maxLength, maxDepth);
  if (copy !== undefined) vouchFor(copy);
  return copy;
}

/** What is wrong with a draft's topic or fields, or `null`. */
export function problemOf({ kind, topic, fields }: Draft): string | null {
  const needsTopic = kind === 'observation' || kind === 'warning';
  if (needsTopic !== (topic !== null)) return needsTopic ? `a ${kind} needs a topic` : `a ${kind} has no topic`;
  const parsed = fieldSchemas[kind].safeParse(fields);
  return parsed.success ? null : inWords(parsed.error);
}

/** The words may quote names that the author chose. */
function inWords(error: z.ZodError): string {
  return z.prettifyError(error).slice(0, 400);
}

/**
 * First of every write: a whole mark of a kind that agents write, in a scope
 * that the agent may know of. Whatever is asked of a hidden scope ends here,
 * in the words for one that does not exist.
 */
export function kindCheck(access: Access): Check {
  return check('kind', ({ agent, scope, draft }) => {
    if (draft.kind === 'action') {
      return refused('kind', 'action', 'an action is written when a tool was called: use act');
    }
    const problem = problemOf(draft);
    if (problem !== null) return refused('kind', 'malformed', `this is no ${draft.kind}: ${problem}`);
    return access.isKnownTo(agent, scope) ? null : unknownScope('kind', scope);
  });
}

/** What the runtime adds to a draft. */
export interface Stamp {
  readonly id: string;
  readonly author: string;
  readonly createdAtMs: number;
  readonly strength: number;
  readonly confidence: number;
  readonly flags: readonly string[];
  /** Of an observation that the niche measured. */
  readonly score: number | null;
  readonly payload: string | null;
}

/** The mark that a draft without problems becomes. */
export function toMark({ kind, scope, topic, fields }: Draft, stamp: Stamp): NewMark {
  // The runtime's word comes last.
  const mark: Record<string, unknown> = { supersedes: null, ...fields };
  mark.kind = kind;
  mark.scope = scope;
  mark.id = stamp.id;
  mark.author = stamp.author;
  mark.createdAtMs = stamp.createdAtMs;
  mark.strength = stamp.strength;
  mark.flags = stamp.flags;
  mark.payload = stamp.payload;
  if (kind === 'observation' || kind === 'warning') mark.topic = topic;
  if (kind === 'observation' || kind === 'intent') mark.confidence = stamp.confidence;
  if (kind === 'observation') mark.score = stamp.score;
  return mark as unknown as NewMark;
}
