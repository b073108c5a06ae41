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
 * How far from its best a lineage ended: score of the last measured generation
 * minus the best, 0 where they are the same. In units of the score: as a share
 * of the gain it has no limit where the gain is tiny.
 */
export function lastMinusBest({ best, last }: LineageOutcome): number | null {
  return best === null || last === null ? null : last.score - best.score;
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
