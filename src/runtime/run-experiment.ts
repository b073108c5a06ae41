import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { armLineages } from '../core/config/arm-lineages.ts';
import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import { RunFormatError } from '../core/errors.ts';
import { loadCast } from './actors.ts';
import { executeAll, openBroker, type SessionOptions } from './execute-all.ts';
import { type LoadedExperiment, loadExperiment } from './experiment-file.ts';
import { type ExperimentPlan, planExperiment } from './experiment-plan.ts';
import { createModels } from './models.ts';
import { checkVolumes, createNiche, labelOf } from './niches.ts';
import { type ExperimentOutcome, outcomeOf } from './outcome.ts';
import { packageVersion } from './package-version.ts';
import { isModulePath } from './plugins.ts';
import { openProvider } from './providers.ts';
import { readRun } from './read-run.ts';
import { createRunDirectory, locateRun, planRuns, type RunManifest, readManifest } from './run-directory.ts';
import { groupRunsAt, type RunGroup, readGroup, readGroupRuns, writeGroup, writeReport } from './run-group.ts';
import { checkRoom, checkTrust } from './sandbox-access.ts';
import { readSeedGenome } from './seed-genome.ts';

export interface RunOptions extends SessionOptions {
  readonly seeds?: readonly number[];
  readonly arms?: readonly string[];
  /** `a.b=c` texts, applied before validation. */
  readonly set?: readonly string[];
  /** Overrides `sandbox.provider`. */
  readonly sandbox?: string;
  /** How the user asked for this, for the report. */
  readonly command?: string;
}

/** Loads and validates an experiment with its overrides. @throws {ConfigInvalidError} */
export function prepareExperiment(experiment: string, options: RunOptions = {}): LoadedExperiment {
  const overrides = [
    ...(options.set ?? []),
    ...(options.seeds === undefined ? [] : [`seeds=[${options.seeds.join(',')}]`]),
    ...(options.arms === undefined ? [] : [`arms=[${options.arms.join(',')}]`]),
    ...(options.sandbox === undefined ? [] : [`sandbox.provider=${options.sandbox}`]),
  ];
  return loadExperiment(experiment, overrides);
}

/** Says what an experiment would do at most, and checks everything that can be checked without doing it. */
export async function plan(experiment: string, options: RunOptions = {}): Promise<ExperimentPlan> {
  const loaded = prepareExperiment(experiment, options);
  const { models } = await checkExperiment(loaded, options);
  return planExperiment(loaded.config, models);
}

async function checkExperiment({ config, dir }: LoadedExperiment, options: SessionOptions) {
  const models = await createModels({ config, experimentDir: dir, secret: options.secret ?? noSecret });
  const niche = await createNiche(config, dir);
  await loadCast(config, dir);
  const seedTrees = new Map(
    Object.entries(config.lineages).map(([id, { seed }]) => [
      id,
      readSeedGenome(resolve(dir, seed ?? config.seed), config.genome),
    ]),
  );
  return { models, niche, seedTrees };
}

const noSecret = () => undefined;

/**
 * Runs an experiment: every arm and seed as a run of its own, and a report.
 * Runs that fail or are stopped do not disturb the others; each can be resumed.
 * @throws {ConfigInvalidError} {@link PluginInvalidError} {@link PolicyRefusedError} {@link StorageFailedError} before anything is spent.
 */
