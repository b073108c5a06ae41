import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { reportRecord } from '../../analysis/report-records.ts';
import type { RunRecord } from '../../analysis/run-record.ts';
import { RunNotFoundError } from '../../core/errors.ts';
import { readRun } from '../read-run.ts';
import { findRuns, runPaths } from '../run-directory.ts';
import { readGroup, runsBeside } from '../run-group.ts';

/** What a user points at: one run, runs that were started together, or a folder of runs. */
export interface RunsAt {
  /** The place itself, absolute; its report lies in `report/` below it. */
  readonly dir: string;
  readonly runs: readonly string[];
  /** A folder is taken for what can be read in it; a run or group that is named has to be readable. */
  readonly isFolder: boolean;
}

/** @throws {RunNotFoundError} when there is no run, saying what is there instead. */
export function runsAt(target: string, out: string): RunsAt {
  const places = [...new Set([resolve(target), resolve(out, target)])];
  for (const dir of places) {
    if (existsSync(runPaths(dir).manifest)) return { dir, runs: [dir], isFolder: false };
    const group = readGroup(dirname(dir), basename(dir));
    if (group !== null) {
      const runs = runsBeside(dir, group);
      if (runs.length > 0) return { dir, runs, isFolder: false };
      throw new RunNotFoundError(
        `the runs of ${dir} are not beside it (${group.runs.slice(0, 3).join(', ')}${group.runs.length > 3 ? ', …' : ''}): move them along, or name their folder`,
      );
    }
    const runs = findRuns(dir);
    if (runs.length > 0) return { dir, runs, isFolder: true };
  }
  const found = places.find((dir) => existsSync(dir) && statSync(dir).isDirectory());
  if (found !== undefined) throw new RunNotFoundError(`${found} holds no run${insteadOf(found)}`);
  const known = findRuns(out).map((dir) => basename(dir));
  throw new RunNotFoundError(
    `no run, group or folder of runs ${JSON.stringify(target)} here or in ${out}${known.length === 0 ? '' : `; there are: ${known.join(', ')}`}`,
  );
}

/** Runs one level further down are what somebody meant who named the folder above. */
function insteadOf(dir: string): string {
  const below = readdirSync(dir, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && findRuns(join(dir, entry.name)).length > 0,
  );
  return below.length === 0 ? '' : `; there are runs in ${below.map((entry) => join(dir, entry.name)).join(', ')}`;
}

export interface ReadRuns {
  readonly records: readonly RunRecord[];
  readonly unreadable: readonly { readonly dir: string; readonly error: unknown }[];
}

/** Reads one run after another and keeps only what reports need, each directory once. */
export async function readRunsAt(places: readonly RunsAt[]): Promise<ReadRuns> {
  const seen = new Set<string>();
  const records: RunRecord[] = [];
  const unreadable: { dir: string; error: unknown }[] = [];
  for (const { runs, isFolder } of places) {
    for (const dir of runs) {
      const real = realpathSync(dir);
      if (seen.has(real)) continue;
      seen.add(real);
      try {
        records.push(reportRecord(await readRun(dir)));
      } catch (error) {
        if (!isFolder) throw error;
        unreadable.push({ dir, error });
      }
    }
  }
  if (records.length === 0 && unreadable.length > 0) throw unreadable[0]!.error;
  return { records, unreadable };
}
