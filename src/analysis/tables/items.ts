import type { ScoreFormat } from '../format.ts';
import type { ItemComparison } from '../items.ts';
import { inferred, intervalWords, pColumns } from './inference.ts';
import { type Column, column } from './table.ts';

export function itemColumns({ signed }: ScoreFormat): Column<ItemComparison>[] {
  const of = (c: ItemComparison) => c.inference;
  return [
    { ...column('control', (c: ItemComparison) => c.control), title: 'paired minus' },
    column('lineage', (c) => c.lineage),
    column('seed', (c) => c.seed),
    { ...column('items', (c: ItemComparison) => c.n), title: 'n items' },
    column(
      'difference',
      (c) => c.difference,
      (c) => signed(c.difference),
    ),
    column('method', (c) => c.method),
    inferred(
      of,
      'interval_low',
      '95 % interval',
      (i) => i.interval.low,
      (i) => intervalWords(i.interval, signed),
    ),
    ...pColumns(of),
  ];
}

/** What the CSV file has beyond the table in the report. */
export function itemCsvColumns(format: ScoreFormat): Column<ItemComparison>[] {
  return [
    ...itemColumns(format),
    column('interval_high', (c) => c.inference?.interval.high ?? null),
    column('p_floor', (c) => c.inference?.floor ?? null),
  ];
}
