/** A lineage that scored, fell to nothing for several generations, and scored again at once. Indices into the curve. */
export interface CrashRecovery {
  readonly from: number;
  /** The last generation at nothing. */
  readonly to: number;
  readonly recovery: number;
}

/** Whether the published definitions, which are of scores from 0 to 1, can be applied. */
export function isFromZeroToOne(scores: readonly (number | null)[]): boolean {
  return scores.every((score) => score === null || (score >= 0 && score <= 1));
}

export const crashRule = { nothing: 0.01, something: 0.4, minLength: 2 } as const;

/**
 * At least 2 scores in a row of at most .01 after one above .4, directly
 * followed by one above .4.
 *
 * @param scores - By generation. A generation that was not measured is `null`:
 *   it ends a crash, as in the publication's own analysis (invalid counted as
 *   −1). Pass 0 instead to count it as one, which finds more.
 * @see Cross-Agent+Model Evolution of Self-Modifying Code, its crash-recovery events.
 */
export function crashRecoveries(scores: readonly (number | null)[]): CrashRecovery[] {
  const isNothing = (i: number) => i < scores.length && scores[i] !== null && scores[i]! <= crashRule.nothing;
  const isSomething = (i: number) => (scores[i] ?? 0) > crashRule.something;
  const events: CrashRecovery[] = [];
  let hasScored = false;
  for (let i = 0; i < scores.length; i += 1) {
    hasScored ||= isSomething(i);
    if (!hasScored || !isNothing(i)) continue;
    const from = i;
    while (isNothing(i + 1)) i += 1;
    if (i - from + 1 >= crashRule.minLength && isSomething(i + 1)) events.push({ from, to: i, recovery: i + 1 });
  }
  return events;
}

/** A lineage that had read its peers and stopped. Indices into the generations. */
export interface Neglect {
  readonly lastRead: number;
  /** The first generation that did not read, and how many did not in a row. */
  readonly from: number;
  readonly length: number;
}

export const neglectLength = 3;

/**
 * At least 3 generations in a row without a read, after one that read. The
 * publication reports the last of them.
 * @param reads - By generation; `null` where it is not known. What is not known is no neglect, and ends one.
 */
export function neglects(reads: readonly (boolean | null)[]): Neglect[] {
  const events: Neglect[] = [];
  for (let i = 0; i < reads.length; i += 1) {
    if (reads[i] !== true || reads[i + 1] !== false) continue;
    let end = i + 1;
    while (reads[end] === false) end += 1;
    if (end - (i + 1) >= neglectLength) events.push({ lastRead: i, from: i + 1, length: end - (i + 1) });
  }
  return events;
}