export async function run(experiment: string, options: RunOptions = {}): Promise<ExperimentOutcome> {
  const loaded = prepareExperiment(experiment, options);
  const { config, dir: experimentDir } = loaded;
  const { models, niche, seedTrees } = await checkExperiment(loaded, options);
  await using provider = await openProvider(config.sandbox.provider, config.sandbox, experimentDir);
  checkTrust(provider, models, config.sandbox.allowUnsafe);
  checkVolumes(niche, provider);
  checkRoom(provider, config);
  const out = resolve(options.out ?? defaultOut);
  const planned = planRuns(config, out);
  const runs = planned.runs.map(({ run, arm }) => ({ run, arm, config }));
  await using broker = await openBroker(options, join(out, planned.group), runs);
  const version = packageVersion();
  const group: RunGroup = {
    group: planned.group,
    experiment: config.name,
    question: config.question,
    niche: labelOf(niche),
    command: options.command ?? `galapagos run ${experiment}`,
    version,
    provider: provider.name,
    models: Object.fromEntries(
      Object.values(config.lineages)
        .flatMap(({ model, taskModel = model }) => [model, taskModel])
        .map((name) => [name, describeModel(config, name)]),
    ),
    runs: planned.runs.map((r) => r.run),
  };
  // A module is found again by its path, a built-in by its name; `auto` is not chosen anew.
  const sandbox = isModulePath(config.sandbox.provider) ? config.sandbox.provider : provider.name;
  const sandboxDetails = await provider.details?.();
  for (const { run: id, dir, arm, seed, donor } of planned.runs) {
    const manifest = {
      ...{ version, run: id, arm, seed, config, experimentDir, group: planned.group, niche: labelOf(niche) },
      ...(donor === undefined ? {} : { donor }),
      ...{ sandbox, ...(sandboxDetails === undefined ? {} : { sandboxDetails }) },
    };
    const trees = armLineages(config, arm).map(({ id, twinOf }) => [id, seedTrees.get(twinOf ?? id)!] as const);
    await createRunDirectory(dir, manifest, new Map(trees));
  }
  // Last: a group that can be found is complete.
  writeGroup(out, group);
  const parallel = options.parallel ?? availableParallelism();
  options.onProgress?.({
    type: 'experiment.started',
    plan: planExperiment(config, models),
    provider: provider.name,
    isolation: provider.isolation,
    parallel,
  });
  await executeAll(planned.runs, parallel, { ...options, provider, broker });
  const records = await readGroupRuns(out, group);
  return outcomeOf(config.name, records, writeReport(out, group, records));
}

/**
 * Continues what was stopped, killed or failed, to the end that an undisturbed
 * run would have reached: one run, or every unfinished run of a group that was
 * started together.
 * @param target - A run or a group, by name below `out` or as a directory.
 * @throws {RunNotFoundError} {@link RunLockedError} {@link RunFormatError} {@link JournalCorruptError}
 */
export async function resume(target: string, options: SessionOptions = {}): Promise<ExperimentOutcome> {
  const place = options.out ?? defaultOut;
  const dirs = groupRunsAt(target, place) ?? [locateRun(target, place)];
  const manifests = dirs.map((dir) => ({ dir, ...readManifest(dir) }));
  refuseImported(manifests);
  const { config, experimentDir, sandbox, sandboxDetails } = manifests[0]!;
  const image = sandboxDetails?.image ?? config.sandbox.image;
  await using provider = await openProvider(sandbox, { ...config.sandbox, image }, experimentDir);
  const out = dirname(dirs[0]!);
  await using broker = await openBroker(options, join(out, manifests[0]!.group), manifests);
  await executeAll(manifests, options.parallel ?? availableParallelism(), { ...options, provider, broker });
  const group = readGroup(out, manifests[0]!.group);
  const report = group === null ? null : writeReport(out, group, await readGroupRuns(out, group));
  return outcomeOf(config.name, await Promise.all(dirs.map(readRun)), report);
}

const defaultOut = join('results', 'runs');

function describeModel(config: ExperimentConfig, name: string): string {
  const model = config.models[name];
  if (model === undefined)
    return 'no language model: genetic programming behind the chat protocol, the blind-variation baseline';
  if (model.kind === 'openai') return `${model.model} at ${model.baseUrl ?? 'api.openai.com'}`;
  if (model.kind === 'embedded') return `embedded, base ${basename(model.base)}`;
  return model.kind === 'cassette'
    ? `recording ${basename(model.file)} (${model.mode})`
    : `module ${basename(model.module)}`;
}

function refuseImported(manifests: readonly RunManifest[]): void {
  const imported = manifests.find((manifest) => manifest.imported !== undefined);
  if (imported === undefined) return;
  throw new RunFormatError(`${imported.run} was imported from ${imported.imported!.source} and cannot be resumed`, {
    details: { next: 'COMMAND show, log, report and analyze read it; to go on from its code, begin a run of your own' },
  });
}
