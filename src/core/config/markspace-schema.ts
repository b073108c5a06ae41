import { z } from 'zod';
import { isToken } from '../ids.ts';

const token = z.string().refine(isToken, { error: 'use 1 to 63 of a-z, 0-9 and "-"' });
const positive = z.int().positive();

const units = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const durationText = /^(\d+(?:\.\d+)?) ?(ms|s|min|h|d)$/;

const howToWrite =
  'write a number of rounds (decay.clock: rounds) or a time such as 90s, 30min, 6h or 1d (decay.clock: wall)';

/** A number of rounds, or a time such as `6h`, whichever the clock of the marks counts. */
const duration = z.union(
  [z.number().positive(), z.string().refine((text) => durationOf(text) > 0, { error: howToWrite })],
  { error: howToWrite },
);
export type Duration = number | string;

/** In the unit of the clock: rounds, or milliseconds; not a number for a text that is no time. */
export function durationOf(given: Duration): number {
  if (typeof given === 'number') return given;
  const [, amount, unit] = durationText.exec(given) ?? [];
  return amount === undefined ? Number.NaN : Number(amount) * units[unit as keyof typeof units];
}

/** One attempt takes about an hour, so where rounds are counted, one stands for an hour; an intent is still seen in the next one. */
const transferTimes = {
  wall: { halfLife: '24h', warningHalfLife: '12h', intentTtl: '1h' },
  rounds: { halfLife: 24, warningHalfLife: 12, intentTtl: 2 },
} as const;

const decaySchema = z.strictObject({
  /** What marks age by. Default: `rounds` where lineages see marks or are regulated, `wall` otherwise. */
  clock: z.enum(['wall', 'rounds']).optional(),
  halfLife: duration.optional(),
  warningHalfLife: duration.optional(),
  intentTtl: duration.optional(),
});

const kinds = z.enum(['intent', 'action', 'observation', 'warning', 'need']);

const scopeSchema = z.strictObject({
  /** `open`: every lineage reads; `protected`: all but the content; `classified`: members only, and nobody else knows of it. */
  visibility: z.enum(['open', 'protected', 'classified']).optional(),
  /** Who writes here and reads the content. Default: every lineage. */
  members: z.array(token).min(1).optional(),
  /** Kinds of marks; `action` is the right to act. Default: all. */
  verbs: z.array(kinds).min(1).optional(),
  /** Topics of observations and warnings. Default: any. */
  topics: z.array(z.string().min(1)).min(1).optional(),
  /** Who goes on when several want one resource. */
  conflicts: z.enum(['first-writer', 'highest-confidence', 'yield-all']).optional(),
  /** Conflicts are resolved every so often, or when so many wait, instead of at once. */
  deferred: z.strictObject({ every: duration, maxPending: positive }).optional(),
  halfLife: duration.optional(),
  warningHalfLife: duration.optional(),
  intentTtl: duration.optional(),
  /** Operations in any window, here and below. */
  rate: z.strictObject({ perAgent: positive.optional(), total: positive.optional(), window: duration }).optional(),
  /** Marks that one lineage may leave, here and below. */
  quota: positive.optional(),
});

const envelopeSchema = z.strictObject({
  /** Default: one round, or 60 s. */
  window: duration.optional(),
  /** Windows in which nobody is flagged. */
  learningWindows: z.int().min(3).optional(),
  coldWindows: z.int().min(3).optional(),
  suspectSigmas: z.number().positive().optional(),
  flagSigmas: z.number().positive().optional(),
  driftFactor: z.number().gt(1).optional(),
});

const regulationSchema = z.strictObject({
  /** Watches how much each lineage does, and closes a scope to one that does far more than usual. */
  envelope: z.union([z.boolean(), envelopeSchema]).default(false),
  /** Scopes with a flag from which on everything is closed to a lineage. */
  flagsUntilAll: positive.default(3),
  /** Closed from the start: a scope, to a lineage or to all. */
  barriers: z
    .array(z.strictObject({ scope: z.string().min(1), lineage: token.optional(), reason: z.string().min(1) }))
    .default([]),
  /** What a lineage may use before the guard refuses its operations; a need asks for more at the share `warnAt`. */
  budgets: z
    .array(
      z.strictObject({
        lineage: token.optional(),
        dimension: z.enum(['calls', 'tokens', 'usd']),
        limit: z.number().positive(),
        warnAt: z.number().gt(0).max(1).default(0.8),
      }),
    )
    .default([]),
  /** Canary marks: does a lineage report what it was shown? */
  probes: z
    .strictObject({
      /** Rounds between two probes of a lineage. */
      every: positive,
      /** How long a lineage has for its report. */
      answer: duration,
      /** Where they lie. An innocent name: lineages see it. */
      scope: token.default('readings'),
    })
    .optional(),
  /** Policies about what observations say. */
  content: z
    .strictObject({
      maxBytes: positive.default(16_384),
      secrets: z.boolean().default(true),
      /** Flags numbers that are presented as scores and were not measured. */
      claims: z.boolean().default(true),
    })
    .prefault({}),
});

const isUsed = (section: object) => Object.keys(section).length > 0;

/** Fills in what depends on the clock, and the clock itself. */
export const markspaceSchema = z
  .strictObject({
    /** Where marks live. `memory` cannot be resumed; `nats` needs a server. */
    store: z.enum(['file', 'memory', 'nats']).default('file'),
    decay: decaySchema.prefault({}),
    /** By path: `a/b` lies in `a` and inherits from it. What lineages may leave for each other. */
    scopes: z.record(z.string(), scopeSchema).default({}),
    /** Default: content policies where there are scopes, nothing otherwise. */
    regulation: regulationSchema.optional(),
  })
  .transform(({ decay, ...rest }) => {
    const regulation = rest.regulation ?? (isUsed(rest.scopes) ? regulationSchema.parse({}) : undefined);
    const clock = decay.clock ?? (regulation === undefined ? 'wall' : 'rounds');
    return {
      ...rest,
      decay: {
        clock,
        halfLife: decay.halfLife ?? transferTimes[clock].halfLife,
        warningHalfLife: decay.warningHalfLife ?? transferTimes[clock].warningHalfLife,
        intentTtl: decay.intentTtl ?? transferTimes[clock].intentTtl,
      },
      ...(regulation === undefined ? {} : { regulation }),
    };
  });

export type MarkspaceConfig = z.output<typeof markspaceSchema>;
export type ScopeConfig = z.output<typeof scopeSchema>;
export type RegulationConfig = z.output<typeof regulationSchema>;
