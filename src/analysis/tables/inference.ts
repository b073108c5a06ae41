import { pValue } from '../format.ts';
import type { PairedInference } from '../statistics/paired-inference.ts';
import type { Interval } from '../statistics/summary.ts';
import { type Column, column } from './table.ts';

/** A column that only rows with enough observations fill; the others show a dash. */
export function inferred<Row, I>(
  of: (row: Row) => I | null,
  key: string,
  title: string,
  raw: (inference: I) => number | null,
  write: (inference: I) => string,
): Column<Row> {
  const words = (i: I) => (raw(i) === null ? 'not computed' : write(i));
  return {
    key,
    title,
    show: (row) => {
      const inference = of(row);
      return inference === null ? '–' : words(inference);
    },
    raw: (row) => {
      const inference = of(row);
      return inference === null ? null : raw(inference);
    },
  };
}

export function between({ low, high }: Interval, write: (value: number) => string): string {
  return `${write(low)} to ${write(high)}`;
}

/** An interval in words: one without width says only that no spread was seen, which is no certainty. */
export function intervalWords(interval: Interval, write: (value: number) => string): string {
  const { low, high } = interval;
  const isFlat = high - low <= 1e-12 * Math.max(Math.abs(low), Math.abs(high));
  return isFlat ? 'no spread seen' : between(interval, write);
}

/** Mean difference, interval, range and p of paired seeds. Empty for three seeds or fewer. */
export function inferenceColumns<Row>(
  of: (row: Row) => PairedInference | null,
  signed: (value: number) => string,
): Column<Row>[] {
  return [
    inferred(
      of,
      'mean',
      'mean',
      (i) => i.mean,
      (i) => signed(i.mean),
    ),
    inferred(
      of,
      'interval_low',
      '95 % t-interval',
      (i) => i.interval.low,
      (i) => intervalWords(i.interval, signed),
    ),
    inferred(
      of,
      'range_low',
      'range',
      (i) => i.range.low,
      (i) => between(i.range, signed),
    ),
    ...pColumns(of),
  ];
}

/** What a CSV file has of it beyond the table on the page. */
export function inferenceCsvColumns<Row>(of: (row: Row) => PairedInference | null): Column<Row>[] {
  return [
    column('interval_high', (row) => of(row)?.interval.high ?? null),
    column('range_high', (row) => of(row)?.range.high ?? null),
    column('p_floor', (row) => of(row)?.floor ?? null),
  ];
}

/** p with the smallest it could have been, and p after Holm's correction. */
export function pColumns<Row>(of: (row: Row) => Pick<PairedInference, 'p' | 'floor' | 'holmP'> | null): Column<Row>[] {
  return [
    inferred(
      of,
      'p',
      'p (smallest possible)',
      (i) => i.p,
      (i) => `${pValue(i.p!)} (${pValue(i.floor!)})`,
    ),
    inferred(
      of,
      'p_holm',
      'p (Holm)',
      (i) => i.holmP,
      (i) => pValue(i.holmP!),
    ),
  ];
}
