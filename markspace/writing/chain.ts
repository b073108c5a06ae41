import type { Check, Draft, Operation, Verdict } from '../check.ts';
import { problemOf } from './draft.ts';
import { admitted, refused } from './verdict.ts';

/** Checks one after another: what one rewrites, the next one sees, and the first refusal ends it. */
export interface Chain {
  judge(operation: Operation): Verdict;
  /** Tells every check. */
  observe(operation: Operation, verdict: Verdict): void;
}

export function createChain(checks: readonly Check[]): Chain {
  return {
    judge(operation) {
      let asked = operation;
      const flags = new Set<string>();
      for (const check of checks) {
        const verdict = check.judge(asked);
        if (!verdict.allowed) return verdict;
        if (verdict.draft !== asked.draft) asked = { ...asked, draft: verdict.draft };
        for (const flag of verdict.flags) flags.add(flag);
      }
      return admitted(asked.draft, [...flags]);
    },
    observe(operation, verdict) {
      for (const check of checks) check.observe?.(operation, verdict);
    },
  };
}

/**
 * A check that fails closed: one that throws, or answers with what is no
 * verdict, refuses; one that could not take note of an operation knows too
 * little to judge the next, and refuses from then on.
 * @param onFailure - Told of what was thrown; its words are not for agents.
 */
export function failClosed(check: Check, onFailure: (error: unknown) => void): Check {
  let isBroken = false;
  const failure = () =>
    refused(check.name, 'check-failed', `the check ${check.name} failed: nothing is allowed until it works again`);
  return {
    name: check.name,
    judge(operation) {
      if (isBroken) return failure();
      try {
        const verdict = check.judge(operation);
        if (!verdict.allowed) return verdict;
        const problem = problemOfRewrite(operation.draft, verdict.draft);
        if (problem !== null) throw new TypeError(problem);
        return verdict;
      } catch (error) {
        onFailure(error);
        return failure();
      }
    },
    observe(operation, verdict) {
      try {
        check.observe?.(operation, verdict);
      } catch (error) {
        isBroken = true;
        onFailure(error);
      }
    },
  };
}

/** A check may rewrite what a mark says, not where it lies or what it is. */
function problemOfRewrite(before: Draft, after: Draft): string | null {
  if (after === before) return null;
  const isMoved = after.kind !== before.kind || after.scope !== before.scope || after.topic !== before.topic;
  return isMoved ? 'a check changed the kind, scope or topic of a draft' : problemOf(after);
}
