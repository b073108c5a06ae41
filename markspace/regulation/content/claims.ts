import type { Json } from '../../../src/core/json.ts';
import { type Leaf, leavesOf } from '../leaves.ts';
import { allowed, type ContentPolicy, defineContentPolicy } from './policy.ts';
import { countWords, isScoreName, wordsOf } from './score-words.ts';
import { claimsInProse, numberIn, type StatedNumber } from './stated-numbers.ts';

/** Marks a number that is presented as a score and that the environment did not measure. */
export const untrusted = 'untrusted';

/**
 * Compares every number that looks like a score, by the name it stands under
 * or by the words around it, with what was measured. It rejects nothing: a
 * reader sees the flag.
 * @param measured - What the environment measured and the agent may speak of.
 */
export function claimPolicy(measured: (agent: string, scope: string) => Iterable<number>): ContentPolicy {
  return defineContentPolicy({
    name: 'claims',
    judge({ agent, scope, content }) {
      const claims = claimsIn(content);
      if (claims.length === 0) return allowed;
      const known = [...measured(agent, scope)];
      const isMeasured = (claim: StatedNumber) => known.some((value) => states(claim, value));
      return claims.every(isMeasured) ? allowed : { ruling: 'flag', flags: [untrusted] };
    },
  });
}

/** Numbers that content presents as scores. Pure. */
export function claimsIn(content: Json): readonly StatedNumber[] {
  const claims: StatedNumber[] = [];
  for (const { keys, value } of leavesOf(content)) {
    if (!mayHoldNumber(value)) continue;
    const isNamed = keys.some(isScoreName) && !wordsOf(keys.at(-1) ?? '').some((word) => countWords.has(word));
    const stated = isNamed ? numberIn(value) : null;
    if (stated !== null) claims.push(stated);
    else if (typeof value === 'string') claims.push(...claimsInProse(value, isNamed));
  }
  return claims;
}

const mayHoldNumber = (value: Leaf['value']) =>
  typeof value === 'number' || (typeof value === 'string' && /[^\x00-\x2f\x3a-\x7f]/.test(value));

/** Whether a stated number is a measured one, rounded as it was written. */
function states({ value, decimals, scale }: StatedNumber, measured: number): boolean {
  const isRounded = (stated: number, places: number) => {
    // A whole number is not taken for a rounded one: "accuracy 1" would be anything from 0.5.
    const slack = places > 0 ? 0.5 * 10 ** -places : 0;
    return Math.abs(stated - measured) <= slack + 1e-9 * Math.max(1, Math.abs(measured));
  };
  if (isRounded(value, decimals)) return true;
  return scale === 'percent' && isRounded(value / 100, decimals + 2);
}
