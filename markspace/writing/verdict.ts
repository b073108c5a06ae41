import type { Admission, Check, Draft, Operation, Refusal } from '../check.ts';

export function admitted(draft: Draft, flags: readonly string[] = []): Admission {
  return { allowed: true, draft, flags };
}

export function refused(check: string, rule: string, message: string, winner?: string): Refusal {
  return { allowed: false, check, rule, message, ...(winner === undefined ? {} : { winner }) };
}

/** For a scope that is not there and for one that is hidden, in the same words. */
export function unknownScope(check: string, scope: string): Refusal {
  return refused(check, 'unknown-scope', `there is no scope ${JSON.stringify(scope)}: use one that you were given`);
}

/** A check that only ever refuses: with what the function finds, if anything. */
export function check(name: string, problemOf: (operation: Operation) => Refusal | null): Check {
  return { name, judge: (operation) => problemOf(operation) ?? admitted(operation.draft) };
}
