import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ImportedFrom } from '../analysis/run-record.ts';
import { type ArmName, arms } from '../core/config/arms.ts';
import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import { parseExperiment } from '../core/config/parse-experiment.ts';
import { describeError, RunFormatError, RunNotFoundError, StorageFailedError } from '../core/errors.ts';
import { type FileTree, totalBytes } from '../core/file-tree.ts';
import { type GenomeId, parseRunId, type RunId } from '../core/ids.ts';
import { createFileGenomeStore } from '../lineage/genome-store.ts';

/** Written into every run; a run of another format is refused, never guessed at. */
const runFormat = 1;

/** A genome in the run's store, with its size. */
export interface StoredSeed {
  readonly genome: GenomeId;
  readonly bytes: number;
  readonly files: number;
}

/** A run's `config.json`: complete, and written before the first event. */
export interface RunManifest {
  readonly format: typeof runFormat;
  readonly version: string;
  readonly run: RunId;
  readonly arm: ArmName;
  readonly seed: number;
  readonly config: ExperimentConfig;
  /** Generation 0 of each lineage, in the run's genome store. */
  readonly seeds: Readonly<Record<string, StoredSeed>>;
  /** What relative paths in `config` are relative to. */
  readonly experimentDir: string;
  /** The provider that was chosen; a resumed run keeps it. */
  readonly sandbox: string;
  /** What the provider says about where commands ran, such as the id of an image; a resumed run keeps that too. */
  readonly sandboxDetails?: Readonly<Record<string, string>>;
  /** Name and version of the niche: what a resumed run measures must compare with what it has measured. */
  readonly niche?: string;
  /** The group of runs that were started together, and its directory. */
  readonly group: string;
  /** Of a run that another system made. It cannot be resumed. */
  readonly imported?: ImportedFrom;
  /** In `shuffled`, the run whose published strategies are shown; it lies beside this one. */
  readonly donor?: RunId;
}

/** The files of a run directory. */
export const runPaths = (dir: string) => ({
  manifest: join(dir, 'config.json'),
  journal: join(dir, 'journal.jsonl'),
  lineage: join(dir, 'lineage'),
  genomes: join(dir, 'genomes'),
  markspace: join(dir, 'markspace'),
  marks: join(dir, 'markspace', 'marks.jsonl'),
  calls: join(dir, 'calls'),
  donated: join(dir, 'markspace', 'donated.json'),
  adapters: join(dir, 'adapters'),
  trainings: join(dir, 'trainings'),
});

/**
 * Makes a run: its directory, generation 0 of every lineage, and last its manifest.
 * @throws {StorageFailedError} when the directory cannot be made or written.
 */
export async function createRunDirectory(
  dir: string,
  manifest: Omit<RunManifest, 'format' | 'seeds'>,
  seedTrees: ReadonlyMap<string, FileTree>,
): Promise<void> {
  try {
    mkdirSync(join(dir, 'markspace'), { recursive: true });
    const genomes = createFileGenomeStore(runPaths(dir).genomes);
    const seeds: Record<string, StoredSeed> = {};
    for (const [lineage, tree] of seedTrees) {
      seeds[lineage] = { genome: await genomes.put(tree), bytes: totalBytes(tree), files: tree.size };
    }
    const { manifest: path } = runPaths(dir);
    writeFileSync(`${path}.new`, `${JSON.stringify({ format: runFormat, ...manifest, seeds }, null, 2)}\n`, {
      flush: true,
    });
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw new StorageFailedError(`cannot create the run directory ${dir}`, { cause });
  }
}

/**
 * @throws {RunNotFoundError} when there is no run at `dir`.
 * @throws {RunFormatError} when it was written in another format.
 */
export function readManifest(dir: string): RunManifest {
  const path = runPaths(dir).manifest;
  let manifest: Partial<RunManifest>;
  try {
    manifest = JSON.parse(readFileSync(path, 'utf8')) as Partial<RunManifest>;
  } catch (cause) {
    if (!existsSync(path)) throw new RunNotFoundError(`${dir} is not a run: it has no config.json`, { cause });
    throw new RunFormatError(`${path} is not readable JSON`, { cause });
  }
  if (manifest.format !== runFormat) {
    throw new RunFormatError(
      `${dir} has run format ${manifest.format ?? 'unknown'} (galapagos ${manifest.version ?? 'unknown'}); this version reads format ${runFormat}: use the version that wrote it`,
    );
  }
  try {
    // Settings that came later than the run take their defaults.
    return { ...(manifest as RunManifest), config: parseExperiment(manifest.config) };
  } catch (cause) {
    throw new RunFormatError(`${path} holds what this version does not accept: ${describeError(cause)}`, { cause });
  }
}

/** Every run directly below `out`, by name, links to run directories included; a run that is there twice once, by its own name. */
export function findRuns(out: string): string[] {
  if (!existsSync(out)) return [];
  const entries = readdirSync(out, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const inOrder = [...entries.filter((e) => e.isDirectory()), ...entries.filter((e) => e.isSymbolicLink())];
  const found = new Map<string, string>();
  for (const dir of inOrder.map(({ name }) => join(out, name))) {
    if (!existsSync(runPaths(dir).manifest)) continue;
    const real = realpathSync(dir);
    if (!found.has(real)) found.set(real, dir);
  }
  return [...found.values()].sort();
}

/** Finds a run by path, or by id below `out`. @throws {RunNotFoundError} naming what is there. */
export function locateRun(run: string, out: string): string {
  for (const dir of [resolve(run), resolve(out, run)]) {
    if (existsSync(runPaths(dir).manifest)) return dir;
  }
  const known = findRuns(out).map((dir) => dir.slice(resolve(out).length + 1));
  throw new RunNotFoundError(
    `no run ${JSON.stringify(run)} here or in ${out}${known.length === 0 ? '' : `; there are: ${known.join(', ')}`}`,
  );
}

export interface PlannedRun {
  readonly run: RunId;
  readonly dir: string;
  readonly arm: ArmName;
  readonly seed: number;
  /** The run that must be done before this one starts, because this one shows what it published. */
  readonly donor?: RunId;
}

/**
 * Names for a group of runs: `<experiment>-<arm>-<seed>`, with `-r2`, `-r3`, …
 * behind all of them when any is taken. Old runs are never touched.
 */
export function planRuns(
  config: ExperimentConfig,
  out: string,
): { readonly group: string; readonly runs: readonly PlannedRun[] } {
  for (let attempt = 1; ; attempt += 1) {
    const suffix = attempt === 1 ? '' : `-r${attempt}`;
    const nameOf = (arm: ArmName, seed: number) => parseRunId(`${config.name}-${arm}-${seed}${suffix}`);
    const runs = config.arms.flatMap((arm) =>
      config.seeds.map((seed, i): PlannedRun => {
        const run = nameOf(arm, seed);
        const planned = { run, dir: resolve(out, run), arm, seed };
        if (arms[arm].strategies !== 'shuffled') return planned;
        // The next seed's, and the first one's for the last: every seed lends once.
        return { ...planned, donor: nameOf('paired', config.seeds[(i + 1) % config.seeds.length]!) };
      }),
    );
    const group = `${config.name}${suffix}`;
    if (![group, ...runs.map((r) => r.run)].some((name) => existsSync(join(out, name)))) return { group, runs };
  }
}
