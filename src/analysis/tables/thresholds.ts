import { fixed, type ScoreFormat } from '../format.ts';
import type { Wait } from '../statistics/survival.ts';
import type { ThresholdComparison, WaitInference } from '../threshold.ts';
import { inferred, pColumns } from './inference.ts';
import { type Column, column } from './table.ts';

const waitWords = ({ time, isReached }: Wait) => (isReached ? `${time}` : `>${time}`);

export function thresholdColumns({ score }: ScoreFormat): Column<ThresholdComparison>[] {
  const of = (c: ThresholdComparison) => c.inference;
  const generations = (value: number | null) => (value === null ? 'not reached' : fixed(value, 0));
  const points = (arm: 'paired' | 'control'): Column<ThresholdComparison> => ({
    key: `${arm}_waits`,
    title: `${arm}, per seed`,
    show: (c) => c.points.map((p) => `${p.seed}: ${waitWords(p[arm])}`).join(', '),
    raw: (c) => c.points.map((p) => `${p.seed}:${waitWords(p[arm])}`).join(' '),
  });
  const median = (arm: 'paired' | 'control'): Column<ThresholdComparison> => ({
    key: `${arm}_median`,
    title: `${arm}, median`,
    show: (c) => (c.inference === null ? '–' : generations(c.inference.median[arm])),
    raw: (c) => c.inference?.median[arm] ?? null,
  });
  const reached = (c: ThresholdComparison, arm: 'paired' | 'control') =>
    c.points.filter((p) => p[arm].isReached).length;
  return [
    { ...column('control', (c: ThresholdComparison) => c.control), title: 'against' },
    column('lineage', (c) => c.lineage),
    column('n', (c) => c.points.length),
    column(
      'threshold',
      (c) => c.threshold,
      (c) => score(c.threshold),
    ),
    {
      key: 'paired_reached',
      title: 'reached (paired, control)',
      show: (c) => `${reached(c, 'paired')}, ${reached(c, 'control')}`,
      raw: (c) => reached(c, 'paired'),
    },
    points('paired'),
    points('control'),
    median('paired'),
    median('control'),
    inferred(
      of,
      'saved',
      'saved',
      (i: WaitInference) => i.saved,
      (i) => `${fixed(i.saved, 1)} of ${i.horizon}`,
    ),
    ...pColumns((c: ThresholdComparison) => c.inference && { ...pOf(c.inference), holmP: c.inference.holmP }),
  ];
}

function pOf({ test }: WaitInference): { p: number | null; floor: number | null } {
  return test ?? { p: null, floor: null };
}

/** What the CSV file has beyond the table in the report. */
export function thresholdCsvColumns(format: ScoreFormat): Column<ThresholdComparison>[] {
  return [
    ...thresholdColumns(format),
    column('control_reached', (c) => c.points.filter((p) => p.control.isReached).length),
    column('horizon', (c) => c.inference?.horizon ?? null),
    column('p_floor', (c) => c.inference?.test?.floor ?? null),
  ];
}
