import { measuresOf } from '../../core/records.ts';
import { fixed, type ScoreFormat, usd } from '../format.ts';
import { itemInterval } from '../items.ts';
import { type LineageOutcome, type ScoredGeneration, testScore } from '../lineage-outcome.ts';
import { modelNames } from '../run-record.ts';
import { efficiencyCsvColumns } from './efficiency.ts';
import { type Column, column, measuredColumn, seedColumn } from './table.ts';

export function outcomeColumns({ score, signed }: ScoreFormat): Column<LineageOutcome>[] {
  const count = (key: string, of: (o: LineageOutcome) => number) => measuredColumn(key, of, (n) => fixed(n, 0));
  const at = (scored: ScoredGeneration | null) =>
    scored === null ? 'not measured' : `${score(scored.score)} (g${scored.generation})`;
  return [
    column('arm', (o) => o.arm),
    column('lineage', (o) => o.lineage),
    seedColumn((o) => o),
    measuredColumn('generation_0', (o) => o.start, score),
    column(
      'best',
      (o) => o.best?.score ?? null,
      (o) => at(o.best),
    ),
    measuredColumn('gain', (o) => o.imp.all, signed),
    column(
      'last',
      (o) => o.last?.score ?? null,
      (o) => at(o.last),
    ),
    column('test', testScore, (o) => testWords(o, score)),
    count('generations', (o) => o.counts.generations),
    count('failed', (o) => o.counts.failed),
    count('refused', (o) => o.counts.refused),
    column(
      'adoptions',
      (o) => o.counts.adoptions,
      ({ counts }) => (counts.adoptions === null ? 'not available' : fixed(counts.adoptions, 0)),
    ),
    column(
      'tokens',
      (o) => o.spent.tokens,
      ({ spent }) => (spent.tokens === null ? 'not available' : fixed(spent.tokens, 0)),
    ),
    count('evaluations', (o) => o.spent.evaluations),
    column(
      'usd',
      (o) => o.spent.usd,
      (o) => usd(o.spent.usd),
    ),
  ];
}

/** What the CSV file has beyond the table in the report. */
export function outcomeCsvColumns(format: ScoreFormat): Column<LineageOutcome>[] {
  return [
    column('run', (o) => o.run),
    column('status', (o) => o.status),
    column('model', modelNames),
    ...outcomeColumns(format),
    column('best_generation', (o) => o.best?.generation ?? null),
    column('last_measured_generation', (o) => o.last?.generation ?? null),
    column('imp_5', (o) => o.imp.at5),
    column('imp_10', (o) => o.imp.at10),
    column('imp_20', (o) => o.imp.at20),
    column('test_measures', (o) => measureWords(o) || null),
    column('test_status', (o) => o.test?.status ?? 'not opened'),
    column('test_items', (o) => itemInterval(o.test)?.n ?? null),
    column('test_low', (o) => itemInterval(o.test)?.low ?? null),
    column('test_high', (o) => itemInterval(o.test)?.high ?? null),
    column('promoted', (o) => o.counts.promoted),
    column('reads', (o) => o.counts.reads),
    column('calls', (o) => o.spent.calls),
    ...efficiencyCsvColumns,
  ];
}

function testWords({ test }: LineageOutcome, score: ScoreFormat['score']): string {
  if (test === null) return 'not opened';
  if (test.status === 'failed') return `failed: ${test.reason}`;
  const interval = itemInterval(test);
  const range = interval === null ? '' : `${score(interval.low)} to ${score(interval.high)}, ${interval.n} items`;
  const about = [range, measureWords({ test })].filter((words) => words !== '');
  return `${score(test.score)}${about.length === 0 ? '' : ` (${about.join('; ')})`}`;
}

/** What the niche measured beside the score. */
function measureWords({ test }: Pick<LineageOutcome, 'test'>): string {
  return Object.entries(measuresOf(test))
    .map(([name, mean]) => `${name} ${fixed(mean, 3)}`)
    .join(', ');
}
