import type { ScoreFormat } from '../format.ts';
import { type GainPoint, isUneven, type TransferGain } from '../transfer.ts';
import { inferenceColumns, inferenceCsvColumns } from './inference.ts';
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
    ...inferenceColumns((g: TransferGain) => g.inference, signed),
  ];
}

/** What the CSV file has beyond the table in the report. */
export function gainCsvColumns(format: ScoreFormat): Column<TransferGain>[] {
  return [...gainColumns(format), ...inferenceCsvColumns((g: TransferGain) => g.inference)];
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
    column('gain_5', (r) => r.point.early.at5),
    column('gain_10', (r) => r.point.early.at10),
    column('gain_20', (r) => r.point.early.at20),
    column('gain_area', (r) => r.point.area),
    column('test_gain', (r) => r.point.testGain),
    column('generations_paired', (r) => r.point.generations.paired),
    column('generations_control', (r) => r.point.generations.control),
  ];
}
