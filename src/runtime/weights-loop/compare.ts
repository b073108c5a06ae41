import { type PairedInference, pairedInference } from '../../analysis/statistics/paired-inference.ts';
import { mean } from '../../analysis/statistics/summary.ts';
import type { Credit } from './credit.ts';
import { type LifeOutcome, successRate } from './evaluate.ts';
import { type Arm, arms, type SeedRecord } from './run-seed.ts';

/**
 * Shares are of what the oracle freed, from 0 to 1 in a world that did not break. `success` is of commands; `broken`
 * and `two-step` say for each world whether it broke, and whether anything was freed by a right taken back before.
 */
export const measures = ['share', 'share before damage', 'success', 'broken', 'two-step'] as const;
export type Measure = (typeof measures)[number];

export interface ArmSummary {
  readonly credit: Credit;
  readonly arm: Arm;
  readonly measure: Measure;
  /** Mean over situations and seeds. */
  readonly mean: number;
  /** Mean over situations, for each seed. */
  readonly bySeed: readonly number[];
}

export interface Comparison {
  readonly credit: Credit;
  readonly against: Exclude<Arm, 'survivors'>;
  readonly measure: Measure;
  /** Survivors less the other, in each situation: means over seeds. */
  readonly differences: readonly number[];
  /** `null` for fewer situations than anything may be said about. */
  readonly inference: PairedInference | null;
}

export interface Comparisons {
  readonly arms: readonly ArmSummary[];
  readonly comparisons: readonly Comparison[];
  /** Situations that every arm of every seed has lived through: only these are compared. */
  readonly situations: number;
}

/** What is compared: where `lives` are in other worlds, those. */
export type Compared = Pick<SeedRecord, 'seed' | 'credit' | 'lives'>;

/**
 * Survivors against the base and the controls, paired by situation: seeds are averaged within a situation first, so n
 * is the number of situations, and nothing is counted twice.
 * @param oracleBytes - What the oracle freed in each held-out world; `null` where that is not known, or nothing.
 */
export function compare(records: readonly Compared[], oracleBytes: readonly (number | null)[]): Comparisons {
  const common = oracleBytes.flatMap((bytes, i) => {
    const isKnown = records.every(({ lives }) => Object.values(lives).every((list) => list[i] !== null));
    return isKnown && bytes !== null && bytes > 0 ? [i] : [];
  });
  const score = (measure: Measure, life: LifeOutcome, i: number): number => {
    if (measure === 'success') return successRate(life);
    if (measure === 'broken') return Number(life.isBroken);
    if (measure === 'two-step') return Number(life.twoSteps > 0);
    return (measure === 'share' ? life.freedBytes : life.mostFreedBytes) / oracleBytes[i]!;
  };
  const values = (record: Compared, arm: Arm, measure: Measure) =>
    common.map((i) => score(measure, record.lives[arm]![i]!, i));
  const summaries: ArmSummary[] = [];
  const comparisons: Comparison[] = [];
  for (const credit of new Set(records.map((record) => record.credit))) {
    const own = records.filter((record) => record.credit === credit);
    for (const measure of measures) {
      const perSituation = (arm: Arm) => {
        const lists = own.map((record) => values(record, arm, measure));
        return common.map((_, at) => mean(lists.map((list) => list[at]!)));
      };
      const ours = perSituation('survivors');
      for (const arm of arms) {
        if (common.length === 0 || own.some(({ lives }) => lives[arm] === undefined)) continue;
        const bySeed = own.map((record) => mean(values(record, arm, measure)));
        summaries.push({ credit, arm, measure, mean: mean(bySeed), bySeed });
        if (arm === 'survivors') continue;
        const theirs = perSituation(arm);
        const differences = ours.map((value, at) => value - theirs[at]!);
        comparisons.push({ credit, against: arm, measure, differences, inference: pairedInference(differences) });
      }
    }
  }
  return { arms: summaries, comparisons, situations: common.length };
}
