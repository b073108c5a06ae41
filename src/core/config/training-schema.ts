import { z } from 'zod';

const positive = z.int().positive();

/** How a lineage's weights learn from what has survived. Left out, they stay as they are. */
export const trainingSchema = z.strictObject({
  /**
   * Which generations' survivors make the dataset: all of them, so many last ones, or so many best ones by their score
   * on the training situations. Every training starts from the base.
   */
  regime: z
    .union([z.literal('all'), z.strictObject({ last: positive }), z.strictObject({ best: positive })])
    .default('all'),
  /**
   * What has survived. `best-sibling`: of the one-step trajectories of a situation the one that gained most, whichever
   * generation lived it. `trajectory`: every trajectory that gained, with equal credit for each of its steps.
   */
  credit: z.enum(['best-sibling', 'trajectory']).default('best-sibling'),
  /** A training in every so-manieth generation. */
  every: positive.default(2),
  /** Of a generation that trains: `unchanged`, so that what it gains is the weights' alone, or `edited` as well. */
  code: z.enum(['unchanged', 'edited']).default('unchanged'),
  /** With fewer survivors there is no training, which is recorded. */
  minExamples: positive.default(8),
  /** What the trainer knows by these names: rank, alpha, steps, batchSize, learningRate and more. */
  hyperparameters: z.record(z.string(), z.json()).default({}),
  /** How much of weights that were not promoted stays: 0 goes back to the ones before, above it weights are interpolated. */
  keepOfRefused: z.number().min(0).lt(1).default(0),
});
export type TrainingConfig = Readonly<z.output<typeof trainingSchema>>;
