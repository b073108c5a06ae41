import type { ArmBudget, Spread } from '../equal-budget.ts';
import { fixed, usd } from '../format.ts';
import { type Column, column } from './table.ts';

const measures = ['generations', 'evaluations', 'tokens'] as const;

export const budgetColumns: readonly Column<ArmBudget>[] = [
  column('arm', ({ arm, isOfTwins }) => (isOfTwins ? `${arm}, twins` : arm)),
  column('runs', (b) => b.runs),
  ...measures.map(
    (measure): Column<ArmBudget> => ({
      title: `${measure} per lineage`,
      key: `${measure}_median`,
      show: (b) => spreadWords(b[measure]),
      raw: (b) => b[measure]?.median ?? null,
    }),
  ),
  {
    title: 'USD in all',
    key: 'usd_total',
    show: (b) => usd(b.usd),
    raw: (b) => b.usd,
  },
];

/** What the CSV file has beyond the table in the report. */
export const budgetCsvColumns: readonly Column<ArmBudget>[] = [
  ...budgetColumns,
  ...measures.flatMap((measure) =>
    (['low', 'high'] as const).map((end) => column<ArmBudget>(`${measure}_${end}`, (b) => b[measure]?.[end] ?? null)),
  ),
];

function spreadWords(spread: Spread | null): string {
  if (spread === null) return 'not available';
  const { low, median, high } = spread;
  const write = (value: number) => fixed(value, Number.isInteger(value) ? 0 : 1);
  return low === high ? write(low) : `${write(median)} (${write(low)} to ${write(high)})`;
}
