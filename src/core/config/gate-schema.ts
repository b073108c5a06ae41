import { z } from 'zod';
import { regularExpression } from './regular-expression.ts';

const positive = z.int().positive();
const errorRate = z.number().gt(0).lte(0.5);

/** What a candidate must show besides being valid and measured. Left out, a check is not made. */
export const gateSchema = z.strictObject({
  improvement: z
    .strictObject({
      /**
       * `strict`: a higher score is better, which is right where measuring has no noise. `paired`: it must be higher
       * beyond noise on the same items.
       */
      test: z.enum(['strict', 'paired']).default('strict'),
      /** Chance of promoting what is no better. */
      errorRate: errorRate.default(0.05),
      /** Whether that is the chance for each generation, or for any in the whole lineage. */
      per: z.enum(['generation', 'lineage']).default('generation'),
      /** More looks at a candidate that seems better, each on so many items that were never used. The error rate is split evenly. */
      looks: z.int().nonnegative().max(20).default(0),
      itemsPerLook: positive.default(25),
    })
    .prefault({}),
  size: z
    .strictObject({
      maxBytes: positive.optional(),
      maxFiles: positive.optional(),
      /** A child may have so many times its parent's bytes; what stays under `alwaysBytes` may grow as it likes. */
      maxGrowth: z.number().gt(1).optional(),
      alwaysBytes: z.int().nonnegative().default(8_192),
    })
    .optional(),
  complacency: z
    .strictObject({
      /** So many edits in a row that explore nothing are too many. */
      edits: z.int().min(2).max(100).default(3),
    })
    .optional(),
  /** Lines that hold the agent back and must not go: a file that had one must keep one. */
  constraints: z
    .array(z.strictObject({ files: regularExpression, pattern: regularExpression, why: z.string().min(1) }))
    .default([]),
  regression: z
    .strictObject({
      /** Chance of refusing, for flakiness alone, a candidate that broke nothing. */
      errorRate: errorRate.default(0.05),
      /** A measured item is frozen when its score is above this. */
      freezeAbove: z.number().default(0),
      /** A frozen item is broken by a score that is lower by more than this. */
      tolerance: z.number().nonnegative().default(0),
      /** How often an unchanged agent breaks an item, before anything is known, and how many re-tests that guess is worth. 0: never. */
      flakiness: z.number().min(0).lt(1).default(0.05),
      flakinessWeight: z.number().gt(0).default(2),
      /**
       * Measurements of broken items that one candidate may ask for, and as many of the best. 0: flakiness is taken for
       * what is assumed.
       */
      retestItems: z.int().nonnegative().default(24),
    })
    .optional(),
});
export type GateConfig = Readonly<z.output<typeof gateSchema>>;
