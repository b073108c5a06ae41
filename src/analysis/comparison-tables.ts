import type { ComparedGroup, Comparison, GroupDifference, SeedDifference } from './comparison.ts';
import { armLineages } from './efficiency.ts';
import { fixed, type ScoreFormat, scoreFormat, seedList } from './format.ts';
import { type LineageOutcome, testScore } from './lineage-outcome.ts';
import { modelNames } from './run-record.ts';
import { rulesByN } from './statistics/paired-inference.ts';
import { median, range } from './statistics/summary.ts';
import { between, inferenceColumns, inferenceCsvColumns } from './tables/inference.ts';
import { type Column, column } from './tables/table.ts';
import type { TransferGain } from './transfer.ts';

/** One format for everything that stands side by side. */
export function comparisonFormat({ groups }: Comparison): ScoreFormat {
  return scoreFormat(groups.flatMap((g) => g.outcomes));
}

/** The seeds of one lineage in one arm of one group. */
export interface SideRow {
  readonly group: string;
  readonly arm: string;
  readonly lineage: string;
  readonly outcomes: readonly LineageOutcome[];
}

/** Arm by arm and lineage by lineage, groups next to each other. */
export function sideRows({ groups }: Comparison): SideRow[] {
  const rows = groups.flatMap(({ name, outcomes }) => armLineages(outcomes).map((row) => ({ group: name, ...row })));
  const places = [...new Set(rows.map((r) => `${r.arm}/${r.lineage}`))];
  return places.flatMap((place) => rows.filter((r) => `${r.arm}/${r.lineage}` === place));
}

export function sideColumns({ score, signed }: ScoreFormat): Column<SideRow>[] {
  return [
    column('arm', (r) => r.arm),
    column('lineage', (r) => r.lineage),
    column('group', (r) => r.group),
    column('n', (r) => r.outcomes.length),
    overSeeds('gain', 'gain over generation 0', (o) => o.imp.all, signed),
    overSeeds('best', 'best', (o) => o.best?.score ?? null, score),
    overSeeds('test', 'held-out test', testScore, score),
    overSeeds(
      'generations',
      'generations',
      (o) => o.counts.generations,
      (n) => fixed(n, 0),
    ),
    overSeeds(
      'tokens',
      'tokens',
      (o) => o.spent.tokens,
      (n) => fixed(n, 0),
    ),
  ];
}

function overSeeds(
  key: string,
  title: string,
  of: (outcome: LineageOutcome) => number | null,
  write: (value: number) => string,
): Column<SideRow> {
  const known = ({ outcomes }: SideRow) => outcomes.flatMap((o) => of(o) ?? []);
  return {
    key,
    title,
    show: (row) => {
      const values = known(row);
      if (values.length === 0) return 'not available';
      if (values.length < rulesByN.forInterval) return values.map(write).join(', ');
      return `${write(median(values))} (${between(range(values), write)})`;
    },
    raw: (row) => (known(row).length === 0 ? null : median(known(row))),
  };
}

export function differenceColumns({ signed }: ScoreFormat): Column<GroupDifference>[] {
  return [
    column('group', (d) => d.group),
    column('arm', (d) => d.arm),
    column('lineage', (d) => d.lineage),
    column('n', (d) => d.points.length),
    perSeed('differences', 'gain minus that of the first (seed: difference)', (p) => p.gain, signed),
    perSeed('test_differences', 'on the held-out test', (p) => p.test, signed),
    ...inferenceColumns((d: GroupDifference) => d.inference, signed),
  ];
}

/** What the CSV file has beyond the table on the page. */
export function differenceCsvColumns(format: ScoreFormat): Column<GroupDifference>[] {
  return [...differenceColumns(format), ...inferenceCsvColumns((d: GroupDifference) => d.inference)];
}

function perSeed(
  key: string,
  title: string,
  of: (point: SeedDifference) => number | null,
  write: (value: number) => string,
): Column<GroupDifference> {
  const show = (value: number | null) => (value === null ? 'not measured' : write(value));
  return {
    key,
    title,
    show: ({ points }) => points.map((p) => `${p.seed}: ${show(of(p))}`).join(', ') || 'no shared seed',
    raw: ({ points }) => points.map((p) => `${p.seed}:${of(p) ?? 'NA'}`).join(' ') || null,
  };
}

/** A transfer gain with the group it is of. */
export interface GroupGain {
  readonly group: string;
  readonly gain: TransferGain;
}

export function groupGains({ groups }: Comparison): GroupGain[] {
  return groups.flatMap(({ name, gains }) =>
    gains.filter((gain) => gain.points.length > 0).map((gain) => ({ group: name, gain })),
  );
}

export function groupGainColumns(columns: readonly Column<TransferGain>[]): Column<GroupGain>[] {
  return [
    column('group', (r) => r.group),
    ...columns.map(
      (c): Column<GroupGain> => ({
        title: c.title,
        key: c.key,
        show: (r) => c.show(r.gain),
        raw: (r) => c.raw(r.gain),
      }),
    ),
  ];
}

export function groupColumns(): Column<ComparedGroup>[] {
  const each = (of: (o: LineageOutcome) => string | number) => (g: ComparedGroup) =>
    [...new Set(g.outcomes.map(of))].join(', ');
  return [
    column('group', (g) => g.name),
    column('experiment', (g) => g.context.experiment),
    column('niche', (g) => g.context.niche),
    column(
      'arms',
      each((o) => o.arm),
    ),
    column('seeds', (g) =>
      seedList([...new Set(g.outcomes.map((o) => o.seed))].sort((a, b) => a - b)).replace(/^\w+ /, ''),
    ),
    column('runs', (g) => new Set(g.outcomes.map((o) => o.run)).size),
    column('unfinished', (g) => new Set(g.outcomes.filter((o) => o.status !== 'done').map((o) => o.run)).size),
    column('models', each(modelNames)),
    column('sandbox', (g) => g.context.provider),
  ];
}

export function settingColumns({ groups }: Comparison): Column<Comparison['differs'][number]>[] {
  return [
    column('setting', (d) => d.setting),
    ...groups.map(
      ({ name }, i): Column<Comparison['differs'][number]> => ({
        key: name,
        title: name,
        show: (d) => d.values[i] ?? 'not available',
        raw: (d) => d.values[i] ?? null,
      }),
    ),
  ];
}
