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
  /** `null` where nobody knows. */
  readonly tokens: Spread | null;
  /** Summed over the arm; `null` when any call had no known price. */
  readonly usd: number | null;
}

export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

type Measure = 'generations' | 'evaluations' | 'tokens';
const measures: Readonly<Record<Measure, (o: LineageOutcome) => number | null>> = {
  generations: (o) => o.counts.generations,
  evaluations: (o) => o.spent.evaluations,
  tokens: (o) => o.spent.tokens,
};

/**
 * Medians of what was used may differ by this share before a banner says so.
 * Every arm is offered the same; a candidate that fails early is evaluated on
 * fewer items, and reading peers costs tokens. The best of a tenth more
 * candidates is higher by about 0.05 standard deviations of their scores,
 * which no affordable number of seeds tells from nothing.
 */
export const tolerance = 0.1;

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
      generations: spread(own.map((o) => o.counts.generations)),
      evaluations: spread(own.map((o) => o.spent.evaluations)),
      tokens: knownSpread(own.map((o) => o.spent.tokens)),
      usd: costs.includes(null) ? null : costs.reduce<number>((sum, usd) => sum + (usd ?? 0), 0),
    },
  ];
}

/**
 * One sentence per way in which the arms were not given the same, empty when
 * they were. Generations are compared lineage by lineage and seed by seed;
 * evaluations and tokens by their medians over the seeds that all arms have.
 */
export function budgetBanners(outcomes: readonly LineageOutcome[]): string[] {
  const cells = matched(outcomes);
  return [unequalGenerations(cells), unequalEvaluations(cells), unequalTokens(cells)].filter((b) => b !== null);
}

/** What was compared to call the arms' budgets equal or not, in one sentence, whatever came of it. */
export function budgetChecks(outcomes: readonly LineageOutcome[]): string {
  const cells = matched(outcomes);
  if (cells.length === 0) return 'Equality of budgets was not checked: no lineage and seed ran in two arms.';
  const equal = cells.filter((cell) => generationGap(cell) === 0).length;
  return [
    `Checked over ${counted(cells.length, 'lineage and seed pair')}: generations equal in ${equal};`,
    `${medianWords('evaluations', cells)}; ${medianWords('tokens', cells)}.`,
    `Medians may differ by ${100 * tolerance} %: a candidate that fails early is evaluated on fewer items, and reading peers costs tokens.`,
  ].join(' ');
}

function medianWords(measure: 'evaluations' | 'tokens', cells: readonly LineageOutcome[][]): string {
  if (cells.flat().some((o) => measures[measure](o) === null)) return `${measure} not available`;
  const medians = armMedians(cells, measure);
  if (medians === null) return `${measure} not compared, because no seed has every arm`;
  const { most, least } = medians;
  if (most.value === least.value) return `median ${measure} ${fixed(most.value, 0)} in every arm`;
  return `median ${measure} from ${fixed(least.value, 0)} in ${least.arm} to ${fixed(most.value, 0)} in ${most.arm}`;
}

/** Outcomes that differ in nothing but the arm. */
function matched(outcomes: readonly LineageOutcome[]): LineageOutcome[][] {
  const cells = new Map<string, LineageOutcome[]>();
  for (const o of outcomes) cells.set(`${o.seed}/${o.lineage}`, [...(cells.get(`${o.seed}/${o.lineage}`) ?? []), o]);
  return [...cells.values()].filter((cell) => cell.length > 1);
}

function unequalGenerations(cells: readonly LineageOutcome[][]): string | null {
  const differing = cells.filter((cell) => generationGap(cell) > 0);
  if (differing.length === 0) return null;
  const worst = differing.reduce((a, b) => (generationGap(b) > generationGap(a) ? b : a));
  const each = worst.map((o) => `${o.arm} ${o.counts.generations}`).join(', ');
  return `Unequal generations between arms in ${differing.length} of ${cells.length} lineage and seed pairs; largest gap at lineage ${worst[0]!.lineage}, seed ${worst[0]!.seed}: ${each}.`;
}

function generationGap(cell: readonly LineageOutcome[]): number {
  const { low, high } = range(cell.map((o) => o.counts.generations));
  return high - low;
}

function unequalEvaluations(cells: readonly LineageOutcome[][]): string | null {
  const medians = armMedians(cells, 'evaluations');
  if (medians === null || !isApart(medians)) return null;
  const { most, least } = medians;
  const failed = ({ arm }: ArmMedian) => {
    const own = cells.flat().filter((o) => o.arm === arm);
    const tried = own.reduce((sum, o) => sum + o.curve.length, 0);
    return `${fixed((100 * own.reduce((sum, o) => sum + o.counts.failed, 0)) / tried, 0)} % in ${arm}`;
  };
  return `Unequal evaluations between arms: the median lineage was evaluated on ${fixed(most.value, 0)} items in ${most.arm} and on ${fixed(least.value, 0)} in ${least.arm}; generations without a score, which are evaluated on fewer, are ${failed(most)} and ${failed(least)}.`;
}

function unequalTokens(cells: readonly LineageOutcome[][]): string | null {
  const medians = armMedians(cells, 'tokens');
  if (medians === null || !isApart(medians)) return null;
  const { most, least } = medians;
  return `Unequal tokens between arms: the median lineage spent ${fixed(most.value, 0)} in ${most.arm} and ${fixed(least.value, 0)} in ${least.arm}.`;
}

interface ArmMedian {
  readonly arm: ArmName;
  readonly value: number;
}

interface ArmMedians {
  readonly most: ArmMedian;
  readonly least: ArmMedian;
}

function isApart({ most, least }: ArmMedians): boolean {
  return most.value > least.value * (1 + tolerance);
}

/** The arms whose median lineage used most and least, over the cells that have every arm; `null` when none has, or nobody knows. */
function armMedians(cells: readonly LineageOutcome[][], measure: Measure): ArmMedians | null {
  const arms = armNames.filter((arm) => cells.some((cell) => cell.some((o) => o.arm === arm)));
  const complete = cells.filter((cell) => arms.every((arm) => cell.some((o) => o.arm === arm))).flat();
  const medians = arms.flatMap((arm): ArmMedian[] => {
    const values = complete.filter((o) => o.arm === arm).flatMap((o) => measures[measure](o) ?? []);
    return values.length === 0 ? [] : [{ arm, value: median(values) }];
  });
  if (medians.length < 2) return null;
  return {
    most: medians.reduce((a, b) => (b.value > a.value ? b : a)),
    least: medians.reduce((a, b) => (b.value < a.value ? b : a)),
  };
}

function knownSpread(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null);
  return known.length < values.length ? null : spread(known);
}

function spread(values: readonly number[]): Spread {
  return { ...range(values), median: median(values) };
}
