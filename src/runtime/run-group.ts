import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { ReportContext } from '../analysis/report.ts';
import type { RunRecord } from '../analysis/run-record.ts';
import { StorageFailedError } from '../core/errors.ts';
import { readRun } from './read-run.ts';
import { groupContext } from './report/group-context.ts';
import { reportPaths, writeReportFiles } from './report/write-report.ts';
import { readManifest, runPaths } from './run-directory.ts';

/** Runs that were started together: the unit of a report. Written beside the runs as `<group>/group.json`. */
export interface RunGroup extends ReportContext {
  readonly group: string;
  /** Directories of the runs, relative to the group's parent. */
  readonly runs: readonly string[];
}

const groupFile = (out: string, group: string) => join(out, group, 'group.json');

export function writeGroup(out: string, group: RunGroup): void {
  try {
    mkdirSync(join(out, group.group), { recursive: true });
    writeFileSync(groupFile(out, group.group), `${JSON.stringify(group, null, 2)}\n`);
  } catch (cause) {
    throw new StorageFailedError(`cannot write in ${out}`, { cause });
  }
}

/** The group that a run was started with, or `null` when it was moved away from it. */
export function readGroup(out: string, name: string): RunGroup | null {
  const path = groupFile(out, name);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as RunGroup) : null;
}

/** The run directories of a group, by its directory or by its name below `out`; `null` when there is no such group. */
export function groupRunsAt(target: string, out: string): readonly string[] | null {
  for (const dir of [resolve(target), resolve(out, target)]) {
    const group = readGroup(dirname(dir), basename(dir));
    if (group !== null) return runsBeside(dir, group);
  }
  return null;
}

/** The runs of a group that lie beside its directory or, where that is a link, beside what it leads to. */
export function runsBeside(dir: string, group: RunGroup): string[] {
  const beside = (place: string) =>
    group.runs.map((run) => join(dirname(place), run)).filter((run) => existsSync(runPaths(run).manifest));
  const here = beside(dir);
  return here.length > 0 ? here : beside(realpathSync(dir));
}

/** Records of a group's runs; a run whose directory is gone or was never made is left out. */
export async function readGroupRuns(out: string, group: RunGroup): Promise<RunRecord[]> {
  const dirs = group.runs.map((run) => join(out, run)).filter((dir) => existsSync(runPaths(dir).manifest));
  return Promise.all(dirs.map(readRun));
}

/**
 * Writes `<out>/<group>/report/`: report.md, report.html, figures as SVG, tables as CSV.
 * @returns the path of report.md.
 */
export function writeReport(out: string, group: RunGroup, records: readonly RunRecord[]): string {
  const dir = join(out, group.group, 'report');
  const [first] = records;
  writeReportFiles(dir, groupContext(group, first === undefined ? null : readManifest(first.dir)), records);
  return reportPaths(dir).report;
}
