import { type ArmName, armNames } from '../core/config/arms.ts';
import { counted, fixed } from './format.ts';
import type { LineageOutcome } from './lineage-outcome.ts';
import { median, range } from './statistics/summary.ts';

/** What one arm spent, per lineage and run. */
export interface ArmBudget {
  readonly arm: ArmName;
  /** Whether it is what the second instances of the arm `self` spent: on top, and compared with nothing. */
  readonly isOfTwins: boolean;
  readonly runs: number;
  readonly generations: Spread;
  readonly evaluations: Spread;
  readonly tokens: Spread;
  /** Summed over the arm; `null` when any call had no known price. */
  readonly usd: number | null;
}

export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

type Measure = 'generations' | 'evaluations' | 'tokens';
const measures: Readonly<Record<Measure, (o: LineageOutcome) => number>> = {
  generations: (o) => o.counts.generations,
  evaluations: (o) => o.spent.evaluations,
  tokens: (o) => o.spent.tokens,
};

/** Token medians may differ by this share before a banner says so: reading peers costs tokens by design. */
export const tokenTolerance = 0.1;

/** @param twins - Outcomes of second instances, which are told in rows of their own. */
export function armBudgets(outcomes: readonly LineageOutcome[], twins: readonly LineageOutcome[] = []): ArmBudget[] {
  return armNames.flatMap((arm) => [...budgetOf(arm, outcomes, false), ...budgetOf(arm, twins, true)]);
}

function budgetOf(arm: ArmName, outcomes: readonly LineageOutcome[], isOfTwins: boolean): ArmBudget[] {
  const own = outcomes.filter((o) => o.arm === arm);
  if (own.length === 0) return [];
  const costs = own.map((o) => o.spent.usd);
  return [
    {
      arm,
      isOfTwins,
      runs: new Set(own.map((o) => o.run)).size,
      generations: spread(own.map(measures.generations)),
      evaluations: spread(own.map(measures.evaluations)),
      tokens: spread(own.map(measures.tokens)),
      usd: costs.includes(null) ? null : costs.reduce<number>((sum, usd) => sum + (usd ?? 0), 0),
    },
  ];
}

/**
 * One sentence per way in which the arms were not given the same, empty when
 * they were. Generations and evaluations are compared lineage by lineage and
 * seed by seed; tokens by their medians over the seeds that all arms have.
 */
export function budgetBanners(outcomes: readonly LineageOutcome[]): string[] {
  const cells = matched(outcomes);
  return [unequal(cells, 'generations'), unequal(cells, 'evaluations'), unequalTokens(cells)].filter((b) => b !== null);
}

/** What was compared to call the arms' budgets equal or not, in one sentence, whatever came of it. */
export function budgetChecks(outcomes: readonly LineageOutcome[]): string {
  const cells = matched(outcomes);
  if (cells.length === 0) return 'Equality of budgets was not checked: no lineage and seed ran in two arms.';
  const equal = (measure: 'generations' | 'evaluations') => cells.filter((cell) => gap(cell, measure) === 0).length;
  return `Checked over ${counted(cells.length, 'lineage and seed pair')}: generations equal in ${equal('generations')}, evaluations equal in ${equal('evaluations')}; ${tokenWords(tokenMedians(cells))}.`;
}

function tokenWords(medians: TokenMedians | null): string {
  if (medians === null) return 'tokens not compared, because no seed has every arm';
  const { most, least } = medians;
  if (most.tokens === least.tokens) return `median tokens ${fixed(most.tokens, 0)} in every arm`;
  return `median tokens from ${fixed(least.tokens, 0)} in ${least.arm} to ${fixed(most.tokens, 0)} in ${most.arm} (${100 * tokenTolerance} % is tolerated: reading peers costs tokens)`;
}

/** Outcomes that differ in nothing but the arm. */
function matched(outcomes: readonly LineageOutcome[]): LineageOutcome[][] {
  const cells = new Map<string, LineageOutcome[]>();
  for (const o of outcomes) cells.set(`${o.seed}/${o.lineage}`, [...(cells.get(`${o.seed}/${o.lineage}`) ?? []), o]);
  return [...cells.values()].filter((cell) => cell.length > 1);
}

function unequal(cells: readonly LineageOutcome[][], measure: 'generations' | 'evaluations'): string | null {
  const differing = cells.filter((cell) => gap(cell, measure) > 0);
  if (differing.length === 0) return null;
  const worst = differing.reduce((a, b) => (gap(b, measure) > gap(a, measure) ? b : a));
  const each = worst.map((o) => `${o.arm} ${measures[measure](o)}`).join(', ');
  return `Unequal ${measure} between arms in ${differing.length} of ${cells.length} lineage and seed pairs; largest gap at lineage ${worst[0]!.lineage}, seed ${worst[0]!.seed}: ${each}.`;
}

function gap(cell: readonly LineageOutcome[], measure: Measure): number {
  const { low, high } = range(cell.map(measures[measure]));
  return high - low;
}

function unequalTokens(cells: readonly LineageOutcome[][]): string | null {
  const medians = tokenMedians(cells);
  if (medians === null || medians.most.tokens <= medians.least.tokens * (1 + tokenTolerance)) return null;
  const { most, least } = medians;
  return `Unequal tokens between arms: the median lineage spent ${most.tokens} in ${most.arm} and ${least.tokens} in ${least.arm}.`;
}

interface ArmTokens {
  readonly arm: ArmName;
  readonly tokens: number;
}

interface TokenMedians {
  readonly most: ArmTokens;
  readonly least: ArmTokens;
}

/** The arms whose median lineage spent most and least, over the cells that have every arm; `null` when none has. */
function tokenMedians(cells: readonly LineageOutcome[][]): TokenMedians | null {
  const arms = armNames.filter((arm) => cells.some((cell) => cell.some((o) => o.arm === arm)));
  const complete = cells.filter((cell) => arms.every((arm) => cell.some((o) => o.arm === arm))).flat();
  if (complete.length === 0) return null;
  const medians = arms.map((arm) => ({
    arm,
    tokens: median(complete.filter((o) => o.arm === arm).map(measures.tokens)),
  }));
  return {
    most: medians.reduce((a, b) => (b.tokens > a.tokens ? b : a)),
    least: medians.reduce((a, b) => (b.tokens < a.tokens ? b : a)),
  };
}

function spread(values: readonly number[]): Spread {
  return { ...range(values), median: median(values) };
}
