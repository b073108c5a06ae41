import { pValue } from '../format.ts';
import type { PairedInference } from '../statistics/paired-inference.ts';
import type { Interval } from '../statistics/summary.ts';
import type { Column } from './table.ts';

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
