import { z } from 'zod';
import type { Json } from '../src/core/json.ts';

/**
 * A mark: an immutable record in the shared space. Authors never set their
 * own strength or confidence; the runtime does, from measured consequence.
 */
const common = {
  id: z.string(),
  scope: z.string(),
  /** Who made it; written by the guard from the handle. */
  author: z.string(),
  /** By the run's clock; never before an earlier mark's of the same guard. */
  createdAtMs: z.number(),
  /** Position in the store's total order; set by the store. */
  order: z.int().nonnegative(),
  /** The mark this one takes the place of: of the same scope, and by its author or an authority. */
  supersedes: z.string().nullable(),
  /** Content kept elsewhere, by its hash, such as a published genome. */
  payload: z.string().nullable(),
  /** Base strength, before time, trust and warnings. */
  strength: z.number().min(0).max(1),
  /** What a check of the guard had to say, such as `untrusted`. */
  flags: z.array(z.string()).readonly(),
};

const json = z.json() as z.ZodType<Json>;
const share = z.number().min(0).max(1);

/** Whose word an observation is: the runtime's own agents, a verified outsider, anybody. */
export const sources = ['fleet', 'verified', 'unverified'] as const;
export type Source = (typeof sources)[number];

/** "I am about to." */
const intentSchema = z.strictObject({
  kind: z.literal('intent'),
  ...common,
  resource: z.string(),
  action: z.string(),
  confidence: share,
});

/** "I did." Written by the guard alone, after the tool was called. */
const actionSchema = z.strictObject({
  kind: z.literal('action'),
  ...common,
  resource: z.string(),
  action: z.string(),
  result: json,
  /** The tool threw; `result` says how. */
  failed: z.boolean(),
});

/** "It is so." */
const observationSchema = z.strictObject({
  kind: z.literal('observation'),
  ...common,
  topic: z.string(),
  content: json,
  /** 1 for what the environment measured. */
  confidence: share,
  source: z.enum(sources),
  /** What the niche measured, in its own unit; `null` where nothing was. */
  score: z.number().nullable(),
});

/** "It is not so", or with no mark in particular, "beware". */
const warningSchema = z.strictObject({
  kind: z.literal('warning'),
  ...common,
  /** The observation or action it weighs against. */
  invalidates: z.string().nullable(),
  topic: z.string(),
  reason: z.string(),
  /** The author's word for people; what a warning weighs is its strength. */
  severity: z.enum(['low', 'medium', 'high']),
});

/** "I need an answer." */
const needSchema = z.strictObject({
  kind: z.literal('need'),
  ...common,
  question: z.string(),
  context: json,
  /** The author's word, for sorting. */
  priority: share,
  /** Nothing goes on until somebody who may has answered. */
  blocking: z.boolean(),
});

/**
 * Reads today's marks and those of format 1, which had observations only: no
 * source, strength, flags or score, and the measured score as `confidence`.
 */
export const markSchema = z.preprocess(
  fromFormat1,
  z.discriminatedUnion('kind', [intentSchema, actionSchema, observationSchema, warningSchema, needSchema]),
);

function fromFormat1(value: unknown): unknown {
  const isOld = value !== null && typeof value === 'object' && 'confidence' in value && !('strength' in value);
  return isOld ? { ...value, strength: 1, flags: [], confidence: 1, source: 'fleet', score: value.confidence } : value;
}

export type Intent = z.output<typeof intentSchema>;
export type Action = z.output<typeof actionSchema>;
export type Observation = z.output<typeof observationSchema>;
export type Warning = z.output<typeof warningSchema>;
export type Need = z.output<typeof needSchema>;
export type Mark = Intent | Action | Observation | Warning | Need;
/** A mark before the store gave it its place. */
export type NewMark = Unplaced<Mark>;
/** One kind of it. */
export type Unplaced<M extends Mark> = M extends Mark ? Omit<M, 'order'> : never;
