import type { Check, Draft } from '../check.ts';
import { admitted } from './verdict.ts';

/** How much a mark weighs when it is made: both in [0, 1]. */
export interface Assessment {
  readonly strength: number;
  readonly confidence: number;
}

/** The runtime's judgement, from measured consequence. Pure in what was measured before; the author has no say. */
export type Assess = (agent: string, draft: Draft) => Assessment;

/** Where nothing was measured: a mark counts in full, and an author is no surer than another. */
export const assessNothing: Assess = () => ({ strength: 1, confidence: 0 });

/** Refuses where the runtime cannot say what a mark weighs. */
export function assessmentCheck(assess: Assess): Check {
  return {
    name: 'assessment',
    judge({ agent, draft }) {
      const { strength, confidence } = assess(agent, draft);
      for (const share of [strength, confidence]) {
        if (!(share >= 0 && share <= 1)) throw new RangeError(`an assessment of ${share} is not in [0, 1]`);
      }
      return admitted(draft);
    },
  };
}
