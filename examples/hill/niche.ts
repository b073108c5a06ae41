import { defineNiche } from 'galapagos';
import { z } from 'zod';

/** A niche: hands out situations, and measures answers by its own means. */
export default defineNiche({
  name: 'hill',
  params: z.strictObject({ top: z.number() }),
  create: ({ top }) => ({
    name: 'hill',
    version: `1-${top}`,
    situations: ({ split, count }) =>
      Array.from({ length: count }, (_, i) => ({ id: `${split}-${i}`, split, input: { question: 'where are you?' } })),
    measure: (_situation, { output }) => {
      const x = (output as { x?: unknown } | undefined)?.x;
      if (typeof x !== 'number' || !Number.isFinite(x)) {
        return { status: 'failed', reason: 'no-answer', message: 'the answer has no finite number x' };
      }
      return { status: 'measured', score: 100 - (x - top) ** 2, details: { x } };
    },
  }),
});
