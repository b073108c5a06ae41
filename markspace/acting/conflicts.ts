import type { ConflictPolicy, Deferred } from '../scopes/definition.ts';

/** A point in the space's history: times alone leave open what came first within a millisecond. */
export interface Moment {
  readonly atMs: number;
  /** Marks of that millisecond up to this order came before. */
  readonly order: number;
}

/** An intent on one resource, as far as a conflict looks at it. */
export interface Contender {
  readonly id: string;
  readonly author: string;
  readonly confidence: number;
  /** `order` is infinite while the intent is not kept yet. */
  readonly made: Moment;
  /** When it was superseded, `null` while it stands. */
  readonly ended: Moment | null;
  /** Whose word ends a conflict in which everybody yields. */
  readonly isPrincipal: boolean;
}

/** Whether an intent could be acted on at that moment. */
export function isLive({ made, ended }: Contender, moment: Moment, ttlMs: number): boolean {
  const isOver = ended !== null && !isAfter(ended, moment);
  return !isAfter(made, moment) && !isOver && moment.atMs - made.atMs < ttlMs;
}

function isAfter(a: Moment, b: Moment): boolean {
  return a.atMs > b.atMs || (a.atMs === b.atMs && a.order > b.order);
}

/** After everything that has happened. */
export const atPresent = (nowMs: number): Moment => ({ atMs: nowMs, order: Number.POSITIVE_INFINITY });

/**
 * Who may go on, or `null` when all must yield. Depends on nothing but the
 * intents and their order.
 * @param contenders - Oldest first.
 */
export function winnerOf<C extends Contender>(policy: ConflictPolicy, contenders: readonly C[]): C | null {
  switch (policy) {
    case 'first-writer':
      return contenders[0] ?? null;
    case 'highest-confidence':
      return best(contenders, (a, b) => a.confidence > b.confidence);
    case 'yield-all': {
      const spoken = contenders.find((c) => c.isPrincipal);
      const isAlone = contenders.every((c) => c.author === contenders[0]!.author);
      return spoken ?? (isAlone ? (contenders[0] ?? null) : null);
    }
  }
}

/**
 * The last boundary that has passed on one resource. There is one at every
 * multiple of the period, before anything that happens then, and within a
 * period one whenever `maxPending` agents have asked since the last, right
 * after the last of them.
 * @param intents - Oldest first, with times that never go back.
 */
export function lastBoundary(deferred: Deferred, intents: readonly Contender[], nowMs: number): Moment {
  let boundary: Moment = { atMs: nowMs - mod(nowMs, deferred.everyMs), order: -1 };
  let waiting = new Set<string>();
  for (const { author, made } of intents) {
    // What is not kept yet has not asked.
    if (made.atMs < boundary.atMs || made.order === Number.POSITIVE_INFINITY) continue;
    waiting.add(author);
    if (waiting.size < deferred.maxPending) continue;
    boundary = made;
    waiting = new Set();
  }
  return boundary;
}

/** The next boundary on the clock; one may come earlier when many ask. */
export function nextBoundaryMs(deferred: Deferred, nowMs: number): number {
  return nowMs - mod(nowMs, deferred.everyMs) + deferred.everyMs;
}

/** Who won at a boundary: whoever would, had all that were live then been judged at once. */
export function winnerAt<C extends Contender>(
  boundary: Moment,
  policy: ConflictPolicy,
  intents: readonly C[],
  ttlMs: number,
): C | null {
  return winnerOf(
    policy,
    intents.filter((intent) => isLive(intent, boundary, ttlMs)),
  );
}

function best<T>(items: readonly T[], isBetter: (a: T, b: T) => boolean): T | null {
  return items.reduce<T | null>((found, item) => (found === null || isBetter(item, found) ? item : found), null);
}

function mod(value: number, by: number): number {
  return ((value % by) + by) % by;
}
