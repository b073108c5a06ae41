import { type Improvement, type LineageOutcome, lineageIds, testScore } from './lineage-outcome.ts';
import { correctedByHolm } from './statistics/holm.ts';
import { type PairedInference, pairedInference, rulesByN } from './statistics/paired-inference.ts';

/** Arms that differ from `paired` in what `strategies/` holds, and in nothing else. */
export const controls = ['solo', 'sham', 'self', 'shuffled'] as const;
export type Control = (typeof controls)[number];
/** Those without which nothing is claimed; the others are spoken of where they ran. */
const required: readonly Control[] = ['solo', 'sham'];

/** The controls that a report on these speaks of. */
export function controlsFor(outcomes: readonly LineageOutcome[]): Control[] {
  return controls.filter((control) => required.includes(control) || outcomes.some((o) => o.arm === control));
}

/** One seed's gain of one lineage over one control. */
export interface GainPoint {
  readonly seed: number;
  /** imp@all(paired) − imp@all(control), in units of the score. */
  readonly gain: number;
  /** The same of imp@5, 10 and 20, and of the area; `null` where a curve is shorter. Points only: what is tested is `gain`. */
  readonly early: Readonly<Record<Exclude<keyof Improvement, 'all'>, number | null>>;
  readonly area: number | null;
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
  readonly inference: PairedInference | null;
}

/** One entry per control spoken of and lineage, also where no seed has both arms (no points then). */
export function transferGains(outcomes: readonly LineageOutcome[]): TransferGain[] {
  const gains = controlsFor(outcomes).flatMap((control) =>
    lineageIds(outcomes).map((lineage) => {
      const points = gainPoints(outcomes, lineage, control);
      return { lineage, control, points, inference: pairedInference(points.map((p) => p.gain)) };
    }),
  );
  return correctedByHolm(
    gains,
    (g) => g.inference?.p ?? null,
    (g, holmP) => ({ ...g, inference: { ...g.inference!, holmP } }),
  );
}

function gainPoints(outcomes: readonly LineageOutcome[], lineage: string, control: Control): GainPoint[] {
  const of = (arm: string) => outcomes.filter((o) => o.lineage === lineage && o.arm === arm);
  const others = of(control);
  return of('paired').flatMap((paired): GainPoint[] => {
    const other = others.find((o) => o.seed === paired.seed);
    const between = (of: (o: LineageOutcome) => number | null) => {
      const [own, theirs] = [of(paired), other === undefined ? null : of(other)];
      return own === null || theirs === null ? null : difference(own, theirs);
    };
    if (other === undefined || paired.imp.all === null || other.imp.all === null) return [];
    return [
      {
        seed: paired.seed,
        gain: difference(paired.imp.all, other.imp.all),
        early: {
          at5: between((o) => o.imp.at5),
          at10: between((o) => o.imp.at10),
          at20: between((o) => o.imp.at20),
        },
        area: between((o) => o.area),
        testGain: between(testScore),
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

/** Whether pairing is shown to help a lineage beyond solo **and** sham. */
export function isShownBeyondBoth(gains: readonly TransferGain[], lineage: string): boolean {
  return required.every((control) => isShownBeyond(gains, lineage, control));
}

/** At least six seeds, mean gain above 0, Holm-corrected p at most 0.05. */
export function isShownBeyond(gains: readonly TransferGain[], lineage: string, control: Control): boolean {
  const gain = gains.find((g) => g.lineage === lineage && g.control === control);
  const inference = gain?.inference;
  if (gain === undefined || inference == null || inference.holmP === null) return false;
  return gain.points.length >= rulesByN.forClaim && inference.mean > 0 && inference.holmP <= 0.05;
}
