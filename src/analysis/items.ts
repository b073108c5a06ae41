import type { Evaluation } from '../core/records.ts';
import { type LineageOutcome, lineageIds } from './lineage-outcome.ts';
import { correctedByHolm } from './statistics/holm.ts';
import { type PairedInference, pairedInference, rulesByN } from './statistics/paired-inference.ts';
import { mcNemarP, newcombeInterval, type PairedCounts, wilsonInterval } from './statistics/proportions.ts';
import { smallestP } from './statistics/sign-flip.ts';
import { tInterval } from './statistics/student.ts';
import { type Interval, mean } from './statistics/summary.ts';
import { type Control, controls } from './transfer.ts';

// Intervals and tests over items describe agents, not the method that made them: the seeds do that.

type Scores = ReadonlyMap<string, number>;

/** Scores by situation; empty unless everything was measured, because what failed may not be left out of a mean. */
function itemScores(evaluation: Evaluation | null): Scores {
  if (evaluation?.status !== 'measured') return new Map();
  return new Map(
    evaluation.items.flatMap(({ situation, consequence }) =>
      consequence.status === 'measured' ? [[situation, consequence.score]] : [],
    ),
  );
}

const isBinary = (scores: readonly number[]) => scores.every((s) => s === 0 || s === 1);

export interface ItemInterval extends Interval {
  readonly n: number;
  readonly method: 'Wilson' | 'Student';
}

/**
 * 95 % interval of one agent's score over such items: Wilson's where they are
 * right or wrong, else Student's. `null` for three items or fewer, and where
 * other scores than right and wrong are all the same: their spread is not known.
 */
export function itemInterval(evaluation: Evaluation | null): ItemInterval | null {
  const scores = [...itemScores(evaluation).values()];
  const n = scores.length;
  if (n < rulesByN.forInterval) return null;
  if (isBinary(scores)) return { ...wilsonInterval(scores.filter((s) => s === 1).length, n), n, method: 'Wilson' };
  return scores.every((s) => s === scores[0]) ? null : { ...tInterval(scores), n, method: 'Student' };
}

/** Two agents on the same held-out items: what came out of one seed in the paired arm, and in a control. */
export interface ItemComparison {
  readonly control: Control;
  readonly lineage: string;
  readonly seed: number;
  /** Items that both were measured on. */
  readonly n: number;
  /** Mean score, paired minus control. */
  readonly difference: number;
  readonly method: 'Newcombe, McNemar' | 'Student, sign-flip';
  /** `null` for three items or fewer. */
  readonly inference: Pick<PairedInference, 'interval' | 'p' | 'floor' | 'holmP'> | null;
}

export function itemComparisons(outcomes: readonly LineageOutcome[]): ItemComparison[] {
  const comparisons = controls.flatMap((control) =>
    lineageIds(outcomes).flatMap((lineage) => {
      const of = (arm: string) => outcomes.filter((o) => o.lineage === lineage && o.arm === arm);
      return of('paired').flatMap((paired): ItemComparison[] => {
        const other = of(control).find((o) => o.seed === paired.seed);
        const pairs = commonItems(itemScores(paired.test), itemScores(other?.test ?? null));
        return pairs.length === 0 ? [] : [{ control, lineage, seed: paired.seed, ...compared(pairs) }];
      });
    }),
  );
  return correctedByHolm(
    comparisons,
    (c) => c.inference?.p ?? null,
    (c, holmP) => ({ ...c, inference: { ...c.inference!, holmP } }),
  );
}

type Pair = readonly [paired: number, control: number];

function commonItems(paired: Scores, control: Scores): Pair[] {
  return [...paired].flatMap(([situation, score]): Pair[] => {
    const other = control.get(situation);
    return other === undefined ? [] : [[score, other]];
  });
}

function compared(pairs: readonly Pair[]): Pick<ItemComparison, 'n' | 'difference' | 'method' | 'inference'> {
  const differences = pairs.map(([a, b]) => a - b);
  const about = { n: pairs.length, difference: mean(differences) };
  const inference = pairedInference(differences);
  if (!isBinary(pairs.flat())) return { ...about, method: 'Student, sign-flip', inference };
  const counts = countsOf(pairs);
  return {
    ...about,
    method: 'Newcombe, McNemar',
    // On right and wrong McNemar's test is the sign-flip test, and has no upper limit of n.
    inference: inference && {
      interval: newcombeInterval(counts),
      p: mcNemarP(counts),
      floor: smallestP(counts.first + counts.second),
      holmP: null,
    },
  };
}

function countsOf(pairs: readonly Pair[]): PairedCounts {
  const count = (a: number, b: number) => pairs.filter((p) => p[0] === a && p[1] === b).length;
  return { both: count(1, 1), first: count(1, 0), second: count(0, 1), neither: count(0, 0) };
}
