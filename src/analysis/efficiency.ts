import type { ArmName } from '../core/config/arms.ts';
import { type LineageOutcome, lineageIds } from './lineage-outcome.ts';

/** What a hundredth of the score cost: everything spent over the whole gain in hundredths. */
export interface CostPerHundredth {
  /** `null` where nobody knows what was used. */
  readonly tokens: number | null;
  readonly calls: number | null;
  readonly evaluations: number;
  /** `null` when any call had no known price. */
  readonly usd: number | null;
}

/** `null` where nothing was gained, or no gain could be measured: a price of nothing is not a number. */
export function costPerHundredth({ imp, spent }: LineageOutcome): CostPerHundredth | null {
  if (imp.all === null || imp.all <= 0) return null;
  const hundredths = imp.all / 0.01;
  const over = (spending: number | null) => (spending === null ? null : spending / hundredths);
  return {
    tokens: over(spent.tokens),
    calls: over(spent.calls),
    evaluations: spent.evaluations / hundredths,
    usd: over(spent.usd),
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
