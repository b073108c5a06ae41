import type { ArmName } from '../core/config/arms.ts';
import { type LineageOutcome, lineageIds } from './lineage-outcome.ts';

/** What a hundredth of the score cost: everything spent over the whole gain in hundredths. */
export interface CostPerHundredth {
  readonly tokens: number;
  readonly calls: number;
  readonly evaluations: number;
  /** `null` when any call had no known price. */
  readonly usd: number | null;
}

/** `null` where nothing was gained, or no gain could be measured: a price of nothing is not a number. */
export function costPerHundredth({ imp, spent }: LineageOutcome): CostPerHundredth | null {
  if (imp.all === null || imp.all <= 0) return null;
  const hundredths = imp.all / 0.01;
  return {
    tokens: spent.tokens / hundredths,
    calls: spent.calls / hundredths,
    evaluations: spent.evaluations / hundredths,
    usd: spent.usd === null ? null : spent.usd / hundredths,
  };
}

/**
 * How like its best a lineage ended: the share of the best generation's gain
 * that the last measured one still has. 1 ended at its best, 0 where it began,
 * below 0 worse. `null` where nothing was gained.
 */
export function keptAtEnd({ start, last, imp }: LineageOutcome): number | null {
  if (start === null || last === null || imp.all === null || imp.all <= 0) return null;
  return (last.score - start) / imp.all;
}

/** All seeds of one lineage in one arm. */
export interface ArmLineage {
  readonly arm: ArmName;
  readonly lineage: string;
  readonly outcomes: readonly LineageOutcome[];
}

export function armLineages(outcomes: readonly LineageOutcome[]): ArmLineage[] {
  const arms = [...new Set(outcomes.map((o) => o.arm))];
  return arms.flatMap((arm) =>
    lineageIds(outcomes).flatMap((lineage) => {
      const own = outcomes.filter((o) => o.arm === arm && o.lineage === lineage);
      return own.length === 0 ? [] : [{ arm, lineage, outcomes: own }];
    }),
  );
}
