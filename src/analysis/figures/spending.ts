import type { LineageOutcome } from '../lineage-outcome.ts';
import type { Point } from './step-curve.ts';

export type Price = 'tokens' | 'usd';

/** Spent up to and with each generation; `null` where any part of it is not known. */
export function spentSoFar({ generations, spent }: LineageOutcome, price: Price): number[] | null {
  if (spent[price] === null) return null;
  let total = 0;
  const totals: number[] = [];
  for (const { usage } of generations) {
    const cost = price === 'tokens' ? usage.promptTokens + usage.completionTokens : usage.costUsd;
    if (cost === null) return null;
    total += cost;
    totals.push(total);
  }
  return totals;
}

/** A lineage's best gain over generation 0 by what was spent until then; `null` where either is not known. */
export function gainBySpending(outcome: LineageOutcome, price: Price): Point[] | null {
  const totals = spentSoFar(outcome, price);
  const { start, curve } = outcome;
  if (totals === null || start === null) return null;
  return curve.flatMap(({ best }, i) => (best === null ? [] : [{ x: totals[i]!, y: best - start }]));
}
