import { join } from 'node:path';
import { TrainingFailedError } from '../../core/errors.ts';
import { parseLineageId } from '../../core/ids.ts';
import { seedNumber } from '../../core/random.ts';
import { createEmbeddedServing } from '../../models/embedded/embedded-serving.ts';
import { createEmbeddedTrainer } from '../../models/embedded/embedded-trainer.ts';
import type { Base } from '../../models/embedded/files/base-checkpoint.ts';
import type { TrainingExample, TrainingMethod, TrainingOutcome } from '../../models/trainer.ts';
import { examplesOf, type Lessons } from './credit.ts';
import { type Propose, policyOf } from './policy.ts';

/** A training that came about, or why it did not: then the weights in service stay. */
export type Lesson =
  | ({ readonly adapter: string; readonly examples: number } & Pick<
      TrainingOutcome['metrics'],
      'firstLoss' | 'lastLoss'
    >)
  | { readonly adapter: null; readonly examples: number; readonly failure: string };

/** Weights that are trained on what it has been given so far, each time a fresh adapter from the base. */
export interface Learner {
  propose(temperature: number): Propose;
  /** Learns from these and from all that it was given before. */
  learn(lessons: Lessons): Promise<Lesson>;
}

export interface LearnerOptions {
  readonly name: string;
  readonly base: Base;
  /** Where adapters are kept. */
  readonly directory: string;
  readonly method: TrainingMethod;
  readonly hyperparameters: Readonly<Record<string, number>>;
  readonly seed: number;
  readonly threads: number;
  readonly signal: AbortSignal;
}

export function createLearner({
  name,
  base,
  directory,
  method,
  hyperparameters,
  seed,
  threads,
  signal,
}: LearnerOptions): Learner {
  const lineage = parseLineageId(name);
  const serving = createEmbeddedServing({ base });
  const trainer = createEmbeddedTrainer({
    ...{ base, threads, adaptersDir: join(directory, 'adapters'), checkpointsDir: join(directory, 'checkpoints') },
  });
  const dataset: TrainingExample[] = [];
  let generation = 0;
  return {
    propose: (temperature) => policyOf(serving.sampler(serving.inService(lineage)), temperature, signal),
    async learn(lessons) {
      generation += 1;
      dataset.push(...examplesOf(lessons));
      try {
        const { adapter, metrics } = await trainer.train(
          {
            ...{ base: base.name, dataset, method, hyperparameters },
            seed: seedNumber(seed, 'weights-loop', 'lora', generation),
          },
          { signal },
        );
        await serving.activate({ adapter, lineage, generation }, signal);
        const { firstLoss, lastLoss } = metrics;
        return { adapter: adapter.id, examples: dataset.length, firstLoss, lastLoss };
      } catch (error) {
        if (!(error instanceof TrainingFailedError)) throw error;
        return { adapter: null, examples: dataset.length, failure: error.message };
      }
    },
  };
}
