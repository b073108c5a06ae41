/** A wait that ended with the event, or was watched for so long without it (right-censored). */
export interface Wait {
  /** Up to here it was watched; the event, if it came, came here. Not negative; any unit. */
  readonly time: number;
  readonly isReached: boolean;
}

export interface SurvivalStep {
  readonly time: number;
  /** Estimated share that still waits after `time`. */
  readonly survival: number;
}

/**
 * Product-limit estimate, a step for each time with an event. What is censored
 * at the time of an event was still waiting then.
 * @see Kaplan and Meier, Nonparametric estimation from incomplete observations (1958).
 */
export function kaplanMeier(waits: readonly Wait[]): SurvivalStep[] {
  const times = [...new Set(waits.filter((w) => w.isReached).map((w) => w.time))].sort((a, b) => a - b);
  let survival = 1;
  return times.map((time) => {
    const waiting = waits.filter((w) => w.time >= time).length;
    const events = waits.filter((w) => w.isReached && w.time === time).length;
    survival *= (waiting - events) / waiting;
    return { time, survival };
  });
}

/** The first time at which half of them have come; `null` when the estimate never falls so far. */
export function medianWait(waits: readonly Wait[]): number | null {
  return kaplanMeier(waits).find((step) => step.survival <= 0.5 + 1e-12)?.time ?? null;
}

/**
 * Mean wait, counting no more than `horizon` of each: the area under the
 * survival curve up to there.
 * @throws {RangeError} for no waits, or a horizon past the last one where that is censored: nothing is known there.
 */
export function restrictedMeanWait(waits: readonly Wait[], horizon: number): number {
  const last = Math.max(...waits.map((w) => w.time));
  const isKnown = last >= horizon || kaplanMeier(waits).at(-1)?.survival === 0;
  if (waits.length === 0 || !isKnown) throw new RangeError(`nothing is known of waits up to ${horizon}`);
  let area = 0;
  let from = { time: 0, survival: 1 };
  for (const step of kaplanMeier(waits).filter((s) => s.time < horizon)) {
    area += from.survival * (step.time - from.time);
    from = step;
  }
  return area + from.survival * (horizon - from.time);
}
