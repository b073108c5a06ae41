import { forwardBackward, type TrainingShard } from '../backward.ts';
import type { WasmDevice } from '../device.ts';
import type { Pass } from '../forward.ts';
import { type Adapters, adapterGradients, mergeProjection, weightGradients } from '../gradients.ts';
import { projections } from '../shape.ts';
import type { Gang } from './gang.ts';
import { gradientShards, learningRate, shardRange, type TrainingLayout, type TrainingPlan } from './plan.ts';

/** What one thread holds. */
export interface TrainingThread {
  readonly plan: TrainingPlan;
  readonly layout: TrainingLayout;
  readonly device: WasmDevice;
  readonly gang: Gang;
  readonly index: number;
  /** Shared: the summed loss of each shard, then the squared gradient norm of each piece. */
  readonly sums: Float64Array;
}

export interface StepResult {
  /** Summed loss by the number of counted tokens, in nats, before the update: see `loss.ts`. */
  readonly loss: number;
  readonly gradientNorm: number;
}

/** Numbers in `sums`: shards, then at most eight pieces for matrices and eight for norms. */
export const sumCount = gradientShards + 16;

const claims = { merge: 0, shard: 1, reduce: 2, update: 3 } as const;

/**
 * One optimiser step, run by every thread of the gang at once, with the batch
 * already written. Which thread does which piece is left to chance; what a
 * piece computes and the order in which sums are taken are not.
 *
 * @returns what the step was like, or `null` when the gang was sent home in the middle of it.
 */
export function runStep(thread: TrainingThread, step: number): StepResult | null {
  const { plan, layout, device, gang, sums } = thread;
  const { floats, ints, kernels } = device;
  const everyPiece = function* (kind: number, count: number) {
    for (let piece = gang.claim(kind); piece < count; piece = gang.claim(kind)) yield piece;
  };
  const pass: Pass = {
    ...{ device, shape: plan.shape, layout: layout.weights, weights: layout.merged },
    ...{ rotary: layout.rotary, activations: layout.activations[thread.index]! },
  };
  const adapters = adaptersOf(thread);

  if (adapters !== null) {
    const merge = { ...pass, adapters, base: layout.base, merged: layout.merged, scratch: pass.activations.scratch };
    for (const job of everyPiece(claims.merge, plan.shape.layers * projections.length)) {
      mergeProjection(merge, Math.floor(job / projections.length), projections[job % projections.length]!);
    }
    if (!gang.barrier()) return null;
  }

  const counted = ints[layout.batch.counted]!;
  for (const shard of everyPiece(claims.shard, gradientShards)) {
    const at = layout.gradients[shard]!;
    floats.fill(0, at, at + layout.trained.count);
    const gradients = adapters === null ? weightGradients(pass, at) : adapterGradients(pass, adapters, at);
    const part = shardOf(thread, shard);
    sums[shard] = part.sequences === 0 ? 0 : forwardBackward(pass, part, 1 / counted, gradients);
  }
  if (!gang.barrier()) return null;

  const [total, ...others] = layout.gradients as [number, ...number[]];
  for (const index of everyPiece(claims.reduce, layout.pieces.length)) {
    const { at, count } = layout.pieces[index]!;
    for (const other of others) kernels.add(total + at, other + at, count);
    sums[gradientShards + index] = kernels.sumOfSquares(total + at, count);
  }
  if (!gang.barrier()) return null;

  const result = resultOf(sums, layout.pieces.length, counted);
  for (const index of everyPiece(claims.update, layout.pieces.length)) update(thread, step, index, result.gradientNorm);
  return gang.barrier() ? result : null;
}

function adaptersOf({ plan, layout }: TrainingThread): Adapters | null {
  if (plan.lora === null || layout.adapters === null) return null;
  return { ...plan.lora, layout: layout.adapters, at: layout.trained.at };
}

function shardOf({ plan, layout, device }: TrainingThread, shard: number): TrainingShard {
  const { tokens, targets, length: at } = layout.batch;
  const length = device.ints[at]!;
  const [from, to] = shardRange(plan.hyperparameters.batchSize, shard);
  return { tokens: tokens + from * length, targets: targets + from * length, sequences: to - from, length };
}

function resultOf(sums: Float64Array, pieces: number, counted: number): StepResult {
  const add = (from: number, count: number) => sums.subarray(from, from + count).reduce((sum, value) => sum + value, 0);
  return { loss: add(0, gradientShards) / counted, gradientNorm: Math.sqrt(add(gradientShards, pieces)) };
}

function update({ plan, layout, device }: TrainingThread, step: number, piece: number, gradientNorm: number): void {
  const { beta1, beta2, epsilon, weightDecay, maxGradientNorm } = plan.hyperparameters;
  const { at, count, isDecayed } = layout.pieces[piece]!;
  const state = [layout.trained.at + at, layout.gradients[0]! + at, layout.mean + at, layout.variance + at] as const;
  const scale = gradientNorm > maxGradientNorm ? maxGradientNorm / gradientNorm : 1;
  device.kernels.adamW(
    ...state,
    count,
    ...([learningRate(plan.hyperparameters, step), beta1, beta2, epsilon, isDecayed ? weightDecay : 0] as const),
    ...([1 / (1 - beta1 ** step), 1 / (1 - beta2 ** step), scale] as const),
  );
}
