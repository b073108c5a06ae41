import type { Device } from './device.ts';
import { type Activations, type LayerActivations, queryBlock, type RotaryTables, type WeightLayout } from './layout.ts';
import type { ModelShape } from './shape.ts';

/** Everything a pass over one shard of a batch works on. */
export interface Pass {
  readonly device: Device;
  readonly shape: ModelShape;
  readonly layout: WeightLayout;
  /** Where the weights start. */
  readonly weights: number;
  readonly rotary: RotaryTables;
  readonly activations: Activations;
}

/** Token ids [sequences, length] at `tokens`; `length` is a multiple of 8, at most the context. */
export interface Shard {
  readonly tokens: number;
  readonly sequences: number;
  readonly length: number;
}

/**
 * Logits of every position, as `LlamaForCausalLM` computes them: RMSNorm,
 * rotary attention, SwiGLU, each added to the residual, and a tied head.
 */
export function forward(pass: Pass, shard: Shard): void {
  const { device, shape, layout, weights, activations } = pass;
  const { floats, ints, kernels } = device;
  const { hiddenSize: d } = shape;
  const rows = shard.sequences * shard.length;
  for (let row = 0; row < rows; row += 1) {
    const from = weights + layout.embedding + ints[shard.tokens + row]! * d;
    floats.copyWithin(activations.layers[0]!.input + row * d, from, from + d);
    ints[activations.positions + row] = row % shard.length;
  }
  for (const [index, layer] of activations.layers.entries()) {
    const next = activations.layers[index + 1]?.input ?? activations.output;
    attentionBlock(pass, shard, index, layer);
    feedForwardBlock(pass, rows, index, layer, next);
  }
  const { output, outputNormed, outputInverseRms, logits } = activations;
  kernels.rmsNorm(output, weights + layout.finalNorm, outputNormed, outputInverseRms, rows, d);
  linear(pass, rows, outputNormed, layout.embedding, d, shape.vocabularySize, logits, 0);
}

/** y[rows, outputs] = x · Wᵀ (+ y) */
function linear(
  { device, weights, activations }: Pass,
  rows: number,
  x: number,
  weight: number,
  inputs: number,
  outputs: number,
  y: number,
  accumulate: 0 | 1,
): void {
  const { scratch } = activations;
  const w = weights + weight;
  device.kernels.multiply(rows, outputs, inputs, x, inputs, 1, w, 1, inputs, y, outputs, 1, accumulate, scratch);
}

function attentionBlock(pass: Pass, shard: Shard, index: number, layer: LayerActivations): void {
  const { device, shape, layout, weights, rotary, activations } = pass;
  const { kernels, floats } = device;
  const { hiddenSize: d, heads } = shape;
  const w = layout.layers[index]!;
  const rows = shard.sequences * shard.length;
  kernels.rmsNorm(layer.input, weights + w.inputNorm, layer.normed, layer.inverseRms, rows, d);
  linear(pass, rows, layer.normed, w.q_proj, d, 3 * d, layer.qkv, 0);
  // The heads of queries and keys lie side by side: both are turned in one go.
  const { positions } = activations;
  kernels.rotate(layer.qkv, 3 * d, rows, 2 * heads, d / heads, positions, rotary.cos, rotary.sin, 1);
  for (const head of headsOf(pass, shard, layer)) attendHead(pass, shard.length, head);
  floats.copyWithin(layer.middle, layer.input, layer.input + rows * d);
  linear(pass, rows, layer.heads, w.o_proj, d, d, layer.middle, 1);
}

function feedForwardBlock(pass: Pass, rows: number, index: number, layer: LayerActivations, next: number): void {
  const { device, shape, layout, weights } = pass;
  const { kernels, floats } = device;
  const { hiddenSize: d, feedForwardSize: ff } = shape;
  const w = layout.layers[index]!;
  kernels.rmsNorm(layer.middle, weights + w.postAttentionNorm, layer.middleNormed, layer.middleInverseRms, rows, d);
  linear(pass, rows, layer.middleNormed, w.gate_proj, d, ff, layer.gate, 0);
  linear(pass, rows, layer.middleNormed, w.up_proj, d, ff, layer.up, 0);
  kernels.swiGlu(layer.gate, layer.up, layer.product, rows * ff);
  floats.copyWithin(next, layer.middle, layer.middle + rows * d);
  linear(pass, rows, layer.product, w.down_proj, ff, d, next, 1);
}

/** Addresses of one head of one sequence. Rows of `qkv` are 3 · hidden apart, rows of `heads` hidden. */
export interface Head {
  /** Sequence and head in one number: which length × length block of the attention is its own. */
  readonly index: number;
  readonly queries: number;
  readonly keys: number;
  readonly values: number;
  /** [length, length] probabilities */
  readonly attention: number;
  readonly out: number;
}

export function headsOf({ shape }: Pass, { sequences, length }: Shard, layer: LayerActivations): Head[] {
  const { hiddenSize: d, heads } = shape;
  return Array.from({ length: sequences * heads }, (_, index) => {
    const first = Math.floor(index / heads) * length;
    const lane = (index % heads) * (d / heads);
    const queries = layer.qkv + first * 3 * d + lane;
    const attention = layer.attention + index * length * length;
    return {
      index,
      queries,
      keys: queries + d,
      values: queries + 2 * d,
      attention,
      out: layer.heads + first * d + lane,
    };
  });
}

/** Causal attention, in blocks of queries that see only the keys up to their own end. */
function attendHead({ device, shape, activations }: Pass, length: number, head: Head): void {
  const { kernels } = device;
  const { hiddenSize: d } = shape;
  const size = d / shape.heads;
  const keys = activations.packed;
  const values = keys + length * size;
  kernels.packB(length, size, head.keys, 1, 3 * d, keys);
  kernels.packB(size, length, head.values, 3 * d, 1, values);
  for (let first = 0; first < length; first += queryBlock) {
    const rows = Math.min(queryBlock, length - first);
    const seen = first + rows;
    const scores = head.attention + first * length;
    const scale = 1 / Math.sqrt(size);
    kernels.multiplyPacked(
      rows,
      seen,
      size,
      head.queries + first * 3 * d,
      3 * d,
      1,
      keys,
      size,
      scores,
      length,
      scale,
      0,
    );
    kernels.causalSoftmax(scores, length, first, rows, seen);
    kernels.multiplyPacked(rows, size, seen, scores, length, 1, values, length, head.out + first * d, d, 1, 0);
  }
}
