import { z } from 'zod';
import { ConfigInvalidError } from '../../../core/errors.ts';
import { firstFree } from '../device.ts';
import {
  type Activations,
  type AdapterLayout,
  Allocator,
  adapterLayout,
  type RotaryTables,
  type Span,
  takeActivations,
  takeRotary,
  type WeightLayout,
  weightLayout,
} from '../layout.ts';
import type { LoraShape, ModelShape } from '../shape.ts';

/** How a training goes. The defaults are those of a LoRA generation of the storage niche's small model. */
export const hyperparametersSchema = z.strictObject({
  rank: z.int().min(1).max(256).default(8),
  /** The adapter counts alpha/rank times. */
  alpha: z.number().positive().default(16),
  steps: z.int().min(1).max(1_000_000).default(140),
  /** Sequences a step. */
  batchSize: z.int().min(1).max(1_024).default(32),
  /** At its peak. */
  learningRate: z.number().positive().default(5e-3),
  /** Share of the steps in which the rate rises from zero. */
  warmupShare: z.number().min(0).max(1).default(0.05),
  /** Share of the peak that the cosine ends at. */
  finalRateShare: z.number().min(0).max(1).default(0.1),
  weightDecay: z.number().min(0).default(0.01),
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.95),
  epsilon: z.number().positive().default(1e-8),
  /** The gradient's norm is clipped to it. */
  maxGradientNorm: z.number().positive().default(1),
});

export type Hyperparameters = Readonly<z.output<typeof hyperparametersSchema>>;

/** @throws {ConfigInvalidError} naming every value that cannot be. */
export function parseHyperparameters(input: unknown): Hyperparameters {
  const parsed = hyperparametersSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ConfigInvalidError(`invalid hyperparameters for the embedded trainer\n${z.prettifyError(parsed.error)}`);
}

/** Linear warm-up, then a cosine down to `finalRateShare`. @param step - From 1 to `steps`. */
export function learningRate(h: Hyperparameters, step: number): number {
  const warmup = h.warmupShare * h.steps;
  if (step <= warmup) return (h.learningRate * step) / warmup;
  const progress = (step - warmup) / Math.max(1, h.steps - warmup);
  return h.learningRate * (h.finalRateShare + (1 - h.finalRateShare) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}

/**
 * Parts into which a batch's gradient is split, always. They are added in
 * their order, so the sum has the same bits however many threads made them.
 */
export const gradientShards = 4;
/** Pieces in which the sum and the update are done; fixed for the same reason. */
const updatePieces = 8;

export interface TrainingPlan {
  readonly shape: ModelShape;
  /** `null`: all weights are trained. */
  readonly lora: LoraShape | null;
  readonly hyperparameters: Hyperparameters;
  readonly seed: number;
  readonly threads: number;
}

/** Addresses of a training in the memory that its threads share. */
export interface TrainingLayout {
  readonly weights: WeightLayout;
  readonly adapters: AdapterLayout | null;
  readonly base: number;
  /** Base and adapters together, renewed every step; the base itself where there are no adapters. */
  readonly merged: number;
  /** What is trained. */
  readonly trained: Span;
  readonly mean: number;
  readonly variance: number;
  readonly gradients: readonly number[];
  /** Runs of what is trained, one update each; relative to its start. */
  readonly pieces: readonly (Span & { readonly isDecayed: boolean })[];
  readonly rotary: RotaryTables;
  /** Tokens and targets [batchSize, length], and three integers that the leader sets before a step. */
  readonly batch: Readonly<Record<'tokens' | 'targets' | 'length' | 'counted' | 'step', number>>;
  readonly activations: readonly Activations[];
  readonly end: number;
}

/** The same in every thread: a pure function of the plan. */
export function trainingLayout({ shape, lora, hyperparameters, threads }: TrainingPlan): TrainingLayout {
  const { batchSize } = hyperparameters;
  const place = new Allocator(firstFree);
  const take = (count: number) => place.take(count);
  const weights = weightLayout(shape);
  const adapters = lora === null ? null : adapterLayout(shape, lora.rank);
  const base = take(weights.count);
  const merged = adapters === null ? base : take(weights.count);
  const count = adapters?.count ?? weights.count;
  const trained = { at: adapters === null ? base : take(count), count };
  const sequences = Math.ceil(batchSize / gradientShards);
  return {
    ...{ weights, adapters, base, merged, trained },
    ...{ mean: take(count), variance: take(count) },
    gradients: Array.from({ length: gradientShards }, () => take(count)),
    pieces:
      adapters === null ? [...split(weights.matrices, true), ...split(weights.norms, false)] : split(trained, true, 0),
    rotary: takeRotary(shape, place),
    batch: {
      ...{ tokens: take(batchSize * shape.contextLength), targets: take(batchSize * shape.contextLength) },
      ...{ length: take(1), counted: take(1), step: take(1) },
    },
    activations: Array.from({ length: threads }, () => takeActivations(shape, sequences, lora?.rank ?? 0, place)),
    end: place.end,
  };
}

function split({ at, count }: Span, isDecayed: boolean, from = at): TrainingLayout['pieces'] {
  const size = Math.ceil(count / updatePieces / 16) * 16;
  return Array.from({ length: Math.ceil(count / size) }, (_, i) => {
    return { at: from + i * size, count: Math.min(size, count - i * size), isDecayed };
  });
}

/** Sequences of one shard: first and one past the last. */
export function shardRange(batchSize: number, shard: number): readonly [from: number, to: number] {
  const bound = (i: number) => Math.floor((i * batchSize) / gradientShards);
  return [bound(shard), bound(shard + 1)];
}
