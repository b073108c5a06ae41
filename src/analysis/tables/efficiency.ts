import { type ArmLineage, costPerHundredth, lastMinusBest } from '../efficiency.ts';
import { fixed, type ScoreFormat, usd } from '../format.ts';
import type { LineageOutcome } from '../lineage-outcome.ts';
import { rulesByN } from '../statistics/paired-inference.ts';
import { median, range } from '../statistics/summary.ts';
import { type Column, column } from './table.ts';

/** One row per arm and lineage: every seed's value up to three seeds, from four on median and range. */
export function efficiencyColumns({ signed }: ScoreFormat): Column<ArmLineage>[] {
  const count = (value: number) => fixed(value, value < 10 ? 1 : 0);
  return [
    column('arm', (r) => r.arm),
    column('lineage', (r) => r.lineage),
    column('n', (r) => r.outcomes.length),
    overSeeds('imp_5', 'imp@5', (o) => o.imp.at5, signed),
    overSeeds('imp_10', 'imp@10', (o) => o.imp.at10, signed),
    overSeeds('imp_20', 'imp@20', (o) => o.imp.at20, signed),
    overSeeds('area', 'area', (o) => o.area, signed),
    overSeeds('gain', 'gain', (o) => o.imp.all, signed),
    overSeeds('last_minus_best', 'last minus best', lastMinusBest, signed),
    overSeeds('tokens', 'tokens per 0.01', (o) => costPerHundredth(o)?.tokens ?? null, count),
    overSeeds('calls', 'calls per 0.01', (o) => costPerHundredth(o)?.calls ?? null, count),
    overSeeds('usd', 'USD per 0.01', (o) => costPerHundredth(o)?.usd ?? null, usd),
  ];
}

function overSeeds(
  key: string,
  title: string,
  of: (outcome: LineageOutcome) => number | null,
  write: (value: number) => string,
): Column<ArmLineage> {
  const known = ({ outcomes }: ArmLineage) => outcomes.flatMap((o) => of(o) ?? []);
  return {
    key,
    title,
    show: (row) => {
      const values = known(row);
      if (values.length === 0) return '–';
      const missing = values.length < row.outcomes.length ? `; ${values.length} of ${row.outcomes.length}` : '';
      if (values.length < rulesByN.forInterval) return `${values.map(write).join(', ')}${missing}`;
      const { low, high } = range(values);
      return `${write(median(values))} (${write(low)} to ${write(high)}${missing})`;
    },
    raw: (row) => (known(row).length === 0 ? null : median(known(row))),
  };
}

/** What a run's own row of the CSV file says of it. */
export const efficiencyCsvColumns: readonly Column<LineageOutcome>[] = [
  column('area', (o) => o.area),
  column('last_minus_best', lastMinusBest),
  column('tokens_per_hundredth', (o) => costPerHundredth(o)?.tokens ?? null),
  column('calls_per_hundredth', (o) => costPerHundredth(o)?.calls ?? null),
  column('evaluations_per_hundredth', (o) => costPerHundredth(o)?.evaluations ?? null),
  column('usd_per_hundredth', (o) => costPerHundredth(o)?.usd ?? null),
];
