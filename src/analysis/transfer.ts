import { type LineageOutcome, lineageIds, testScore } from './lineage-outcome.ts';
import { holm, type Interval, maxSignFlipN, mean, signFlipP, tInterval } from './statistics.ts';

/** Arms that differ from `paired` in what `strategies/` holds, and in nothing else. */
export const controls = ['solo', 'sham'] as const;
export type Control = (typeof controls)[number];

/** One seed's gain of one lineage over one control. */
export interface GainPoint {
  readonly seed: number;
  /** imp@all(paired) − imp@all(control), in units of the score. */
  readonly gain: number;
  /** Held-out test score, paired minus control; `null` when either was not measured. */
  readonly testGain: number | null;
  readonly generations: { readonly paired: number; readonly control: number };
}

/** Transfer gain of one lineage over one control. Points always; more only from four seeds on. */
export interface TransferGain {
  readonly lineage: string;
  readonly control: Control;
  readonly points: readonly GainPoint[];
  /** `null` for three seeds or fewer. */
  readonly inference: GainInference | null;
}

export interface GainInference {
  readonly mean: number;
  readonly range: Interval;
  /** 95 % Student t-interval of the mean. */
  readonly interval: Interval;
  /** Exact two-sided sign-flip p; `null` above the n that is enumerated. */
  readonly p: number | null;
  /** The smallest p these magnitudes could have given. */
  readonly floor: number | null;
  /** `p` after Holm's correction over all gains of the report. */
  readonly holmP: number | null;
}

/** One entry per control and lineage, also where no seed has both arms (no points then). */
export function transferGains(outcomes: readonly LineageOutcome[]): TransferGain[] {
  const gains = controls.flatMap((control) =>
    lineageIds(outcomes).map((lineage) => {
      const points = gainPoints(outcomes, lineage, control);
      return { lineage, control, points, inference: inferenceOf(points.map((p) => p.gain)) };
    }),
  );
  return withHolm(gains);
}

function gainPoints(outcomes: readonly LineageOutcome[], lineage: string, control: Control): GainPoint[] {
  const of = (arm: string) => outcomes.filter((o) => o.lineage === lineage && o.arm === arm);
  const others = of(control);
  return of('paired').flatMap((paired): GainPoint[] => {
    const other = others.find((o) => o.seed === paired.seed);
    if (other === undefined || paired.imp.all === null || other.imp.all === null) return [];
    const [tested, otherTested] = [testScore(paired), testScore(other)];
    return [
      {
        seed: paired.seed,
        gain: difference(paired.imp.all, other.imp.all),
        testGain: tested === null || otherTested === null ? null : difference(tested, otherTested),
        generations: { paired: paired.counts.generations, control: other.counts.generations },
      },
    ];
  });
}

/** Equal scores differ by rounding after a subtraction or two; that is no gain. */
function difference(a: number, b: number): number {
  const d = a - b;
  return Math.abs(d) <= 1e-12 * Math.max(1, Math.abs(a), Math.abs(b)) ? 0 : d;
}

/** Whether the two runs behind a point have different numbers of generations. */
export function isUneven({ generations }: GainPoint): boolean {
  return generations.paired !== generations.control;
}

function inferenceOf(gains: readonly number[]): GainInference | null {
  if (gains.length < 4) return null;
  const test = gains.length <= maxSignFlipN ? signFlipP(gains) : null;
  return {
    mean: mean(gains),
    range: { low: Math.min(...gains), high: Math.max(...gains) },
    interval: tInterval(gains),
    p: test?.p ?? null,
    floor: test?.floor ?? null,
    holmP: null,
  };
}

function withHolm(gains: readonly TransferGain[]): TransferGain[] {
  const tested = gains.filter((g) => g.inference?.p != null);
  const corrected = holm(tested.map((g) => g.inference!.p!));
  return gains.map((gain) => {
    const index = tested.indexOf(gain);
    return index < 0 ? gain : { ...gain, inference: { ...gain.inference!, holmP: corrected[index]! } };
  });
}

/**
 * Whether pairing is shown to help a lineage beyond solo **and** sham: at
 * least six seeds each, mean gain above 0, Holm-corrected p at most 0.05.
 */
export function isShownBeyondBoth(gains: readonly TransferGain[], lineage: string): boolean {
  return controls.every((control) => {
    const gain = gains.find((g) => g.lineage === lineage && g.control === control);
    const inference = gain?.inference;
    if (gain === undefined || inference == null || inference.holmP === null) return false;
    return gain.points.length >= 6 && inference.mean > 0 && inference.holmP <= 0.05;
  });
}
