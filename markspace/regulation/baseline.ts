import { type Activity, emptyActivity, features } from './activity.ts';
import { type Moments, medianMoments, robustMoments, studentSigmas, withValue } from './statistics.ts';

export interface EnvelopeConstants {
  /** Length of a window in milliseconds. */
  readonly windowMs: number;
  /** Windows with activity in which nobody is flagged. At least 3. */
  readonly learningWindows: number;
  /** From here on Welford's moments take over from median and MAD. */
  readonly coldWindows: number;
  /** Beyond this a window is suspect: it is not learnt, and a second one of three flags. */
  readonly suspectSigmas: number;
  /** Beyond this one window is enough. */
  readonly flagSigmas: number;
  /** Windows of natural noise that an estimated spread is mixed with, so that few windows cannot mislead it. */
  readonly priorWindows: number;
  /** Windows after which what was learnt weighs a third of what it did. */
  readonly memoryWindows: number;
  /** How far mean and limit may move from the first ones, as a factor, in all time. */
  readonly driftFactor: number;
}

export const defaultConstants: EnvelopeConstants = Object.freeze({
  windowMs: 60_000,
  learningWindows: 5,
  coldWindows: 10,
  suspectSigmas: 3.5,
  flagSigmas: 5,
  priorWindows: 10,
  memoryWindows: 100,
  driftFactor: 4,
});

interface Learnt {
  readonly now: Moments;
  /** The moments at the end of the cold phase: what all drift is measured from. */
  readonly reference: Moments;
}

/** What is usual for one agent, in one scope or in all together. Plain JSON. */
export interface Baseline {
  /** Windows learnt. */
  readonly windows: number;
  /** While cold: the windows learnt so far, one list a feature. */
  readonly cold: readonly (readonly number[])[];
  /** Once warm, one a feature. */
  readonly learnt: readonly Learnt[] | null;
  /** Which of the last three windows were suspect, newest last. */
  readonly suspects: readonly boolean[];
}

export const emptyBaseline: Baseline = Object.freeze({
  windows: 0,
  cold: features.map(() => []),
  learnt: null,
  suspects: [],
});

export interface Outlier {
  readonly feature: string;
  readonly why: 'burst' | 'repeated' | 'drift';
  /** What was seen and what would have been inside, for people. */
  readonly seen: string;
  readonly limit: string;
}

/** Judges windows by what was learnt, and learns from them. Pure but for what it remembers of its own arithmetic. */
export interface Learner {
  /** Whether an unfinished window is beyond the envelope already. */
  burstIn(baseline: Baseline, activity: Activity): Outlier | null;
  /** Takes in a finished window, unless it is suspect: what an attack does is not learnt. */
  afterWindow(
    baseline: Baseline,
    activity: Activity,
  ): { readonly baseline: Baseline; readonly outlier: Outlier | null };
}

export function createLearner(c: EnvelopeConstants): Learner {
  /** Of the monotone features, whose limits depend on the baseline alone; worked out when they are first asked for. */
  const limitsOfBursts = new WeakMap<Baseline, (number | undefined)[]>();
  const nothing = emptyActivity(0);

  function isBurst(baseline: Baseline, limits: (number | undefined)[], activity: Activity, i: number): boolean {
    const { isMonotone, of } = features[i]!;
    const value = isMonotone ? of(activity) : 0;
    if (value === 0) return false;
    limits[i] ??= limitOf(baseline, i, nothing, c.flagSigmas, c);
    return value > limits[i];
  }

  const beyond = (baseline: Baseline, activity: Activity, sigmas: number) =>
    outlierAmong(activity, 'burst', (i) => limitOf(baseline, i, activity, sigmas, c));

  return {
    burstIn(baseline, activity) {
      if (baseline.windows < c.learningWindows) return null;
      const limits = limitsOfBursts.get(baseline) ?? [];
      if (limits.length === 0) limitsOfBursts.set(baseline, limits);
      for (let i = 0; i < features.length; i += 1) {
        if (isBurst(baseline, limits, activity, i)) return outlierOf(activity, 'burst', i, limits[i]!);
      }
      return null;
    },
    afterWindow(baseline, activity) {
      if (baseline.windows < c.learningWindows) return { baseline: learn(baseline, activity, c), outlier: null };
      const flagged = beyond(baseline, activity, c.flagSigmas);
      if (flagged !== null) return { baseline: { ...baseline, suspects: [] }, outlier: flagged };
      const suspect = beyond(baseline, activity, c.suspectSigmas);
      const suspects = [...baseline.suspects, suspect !== null].slice(-3);
      if (suspect !== null && suspects.filter(Boolean).length > 1) {
        return { baseline: { ...baseline, suspects: [] }, outlier: { ...suspect, why: 'repeated' } };
      }
      if (suspect !== null) return { baseline: { ...baseline, suspects }, outlier: null };
      const next = { ...learn(baseline, activity, c), suspects };
      const drift = driftOf(next, c);
      return drift === null ? { baseline: next, outlier: null } : { baseline: asFirstLearnt(next), outlier: drift };
    },
  };
}

