import type { Gradients } from './backward.ts';
import type { Pass } from './forward.ts';
import type { AdapterLayout } from './layout.ts';
import { type LoraShape, type Projection, projectionSize } from './shape.ts';

/** Gradient of every weight, laid out as the weights are, from `at`. */
export function weightGradients({ device, shape, layout, activations }: Pass, at: number): Gradients {
  const { kernels, floats, ints } = device;
  const { hiddenSize: d, vocabularySize: v } = shape;
  const { scratch } = activations;
  /** dW[outputs, inputs] += dyᵀ · x */
  const add = (outputs: number, inputs: number, rows: number, dy: number, stride: number, x: number, to: number) =>
    kernels.multiply(outputs, inputs, rows, dy, 1, stride, x, inputs, 1, at + to, inputs, 1, 1, scratch);
  return {
    projection(layer, name, rows, dy, stride, x) {
      const { outputs, inputs } = projectionSize(shape, name);
      add(outputs, inputs, rows, dy, stride, x, layout.layers[layer]![name]);
    },
    norm: (offset) => at + offset,
    embedding: {
      head: (rows, dLogits, x) => add(v, d, rows, dLogits, v, x, layout.embedding),
      input(rows, tokens, dHidden) {
        for (let row = 0; row < rows; row += 1) {
          const to = at + layout.embedding + ints[tokens + row]! * d;
          for (let i = 0; i < d; i += 1) floats[to + i]! += floats[dHidden + row * d + i]!;
        }
      },
    },
  };
}

/** Adapters in memory. */
export interface Adapters extends LoraShape {
  readonly layout: AdapterLayout;
  readonly at: number;
}

/** Gradient of the adapters alone, laid out as they are, from `at`. */
export function adapterGradients({ device, shape, activations }: Pass, adapters: Adapters, at: number): Gradients {
  const { multiply } = device.kernels;
  const { scratch, gradient } = activations;
  const { lowRankInput, lowRankOutput } = gradient;
  const { rank: r, alpha } = adapters;
  const scale = alpha / r;
  return {
    projection(layer, name, rows, dy, stride, x) {
      const { outputs, inputs } = projectionSize(shape, name);
      const { a, b } = adapters.layout.layers[layer]![name];
      // dB += s · dyᵀ·(x·Aᵀ), dAᵀ += s · xᵀ·(dy·B): no product of two large matrices.
      multiply(rows, r, inputs, x, inputs, 1, adapters.at + a, r, 1, lowRankInput, r, 1, 0, scratch);
      multiply(rows, r, outputs, dy, stride, 1, adapters.at + b, r, 1, lowRankOutput, r, 1, 0, scratch);
      multiply(outputs, r, rows, dy, 1, stride, lowRankInput, r, 1, at + b, r, scale, 1, scratch);
      multiply(inputs, r, rows, x, 1, inputs, lowRankOutput, r, 1, at + a, r, scale, 1, scratch);
    },
    norm: () => 0,
    embedding: null,
  };
}

/** Where a merge reads and writes. */
export interface Merge extends Pick<Pass, 'device' | 'shape' | 'layout'> {
  readonly adapters: Adapters;
  readonly base: number;
  readonly merged: number;
  readonly scratch: number;
}

/** merged = base + alpha/rank · B·A for one projection; everything else is a copy of the base made once. */
export function mergeProjection(
  { device, shape, layout, adapters, ...at }: Merge,
  layer: number,
  name: Projection,
): void {
  const { outputs, inputs } = projectionSize(shape, name);
  const { a, b } = adapters.layout.layers[layer]![name];
  const { rank: r, alpha } = adapters;
  const offset = layout.layers[layer]![name];
  const merged = at.merged + offset;
  device.floats.copyWithin(merged, at.base + offset, at.base + offset + outputs * inputs);
  const aT = [adapters.at + a, 1, r] as const;
  device.kernels.multiply(outputs, inputs, r, adapters.at + b, r, 1, ...aT, merged, inputs, alpha / r, 1, at.scratch);
}
