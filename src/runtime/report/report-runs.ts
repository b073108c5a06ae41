import { join, resolve } from 'node:path';
import type { ReportSummary } from '../../analysis/report.ts';
import type { RunRecord } from '../../analysis/run-record.ts';
import { ConfigInvalidError } from '../../core/errors.ts';
import { contextOf } from './report-context.ts';
import { type RunsAt, readRunsAt, runsAt } from './runs-at.ts';
import { reportPaths, writeReportFiles } from './write-report.ts';

export interface ReportOptions {
  /** Where runs are looked for by name. */
  readonly out: string;
  /** Default: `report/` in the run, group or folder. */
  readonly to?: string;
  /** In place of those in the experiment. */
  readonly thresholds?: readonly number[];
}

/** One report that was written. */
export interface WrittenReport extends ReportSummary {
  readonly experiment: string;
  readonly status: 'done' | 'unfinished';
  readonly runs: readonly Pick<RunRecord, 'run' | 'dir' | 'arm' | 'seed' | 'status'>[];
  readonly directory: string;
  readonly report: string;
  readonly html: string;
  readonly figures: readonly string[];
  readonly tables: readonly string[];
}

export interface ReportOutcome {
  /** One per experiment. */
  readonly reports: readonly WrittenReport[];
  /** Runs of a folder that could not be read. */
  readonly unreadable: readonly { readonly dir: string; readonly error: unknown }[];
}

/**
 * Reports on runs, groups and folders of runs, wherever they lie now, finished
 * or not: one report per experiment.
 * @throws {RunNotFoundError} {@link RunFormatError} {@link JournalCorruptError} {@link StorageFailedError}
 */
export async function report(targets: readonly string[], options: ReportOptions): Promise<ReportOutcome> {
  const places = targets.map((target) => runsAt(target, options.out));
  const base = placeFor(places, options.to);
  const { records, unreadable } = await readRunsAt(places);
  const experiments = [...new Set(records.map((r) => r.experiment))];
  const reports = experiments.map((experiment) => {
    const own = records.filter((r) => r.experiment === experiment);
    return written(experiments.length === 1 ? base : join(base, experiment), own, options);
  });
  return { reports, unreadable };
}

/** @throws {ConfigInvalidError} where several places leave open which is meant. */
function placeFor(places: readonly RunsAt[], to: string | undefined): string {
  if (to !== undefined) return resolve(to);
  const dirs = [...new Set(places.map((place) => place.dir))];
  if (dirs.length === 1) return join(dirs[0]!, 'report');
  throw new ConfigInvalidError('a report on several places needs one of its own: say where with --to <dir>');
}

function written(directory: string, records: readonly RunRecord[], { thresholds }: ReportOptions): WrittenReport {
  const context = contextOf(records);
  const files = writeReportFiles(directory, thresholds === undefined ? context : { ...context, thresholds }, records);
  return {
    experiment: context.experiment,
    status: records.every((r) => r.status === 'done') ? 'done' : 'unfinished',
    runs: records.map(({ run, dir, arm, seed, status }) => ({ run, dir, arm, seed, status })),
    directory,
    ...reportPaths(directory),
    figures: Object.keys(files.figures),
    tables: Object.keys(files.tables),
    ...files.summary,
  };
}
