import { randomStream } from '../../../src/core/random.ts';
import { forwardBackward, type TrainingShard } from '../../../src/models/embedded/backward.ts';
import { type Device, firstFree } from '../../../src/models/embedded/device.ts';
import type { Pass } from '../../../src/models/embedded/forward.ts';
import { adapterGradients, mergeProjection, weightGradients } from '../../../src/models/embedded/gradients.ts';
import {
  Allocator,
  adapterLayout,
  fillRotary,
  type Span,
  takeActivations,
  takeRotary,
  weightLayout,
} from '../../../src/models/embedded/layout.ts';
import { wrongTarget } from '../../../src/models/embedded/loss.ts';
import { type ModelShape, parseModelShape, projectionSize, projections } from '../../../src/models/embedded/shape.ts';

export const smallShape: ModelShape = parseModelShape({
  ...{ vocabularySize: 24, hiddenSize: 32, feedForwardSize: 40, layers: 2, heads: 2, contextLength: 48 },
});
const lora = { rank: 4, alpha: 8 };
/** More positions than a block of queries, and not a multiple of it. */
const [sequences, length] = [2, 40];

export interface SmallModel {
  readonly device: Device;
  readonly trained: { readonly at: number; readonly count: number; readonly spans: readonly Span[] };
  /** Prepares the weights in use and runs the pass. @returns the summed loss. */
  run(gradientAt: number): number;
  readonly gradientAt: number;
}

/**
 * A model with random weights of ordinary size, and a batch of random tokens of which every seventh counts for nothing.
 * @param wrongs - How many tokens of the first sequence must not be said together; then none of it is wanted.
 */
export function openSmallModel(
  open: (end: number) => Device,
  what: 'weights' | 'adapters',
  wrongs: number = 0,
): SmallModel {
  const place = new Allocator(firstFree);
  const layout = weightLayout(smallShape);
  const adapter = adapterLayout(smallShape, lora.rank);
  const [base, merged] = [place.take(layout.count), place.take(layout.count)];
  const adapters = { ...lora, layout: adapter, at: place.take(adapter.count) };
  const gradientAt = place.take(layout.count);
  const rotary = takeRotary(smallShape, place);
  const shard: TrainingShard = { tokens: place.take(96), targets: place.take(96), sequences, length };
  const activations = takeActivations(smallShape, sequences, lora.rank, place);
  const device = open(place.end);
  fillRotary(device.floats, smallShape, rotary);
  fillRandomly(device, base, layout.count, adapters.at, adapter.count, shard);
  if (wrongs > 0) device.ints.fill(-1, shard.targets, shard.targets + length);
  for (let i = 0; i < wrongs; i += 1) device.ints[shard.targets + length - 1 - i] = wrongTarget(3 + i);
  device.floats.copyWithin(merged, base, base + layout.count);

  const isFull = what === 'weights';
  const pass: Pass = { device, shape: smallShape, layout, weights: isFull ? base : merged, rotary, activations };
  const merge = { ...pass, adapters, base, merged, scratch: activations.scratch };
  const spans = isFull
    ? [layout.matrices, layout.norms, ...weightSpans(layout)]
    : adapter.layers.flatMap((layer) =>
        projections.flatMap((name) => {
          const { outputs, inputs } = projectionSize(smallShape, name);
          const { a, b } = layer[name];
          return [
            { at: a, count: inputs * lora.rank },
            { at: b, count: outputs * lora.rank },
          ];
        }),
      );
  return {
    device,
    trained: { at: isFull ? base : adapters.at, count: isFull ? layout.count : adapter.count, spans },
    gradientAt,
    run(at) {
      if (!isFull) {
        for (let layer = 0; layer < smallShape.layers; layer += 1) {
          for (const name of projections) mergeProjection(merge, layer, name);
        }
      }
      const gradients = isFull ? weightGradients(pass, at) : adapterGradients(pass, adapters, at);
      return forwardBackward(pass, shard, 1, gradients);
    },
  };
}

function weightSpans(layout: ReturnType<typeof weightLayout>): Span[] {
  return layout.layers.flatMap((layer) => [
    ...projections.map((name) => {
      const { outputs, inputs } = projectionSize(smallShape, name);
      return { at: layer[name], count: outputs * inputs };
    }),
    { at: layer.inputNorm, count: smallShape.hiddenSize },
    { at: layer.postAttentionNorm, count: smallShape.hiddenSize },
  ]);
}

function fillRandomly(
  { floats, ints }: Device,
  base: number,
  weights: number,
  adapters: number,
  adapterCount: number,
  shard: TrainingShard,
): void {
  const random = randomStream(7, 'small-model');
  for (let i = 0; i < weights; i += 1) floats[base + i] = Math.fround(0.4 * random.normal());
  for (let i = 0; i < adapterCount; i += 1) floats[adapters + i] = Math.fround(0.2 * random.normal());
  for (let i = 0; i < sequences * length; i += 1) {
    ints[shard.tokens + i] = random.int(smallShape.vocabularySize);
    ints[shard.targets + i] = i % 7 === 0 ? -1 : random.int(smallShape.vocabularySize);
  }
}

/** @returns the summed loss, and the gradient of everything that is trained. */
export function lossAndGradient(model: SmallModel): {
  readonly loss: number;
  readonly gradient: Float32Array | Float64Array;
} {
  const { device, gradientAt, trained } = model;
  device.floats.fill(0, gradientAt, gradientAt + trained.count);
  const loss = model.run(gradientAt);
  return { loss, gradient: device.floats.slice(gradientAt, gradientAt + trained.count) };
}
