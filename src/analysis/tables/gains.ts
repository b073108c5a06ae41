import { pValue, type ScoreFormat } from '../format.ts';
import type { Interval } from '../statistics.ts';
import { type GainInference, type GainPoint, isUneven, type TransferGain } from '../transfer.ts';
import { type Column, column } from './table.ts';

export function gainColumns({ signed }: ScoreFormat): Column<TransferGain>[] {
  const gain = (p: GainPoint) => `${signed(p.gain)}${isUneven(p) ? '†' : ''}`;
  const testGain = (p: GainPoint) => (p.testGain === null ? 'not measured' : signed(p.testGain));
  return [
    { ...column('control', (g: TransferGain) => g.control), title: 'paired minus' },
    column('lineage', (g) => g.lineage),
    column('n', (g) => g.points.length),
    perSeed('gains', 'gain per seed (seed: gain)', gain, (p) => p.gain),
    perSeed('test_gains', 'on the held-out test', testGain, (p) => p.testGain ?? 'NA'),
    ...inferenceColumns(signed),
  ];
}

/** Empty for three seeds or fewer. */
function inferenceColumns(signed: ScoreFormat['signed']): Column<TransferGain>[] {
  const between = ({ low, high }: Interval) => `${signed(low)} to ${signed(high)}`;
  return [
    inferred(
      'mean',
      'mean',
      (i) => i.mean,
      (i) => signed(i.mean),
    ),
    inferred(
      'interval_low',
      '95 % t-interval',
      (i) => i.interval.low,
      (i) => between(i.interval),
    ),
    inferred(
      'range_low',
      'range',
      (i) => i.range.low,
      (i) => between(i.range),
    ),
    inferred(
      'p',
      'p (smallest possible)',
      (i) => i.p,
      (i) => `${pValue(i.p!)} (${pValue(i.floor!)})`,
    ),
    inferred(
      'p_holm',
      'p (Holm)',
      (i) => i.holmP,
      (i) => pValue(i.holmP!),
    ),
  ];
}

/** What the CSV file has beyond the table in the report. */
export function gainCsvColumns(format: ScoreFormat): Column<TransferGain>[] {
  return [
    ...gainColumns(format),
    column('interval_high', (g) => g.inference?.interval.high ?? null),
    column('range_high', (g) => g.inference?.range.high ?? null),
    column('p_floor', (g) => g.inference?.floor ?? null),
  ];
}

/** All seeds in one cell: "1: +0.1, 2: −0.2" for people, "1:0.1 2:-0.2" for programs. */
function perSeed(
  key: string,
  title: string,
  show: (p: GainPoint) => string,
  raw: (p: GainPoint) => string | number,
): Column<TransferGain> {
  return {
    key,
    title,
    show: ({ points }) => points.map((p) => `${p.seed}: ${show(p)}`).join(', ') || 'not compared',
    raw: ({ points }) => points.map((p) => `${p.seed}:${raw(p)}`).join(' ') || null,
  };
}

function inferred(
  key: string,
  title: string,
  of: (inference: GainInference) => number | null,
  write: (inference: GainInference) => string,
): Column<TransferGain> {
  const words = (i: GainInference) => (of(i) === null ? 'not computed' : write(i));
  return {
    key,
    title,
    show: ({ inference }) => (inference === null ? '–' : words(inference)),
    raw: ({ inference }) => (inference === null ? null : of(inference)),
  };
}

/** One seed of one comparison. */
export interface GainRow {
  readonly gain: TransferGain;
  readonly point: GainPoint;
}

export function gainRows(gains: readonly TransferGain[]): GainRow[] {
  return gains.flatMap((gain) => gain.points.map((point) => ({ gain, point })));
}

export function gainPointColumns(): Column<GainRow>[] {
  return [
    column('control', (r) => r.gain.control),
    column('lineage', (r) => r.gain.lineage),
    column('seed', (r) => r.point.seed),
    column('gain', (r) => r.point.gain),
    column('test_gain', (r) => r.point.testGain),
    column('generations_paired', (r) => r.point.generations.paired),
    column('generations_control', (r) => r.point.generations.control),
  ];
}
