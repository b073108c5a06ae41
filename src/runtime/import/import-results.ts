import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { ConfigInvalidError, RunNotFoundError, StorageFailedError } from '../../core/errors.ts';
import { packageVersion } from '../package-version.ts';
import { readGroup, writeGroup } from '../run-group.ts';
import { readAdas } from './adas.ts';
import type { ForeignRun, ImportSource } from './foreign-run.ts';
import { readHyperspace } from './hyperspace/import-hyperspace.ts';
import type { Missing } from './missing.ts';
import { tokenOf } from './names.ts';
import { readOpenEvolve } from './openevolve.ts';
import { writeForeignRun } from './write-run.ts';

/** What `import … --json` prints: a contract for scripts, held by tests. */
export interface ImportOutcome {
  readonly runs: readonly ImportedRun[];
}

export interface ImportedRun {
  readonly run: string;
  /** What the source calls the experiment. */
  readonly pairing: string;
  /** `null` where the source does not say. */
  readonly seed: number | null;
  readonly lineages: readonly {
    readonly id: string;
    readonly generations: number;
    /** Generations that the source calls invalid. */
    readonly invalid: number;
  }[];
  readonly missing: readonly Missing[];
}

export interface ImportOptions {
  /** Where runs are written. */
  readonly out: string;
  readonly signal?: AbortSignal;
  /** Called for each round that was written, of `runs` runs the one at `index`. */
  readonly onProgress?: (progress: ImportProgress) => void;
}

export interface ImportProgress {
  readonly run: string;
  readonly index: number;
  readonly runs: number;
  /** Rounds of this run that were written. */
  readonly rounds: number;
}

const next = 'COMMAND import --help tells what each source looks like';

const readers: Readonly<Record<ImportSource, (path: string) => readonly ForeignRun[]>> = {
  hyperspace: readHyperspace,
  adas: readAdas,
  openevolve: readOpenEvolve,
};

/**
 * Imports the results of another system as runs of ours: journal, repository,
 * genomes. What is not there is not available, never zero; what cannot be
 * read is told in `missing`, and the rest is imported.
 * @throws {RunNotFoundError} when there is nothing to import at `path`.
 * @throws {StorageFailedError} when `out` cannot be written, or a run of one of the names is there and was not imported.
 * @throws {RunCancelledError} when `signal` aborted; runs finished before are whole.
 */
export async function importResults(
  source: ImportSource,
  path: string,
  options: ImportOptions,
): Promise<ImportOutcome> {
  const root = existing(path, source === 'adas' ? 'file' : 'directory');
  const foreign = readers[source](root);
  if (foreign.length === 0)
    throw new RunNotFoundError(`${path} holds no results of ${source}: nothing to import`, { details: { next } });
  const out = resolve(options.out);
  try {
    mkdirSync(out, { recursive: true });
  } catch (cause) {
    throw new StorageFailedError(`cannot write in ${out}`, { cause });
  }
  const runs: ImportedRun[] = [];
  for (const [index, run] of foreign.entries()) {
    runs.push(await importRun(run, index, foreign.length, basename(root), { ...options, out }));
    addToGroup(out, run);
  }
  return { runs };
}

async function importRun(
  run: ForeignRun,
  index: number,
  runs: number,
  path: string,
  { out, signal, onProgress }: ImportOptions,
): Promise<ImportedRun> {
  const counts = new Map(run.lineages.map(({ id }) => [id, { generations: 0, invalid: 0 }]));
  const counted: ForeignRun = {
    ...run,
    rounds: (function* () {
      for (const round of run.rounds) {
        for (const { lineage, recorded } of round) {
          const count = counts.get(lineage)!;
          count.generations += 1;
          if (!recorded.isValid) count.invalid += 1;
        }
        yield round;
      }
    })(),
  };
  await writeForeignRun(counted, {
    ...{ out, version: packageVersion(), path },
    ...(signal === undefined ? {} : { signal }),
    onRound: (round) => onProgress?.({ run: run.run, index, runs, rounds: round + 1 }),
  });
  return {
    run: run.run,
    pairing: run.pairing,
    seed: run.seed,
    lineages: [...counts].map(([id, count]) => ({ id, ...count })),
    missing: run.missing.entries,
  };
}

/** @returns its real path. */
function existing(path: string, kind: 'file' | 'directory'): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new RunNotFoundError(`there is nothing at ${path}`, { details: { next } });
  if (kind === 'file' ? !stat.isFile() : !stat.isDirectory())
    throw new ConfigInvalidError(`${path} is not a ${kind}`, { details: { next } });
  return realpathSync(path);
}

/** Runs of one experiment are reported together. */
function addToGroup(out: string, { run, source, pairing, lineages }: ForeignRun): void {
  const group = tokenOf(pairing);
  const known = readGroup(out, group);
  writeGroup(out, {
    ...{ group, experiment: group, question: `Imported from ${source}: ${pairing}`, niche: `${source} (imported)` },
    ...{ command: `galapagos import ${source} …`, version: packageVersion(), provider: 'not available' },
    models: {
      ...known?.models,
      ...Object.fromEntries(lineages.map(({ id, model }) => [tokenOf(model ?? id), model ?? 'not available'])),
    },
    runs: [...new Set([...(known?.runs ?? []), run])].sort(),
  });
}
