import { z } from 'zod';
import type { Json } from '../../src/core/json.ts';
import { toolOutcomesSchema } from '../../src/core/records.ts';

const count = z.int().nonnegative();

const frozenSchema = z.strictObject({
  situation: z.string(),
  /** Where the situation stands in the selection split. */
  place: count,
  capability: z.string(),
  /** The generation whose answer is frozen, and the score it had. */
  generation: count,
  score: z.number(),
  /** Re-tests of the best agent on it, and how many of them broke it: its flakiness. */
  trials: count,
  breaks: count,
  /** The generation whose answer stood here before. */
  supersedes: count.nullable(),
});
/** A validated trajectory: situation, the generation that answered it, and what its environment measured. */
export type Frozen = z.output<typeof frozenSchema>;

const editSchema = z.strictObject({
  generation: count,
  calls: count,
  toolCalls: count,
  changed: z.enum(['code', 'prose', 'nothing']),
  /** What became of its tool calls; left out: not known. */
  tools: toolOutcomesSchema.optional(),
});
/** What an edit did, as far as it shows whether the agent still explores. */
export type EditConduct = z.output<typeof editSchema>;

const memorySchema = z.strictObject({
  /** Candidates that were measured and judged. */
  judged: count,
  /** The first place of the selection split that was never used; 0 before any re-test. */
  nextPlace: count,
  edits: z.array(editSchema),
  library: z.array(frozenSchema),
  /** Promoted generations: whose child, and from which peer's generation they took code. */
  promoted: z.array(
    z.strictObject({
      generation: count,
      parent: count,
      adopted: z.strictObject({ lineage: z.string(), generation: count }).nullable(),
    }),
  ),
});
export type GateMemory = z.output<typeof memorySchema>;

export const noMemory: GateMemory = { judged: 0, nextPlace: 0, edits: [], library: [], promoted: [] };

/** Its own words of the generation before; only this gate writes them. */
export function recall(memory: Json): GateMemory {
  return memory === null ? noMemory : memorySchema.parse(memory);
}
