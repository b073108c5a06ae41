import type { LineageRecord, Narrowing, RunRecord } from '../analysis/run-record.ts';
import { armLineages } from '../core/config/arm-lineages.ts';
import { lineageConfig } from '../core/config/check-training.ts';
import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import type { LineageId } from '../core/ids.ts';
import type { ResultOf } from '../core/messages.ts';
import { addUsage, type Evaluation, evaluationsOf, type Generation, noUsage } from '../core/records.ts';
import { scanJournal } from './journal.ts';
import { readManifest, runPaths } from './run-directory.ts';
import { holderOf } from './run-lock.ts';
import { RunState } from './run-state.ts';

/**
 * What is known of a run, live or finished, from its directory alone.
 * @throws {RunNotFoundError} @throws {RunFormatError} @throws {JournalCorruptError}
 */
export async function readRun(dir: string): Promise<RunRecord> {
  const manifest = readManifest(dir);
  const state = new RunState(manifest);
  const generations = new Map<LineageId, Generation[]>([...state.lineages.keys()].map((id) => [id, []]));
  const tests = new Map<string, Evaluation>();
  const narrowings: Narrowing[] = [];
  let notAvailable: readonly string[] = [];
  let startedAtMs = 0;
  let ending: Pick<RunRecord, 'status' | 'reason'> = { status: 'running', reason: null };
  await scanJournal(runPaths(dir).journal, (fact) => {
    state.apply(fact);
    startedAtMs ||= fact.at;
    if (fact.type === 'lineage.finished') {
      const { generation } = fact.body as ResultOf<'lineage'>;
      if (generation !== null) generations.get(generation.lineage)?.push(generation);
    } else if (fact.type === 'environment.finished' && fact.key.endsWith('/test')) {
      const { evaluation } = fact.body as ResultOf<'environment'>;
      if (evaluation.split === 'test') tests.set(fact.key.split('/')[0]!, evaluation);
    } else if (fact.type === 'guard.narrowed') {
      narrowings.push({ ...(fact.body as Omit<Narrowing, 'round'>), round: state.isNew ? null : state.round });
    } else if (fact.type === 'run.imported') {
      notAvailable = (fact.body as { notAvailable: readonly string[] }).notAvailable;
    } else if (fact.type === 'run.ended') ending = fact.body as typeof ending;
    else if (fact.type === 'session.opened') ending = { status: 'running', reason: null };
  });
  if (ending.status === 'running' && holderOf(dir) === null) ending = { status: 'stopped', reason: 'interrupted' };
  return {
    run: manifest.run,
    dir,
    experiment: manifest.config.name,
    arm: manifest.arm,
    seed: manifest.seed,
    ...ending,
    startedAtMs,
    wallMs: state.wallMs,
    narrowings,
    ...(manifest.imported === undefined ? {} : { imported: { ...manifest.imported, notAvailable } }),
    lineages: armLineages(manifest.config, manifest.arm).map(({ id, model, twinOf }) => {
      const known = generations.get(id)!;
      return {
        ...{ id, model, generations: known },
        ...(twinOf === null ? {} : { twinOf }),
        ...taskModelOf(manifest.config, id, model),
        test: tests.get(id) ?? null,
        spent: known.reduce((sum, g) => addUsage(sum, g.usage), noUsage),
        evaluations: known.reduce((sum, g) => sum + evaluationsOf(g), 0),
      };
    }),
  };
}

function taskModelOf(config: ExperimentConfig, lineage: string, model: string): Pick<LineageRecord, 'taskModel'> {
  const { taskModel = model } = lineageConfig(config, lineage);
  return taskModel === model ? {} : { taskModel };
}