/** Forgets everything that was learnt after the reference. */
export function asFirstLearnt(baseline: Baseline): Baseline {
  const learnt = baseline.learnt?.map(({ reference }) => ({ now: reference, reference })) ?? null;
  return { ...baseline, learnt, suspects: [] };
}

function outlierAmong(activity: Activity, why: Outlier['why'], limitAt: (i: number) => number): Outlier | null {
  for (let i = 0; i < features.length; i += 1) {
    const limit = limitAt(i);
    if (features[i]!.of(activity) > limit) return outlierOf(activity, why, i, limit);
  }
  return null;
}

function outlierOf(activity: Activity, why: Outlier['why'], i: number, limit: number): Outlier {
  const { name, of, inWords } = features[i]!;
  return { feature: name, why, seen: inWords(of(activity)), limit: inWords(limit) };
}

function learn(baseline: Baseline, activity: Activity, c: EnvelopeConstants): Baseline {
  const values = features.map((feature) => feature.toScale(feature.of(activity)));
  const windows = baseline.windows + 1;
  if (baseline.learnt !== null) {
    const learnt = baseline.learnt.map(({ now, reference }, i) => ({
      now: withValue(now, values[i]!, c.memoryWindows),
      reference,
    }));
    return { ...baseline, windows, learnt };
  }
  const cold = baseline.cold.map((known, i) => [...known, values[i]!]);
  if (windows < c.coldWindows) return { ...baseline, windows, cold };
  const learnt = cold.map((known, i) => {
    const moments = robustMoments(known, (mean) => features[i]!.noiseOf(mean, activity), c.suspectSigmas);
    return { now: moments, reference: moments };
  });
  return { ...baseline, windows, cold: [], learnt };
}

function driftOf({ learnt }: Baseline, c: EnvelopeConstants): Outlier | null {
  for (const [i, feature] of features.entries()) {
    const moments = learnt?.[i];
    if (moments === undefined) continue;
    const mean = feature.fromScale(moments.now.mean);
    const ceiling = feature.ceilingOf(feature.fromScale(moments.reference.mean), c.driftFactor);
    if (mean <= ceiling) continue;
    return { feature: feature.name, why: 'drift', seen: feature.inWords(mean), limit: feature.inWords(ceiling) };
  }
  return null;
}

/** The largest usual number. However it is approached, it stays within the drift factor of the first one. */
function limitOf(baseline: Baseline, i: number, activity: Activity, sigmas: number, c: EnvelopeConstants): number {
  const feature = features[i]!;
  const limit = ({ n, mean, variance }: Moments, errorOfCenter: number) => {
    const noise = feature.noiseOf(mean, activity);
    const freedom = c.priorWindows + n - 1;
    const spread = Math.sqrt((c.priorWindows * noise ** 2 + (n - 1) * variance) / freedom);
    const width = Math.max(studentSigmas(sigmas, freedom) * spread, sigmas * noise);
    return feature.fromScale(mean + width * Math.sqrt(1 + errorOfCenter / n));
  };
  const learnt = baseline.learnt?.[i];
  // The square of a median's error is π/2 times that of a mean.
  if (learnt === undefined) return limit(medianMoments(baseline.cold[i] ?? []), Math.PI / 2);
  return Math.min(limit(learnt.now, 1), feature.ceilingOf(limit(learnt.reference, 1), c.driftFactor));
}
