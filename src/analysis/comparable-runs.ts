import type { RunRecord } from './run-record.ts';

export interface ComparableRuns {
  /** One run per arm and seed. */
  readonly runs: readonly RunRecord[];
  /** Left out because another run has the same arm and seed. */
  readonly superseded: readonly RunRecord[];
}

/**
 * One run per arm and seed, so that no seed counts twice: a finished run
 * before an unfinished one, then the latest, then the last by name.
 */
export function comparableRuns(records: readonly RunRecord[]): ComparableRuns {
  const preferred = new Map<string, RunRecord>();
  for (const record of records) {
    const key = `${record.arm}/${record.seed}`;
    const other = preferred.get(key);
    if (other === undefined || isPreferred(record, other)) preferred.set(key, record);
  }
  const runs = [...preferred.values()];
  return { runs, superseded: records.filter((r) => !runs.includes(r)) };
}

function isPreferred(a: RunRecord, b: RunRecord): boolean {
  if ((a.status === 'done') !== (b.status === 'done')) return a.status === 'done';
  if (a.startedAtMs !== b.startedAtMs) return a.startedAtMs > b.startedAtMs;
  return a.run > b.run;
}
