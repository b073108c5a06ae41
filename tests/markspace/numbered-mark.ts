import type { Mark, Observation, Unplaced } from '../../markspace/mark.ts';

/** A mark whose content follows from its id and number, so that a half of one is seen. */
export function numberedMark(id: string, scope: string, n: number): Unplaced<Observation> {
  return {
    kind: 'observation',
    id,
    scope,
    author: 'w',
    createdAtMs: n,
    topic: 'strategy',
    content: { id, padding: 'x'.repeat((n * 37) % 900) },
    confidence: 1,
    source: 'fleet',
    score: n,
    supersedes: null,
    payload: null,
    strength: 1,
    flags: [],
  };
}

/** Whether a mark is exactly what `numberedMark` made of its id and number. */
export function isWhole(mark: Mark): boolean {
  const { order, ...rest } = mark as Observation;
  return Number.isSafeInteger(order) && isSame(rest, numberedMark(mark.id, mark.scope, mark.createdAtMs));
}

const isSame = (a: object, b: object) => JSON.stringify(a) === JSON.stringify(b);

/** What a compaction in the tests keeps: two of three. */
export function isKept(mark: { readonly createdAtMs: number }): boolean {
  return mark.createdAtMs % 3 !== 0;
}
