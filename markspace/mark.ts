import { z } from 'zod';

/**
 * A mark: an immutable record in the shared space. Authors never set their
 * own strength or confidence; the runtime does, from measured consequence.
 */
export const observationSchema = z.strictObject({
  kind: z.literal('observation'),
  id: z.string(),
  scope: z.string(),
  /** Lineage that made it; written by the guard from the handle. */
  author: z.string(),
  createdAtMs: z.number(),
  /** Position in the store's total order; set by the store. */
  order: z.int().nonnegative(),
  topic: z.string(),
  content: z.json(),
  /** The selection score the niche measured. */
  confidence: z.number(),
  supersedes: z.string().nullable(),
  /** Genome id of a published strategy. */
  payload: z.string().nullable(),
});
export const markSchema = z.discriminatedUnion('kind', [observationSchema]);
export type Mark = z.output<typeof markSchema>;
/** A mark before the store gave it its place. */
export type NewMark = Omit<Mark, 'order'>;
