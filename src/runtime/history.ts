import type { RunRecord } from '../analysis/run-record.ts';
import { LineageCorruptError, RunNotFoundError } from '../core/errors.ts';
import type { Generation } from '../core/records.ts';
import { openGitReader } from '../lineage/git-reader.ts';
import type { LogEntry } from '../lineage/lineage.ts';
import { type CallSummary, readCalls } from './call-log.ts';
import { readRun } from './read-run.ts';
import { findRuns, locateRun, runPaths } from './run-directory.ts';

/** Every run below `out`, oldest first. A run that cannot be read is named with its error. */
export async function listRuns(
  out: string,
): Promise<readonly (RunRecord | { readonly dir: string; readonly error: unknown })[]> {
  const records = await Promise.all(
    findRuns(out).map((dir) => readRun(dir).catch((error: unknown) => ({ dir, error }))),
  );
  return records.sort((a, b) => ('error' in a ? 0 : a.startedAtMs) - ('error' in b ? 0 : b.startedAtMs));
}

/** What a user points at: a run, a lineage of it, or one generation. */
export interface Target {
  readonly record: RunRecord;
  readonly lineage: string | null;
  readonly generation: Generation | null;
}

/**
 * Finds `<run>[/<lineage>[/<generation>]]`; `<run>` may also be a directory, and
 * `<generation>` be written `7` or `g7`.
 * @param known - A run that was read already; it is not read again.
 * @throws {RunNotFoundError} naming what there is instead.
 */
export async function locateTarget(path: string, out: string, known?: RunRecord): Promise<Target> {
  const { dir, rest } = splitTarget(path, out);
  const record = known?.dir === dir ? known : await readRun(dir);
  const [lineageId, generationText] = rest;
  if (lineageId === undefined) return { record, lineage: null, generation: null };
  const lineage = record.lineages.find((l) => l.id === lineageId);
  if (lineage === undefined) {
    throw new RunNotFoundError(
      `${record.run} has no lineage ${lineageId}; it has ${record.lineages.map((l) => l.id).join(', ')}`,
    );
  }
  if (generationText === undefined) return { record, lineage: lineageId, generation: null };
  const number = Number(generationText.replace(/^g/, ''));
  const generation = lineage.generations.find((g) => g.generation === number);
  if (generation === undefined) {
    throw new RunNotFoundError(
      `${record.run}/${lineageId} has no generation ${generationText}; it has 0 to ${lineage.generations.at(-1)?.generation ?? 'none'}`,
    );
  }
  return { record, lineage: lineageId, generation };
}

/** The run is the longest beginning of the path that is one. */
function splitTarget(path: string, out: string): { dir: string; rest: string[] } {
  const parts = path.replace(/\/+$/, '').split('/');
  for (const taken of [parts.length, parts.length - 1, parts.length - 2]) {
    if (taken < 1) break;
    try {
      return { dir: locateRun(parts.slice(0, taken).join('/'), out), rest: parts.slice(taken) };
    } catch (error) {
      if (!(error instanceof RunNotFoundError)) throw error;
    }
  }
  return { dir: locateRun(path, out), rest: [] };
}

/** Every commit of a run, as git tells it. */
export function readLog(record: RunRecord): Promise<readonly LogEntry[]> {
  return openGitReader(runPaths(record.dir).lineage).log();
}

/** `git log --graph --oneline` of a run. */
export function readGraph(
  record: RunRecord,
  options: { readonly color: boolean; readonly max?: number },
): Promise<string> {
  return openGitReader(runPaths(record.dir).lineage).graph(options);
}

/** Unified diff between two generations of one run; against its parent when only one is given. */
export async function diffGenerations(from: Target, to: Target | null): Promise<string> {
  const child = to ?? from;
  if (child.generation === null || from.generation === null)
    throw new RunNotFoundError('name generations: <run>/<lineage>/<generation>');
  const reader = openGitReader(runPaths(child.record.dir).lineage);
  if (to === null) {
    const lineage = from.record.lineages.find((l) => l.id === from.lineage)!;
    const parent = lineage.generations.find((g) => g.generation === from.generation!.parent);
    if (parent === undefined)
      throw new RunNotFoundError(`generation ${from.generation.generation} has no parent to compare with`);
    return reader.diff(parent.commit, from.generation.commit);
  }
  if (from.record.dir !== to.record.dir) throw new RunNotFoundError('both generations must be of one run');
  return reader.diff(from.generation.commit, child.generation.commit);
}

/** What a generation has besides what its lineage remembers of it. */
export interface GenerationDetail {
  /** Unified diff against its parent; `null` for generation 0, and while a live run has not written it yet. */
  readonly diff: string | null;
  readonly calls: readonly CallSummary[];
}

export async function readGeneration(target: Target): Promise<GenerationDetail> {
  const { record, generation } = target;
  if (generation === null) throw new RunNotFoundError('name a generation: <run>/<lineage>/<generation>');
  const calls = readCalls(runPaths(record.dir).calls, generation.lineage, generation.generation);
  const diff =
    generation.parent === null
      ? null
      : await diffGenerations(target, null).catch((error: unknown) => {
          // A live run makes its repository visible once a second.
          if (record.status === 'running' && error instanceof LineageCorruptError) return null;
          throw error;
        });
  return { diff, calls };
}

/** Where a run's git repository lies, for people who use git itself. */
export function repositoryOf(record: RunRecord): string {
  return runPaths(record.dir).lineage;
}
