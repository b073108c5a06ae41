import { type Check, defineActor, type RequestOf } from 'galapagos';
import { z } from 'zod';

/** An actor for the role `gate`: promotes only what is better by a margin. */
export default defineActor({
  role: 'gate',
  name: 'margin-gate',
  params: z.strictObject({ margin: z.number().nonnegative() }),
  create: (_ports, { margin }) => ({
    async handle({ candidate, best }: RequestOf<'gate'>) {
      if (candidate.failure !== null || candidate.selection?.status !== 'measured') {
        return { verdict: 'failed', checks: [{ name: 'measured', outcome: 'unknown', reason: 'there is no score' }] };
      }
      const gain = best?.selection.status === 'measured' ? candidate.selection.score - best.selection.score : null;
      const isBetter = gain === null || gain > margin;
      const check: Check = {
        name: 'margin',
        outcome: isBetter ? 'pass' : 'refuse',
        reason: gain === null ? 'nothing to compare with' : `${gain.toFixed(3)} against a margin of ${margin}`,
      };
      return { verdict: isBetter ? 'promoted' : 'archived', checks: [check] };
    },
    async [Symbol.asyncDispose]() {},
  }),
});
