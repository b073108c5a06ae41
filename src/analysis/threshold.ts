import { type CurvePoint, type LineageOutcome, lineageIds } from './lineage-outcome.ts';
import { censoredPairsTest } from './statistics/censored-pairs.ts';
import { correctedByHolm } from './statistics/holm.ts';
import { rulesByN } from './statistics/paired-inference.ts';
import { maxSignFlipN, type SignFlipTest } from './statistics/sign-flip.ts';
import { median } from './statistics/summary.ts';
import { medianWait, restrictedMeanWait, type Wait } from './statistics/survival.ts';
import { type Control, controls } from './transfer.ts';

/**
 * Generations until the best score so far is at least `threshold`; censored at
 * the last generation. `null` for a lineage without generations.
 */
export function waitFor(threshold: number, curve: readonly CurvePoint[]): Wait | null {
  const reached = curve.find((p) => p.best !== null && p.best >= threshold);
  const last = curve.at(-1);
  if (last === undefined) return null;
  return { time: (reached ?? last).generation, isReached: reached !== undefined };
}

/** One seed's waits in both arms. */
export interface WaitPoint {
  readonly seed: number;
  readonly paired: Wait;
  readonly control: Wait;
}

/** How long one lineage took to a threshold, paired against one control. */
export interface ThresholdComparison {
  readonly lineage: string;
  readonly control: Control;
  readonly threshold: number;
  readonly points: readonly WaitPoint[];
  /** `null` for three seeds or fewer. */
  readonly inference: WaitInference | null;
}

export interface WaitInference {
  /** Kaplan-Meier medians; `null` where fewer than half got there. */
  readonly median: { readonly paired: number | null; readonly control: number | null };
  /** Mean wait up to `horizon`, control less paired: generations that pairing saves. */
  readonly saved: number;
  /** The longest time for which both arms were watched in every seed. */
  readonly horizon: number;
  /** Exact, two-sided; `null` above the n that is enumerated. */
  readonly test: SignFlipTest | null;
  readonly holmP: number | null;
}

/**
 * One comparison per control, lineage and threshold that has seeds in both arms.
 * @param thresholds - Scores that somebody stated; without any, see {@link thresholdsFor}.
 */
export function thresholdComparisons(
  outcomes: readonly LineageOutcome[],
  thresholds: readonly number[] = [],
): ThresholdComparison[] {
  const comparisons = controls.flatMap((control) =>
    lineageIds(outcomes).flatMap((lineage) =>
      thresholdsFor(outcomes, lineage, thresholds).flatMap((threshold): ThresholdComparison[] => {
        const points = waitPoints(outcomes, lineage, control, threshold);
        return points.length === 0 ? [] : [{ lineage, control, threshold, points, inference: inferenceOf(points) }];
      }),
    ),
  );
  return correctedByHolm(
    comparisons,
    (c) => c.inference?.test?.p ?? null,
    (c, holmP) => ({ ...c, inference: { ...c.inference!, holmP } }),
  );
}

/**
 * The stated thresholds, or else the lineage's median best score over the
 * paired runs and their controls: it does not know which arm a run is of, so
 * choosing it leaves the test exact. Empty where nothing was measured.
 */
export function thresholdsFor(
  outcomes: readonly LineageOutcome[],
  lineage: string,
  stated: readonly number[],
): readonly number[] {
  if (stated.length > 0) return outcomes.some((o) => o.lineage === lineage && o.best !== null) ? stated : [];
  return [pooledThreshold(outcomes, lineage)].filter((threshold) => threshold !== null);
}

function pooledThreshold(outcomes: readonly LineageOutcome[], lineage: string): number | null {
  const arms: readonly string[] = ['paired', ...controls];
  const best = outcomes
    .filter((o) => o.lineage === lineage && arms.includes(o.arm))
    .flatMap((o) => o.best?.score ?? []);
  return best.length === 0 ? null : median(best);
}

function waitPoints(
  outcomes: readonly LineageOutcome[],
  lineage: string,
  control: Control,
  threshold: number,
): WaitPoint[] {
  const of = (arm: string) => outcomes.filter((o) => o.lineage === lineage && o.arm === arm);
  const others = of(control);
  return of('paired').flatMap((o): WaitPoint[] => {
    const other = others.find((c) => c.seed === o.seed);
    const [paired, controlled] = [waitFor(threshold, o.curve), waitFor(threshold, other?.curve ?? [])];
    return paired === null || controlled === null ? [] : [{ seed: o.seed, paired, control: controlled }];
  });
}

function inferenceOf(points: readonly WaitPoint[]): WaitInference | null {
  if (points.length < rulesByN.forInterval) return null;
  const [paired, control] = [points.map((p) => p.paired), points.map((p) => p.control)];
  const horizon = watchedFor([...paired, ...control]);
  return {
    median: { paired: medianWait(paired), control: medianWait(control) },
    saved: restrictedMeanWait(control, horizon) - restrictedMeanWait(paired, horizon),
    horizon,
    test:
      points.length <= maxSignFlipN
        ? censoredPairsTest(points.map((p) => ({ first: p.paired, second: p.control })))
        : null,
    holmP: null,
  };
}

/** The longest time up to which every wait is known. */
function watchedFor(waits: readonly Wait[]): number {
  const censored = waits.filter((w) => !w.isReached);
  return censored.length > 0 ? Math.min(...censored.map((w) => w.time)) : Math.max(...waits.map((w) => w.time));
}
