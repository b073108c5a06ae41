import { z } from 'zod';
import { adapterFiles } from '../../src/core/adapter.ts';
import type { RoleActor } from '../../src/core/define.ts';
import {
  describeError,
  GenomeInvalidError,
  ModelFailedError,
  TrainingFailedError,
  WeightsInvalidError,
} from '../../src/core/errors.ts';
import type { FileTree } from '../../src/core/file-tree.ts';
import { factKey, type Journal } from '../../src/core/journal.ts';
import type { RequestOf, ResultOf } from '../../src/core/messages.ts';
import type { TrainingExample } from '../../src/models/trainer.ts';
import { hostOneStep } from '../one-step-machine.ts';
import type { GenomeReader } from '../sandbox-access.ts';
import { rollBack } from './roll-back.ts';
import { bringBack, keepAndServe, type WeightsPorts } from './weights.ts';

export interface TrainerPorts extends WeightsPorts {
  /** Where the examples of a training lie: `replay.jsonl` of the tree that a request names. */
  readonly genomes: GenomeReader;
  readonly journal: Journal;
}

type TrainRequest = Extract<RequestOf<'trainer'>, { kind: 'train' }>;
type Trained = Extract<ResultOf<'trainer'>, { status: 'in-service' }>;

/** What a training came to: the record of it, from which the same weights go into service at every repetition. */
export const trainedFact = 'adapter.trained';
export const rolledBackFact = 'adapter.rolled-back';

/** Trains weights for a lineage, keeps them and puts them into service; and takes them back. */
export function createTrainer(ports: TrainerPorts): RoleActor<'trainer'> {
  return hostOneStep('trainer', async (request, signal) => {
    try {
      return request.kind === 'train' ? await train(ports, request, signal) : await goBack(ports, request, signal);
    } catch (error) {
      // A training that comes to nothing, and weights that cannot be used, are answers: what was in service stays.
      if (!answers.some((kind) => error instanceof kind)) throw error;
      return { status: 'failed', reason: describeError(error) };
    }
  });
}

const answers = [TrainingFailedError, WeightsInvalidError, ModelFailedError] as const;

async function train(ports: TrainerPorts, request: TrainRequest, signal: AbortSignal): Promise<Trained> {
  const { lineage, generation, seed, dataset, hyperparameters } = request;
  const { trainer, adapters, serving, journal } = ports;
  const trained = await journal.once(trainedFact, factKey(lineage, generation), async () => {
    const job = { base: serving.base, method: 'sft' as const, hyperparameters, seed };
    const examples = examplesOf(await ports.genomes.get(dataset));
    const { adapter, metrics } = await trainer.train({ ...job, dataset: examples }, { signal });
    return { adapter: await adapters.put(adapter.directory), metrics, dataset };
  });
  const adapter = await bringBack(ports, trained.adapter);
  const placed = await keepAndServe(ports, adapter, { lineage, generation }, signal);
  return { status: 'in-service', ...placed, metrics: trained.metrics };
}

async function goBack(
  ports: TrainerPorts,
  request: Extract<RequestOf<'trainer'>, { kind: 'roll-back' }>,
  signal: AbortSignal,
): Promise<Trained> {
  const { lineage, generation, to, from, share, trial } = request;
  const placed = await rollBack(ports, request, signal);
  const key = factKey(lineage, generation, ...(trial === undefined ? [] : [trial]));
  await ports.journal.append(rolledBackFact, key, { to, from, share, ...placed });
  return { status: 'in-service', ...placed, metrics: null };
}

const exampleSchema: z.ZodType<TrainingExample> = z.strictObject({ prompt: z.string(), completion: z.string() });

/** @throws {GenomeInvalidError} naming the line that is no example. */
function examplesOf(tree: FileTree): TrainingExample[] {
  const file = tree.get(adapterFiles.replay);
  if (file === undefined) throw new GenomeInvalidError(`the dataset has no ${adapterFiles.replay}`);
  const lines = Buffer.from(file.bytes).toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line, i) => {
    try {
      return exampleSchema.parse(JSON.parse(line));
    } catch (cause) {
      throw new GenomeInvalidError(`${adapterFiles.replay}:${i + 1}: not a prompt and a completion`, { cause });
    }
  });
}
