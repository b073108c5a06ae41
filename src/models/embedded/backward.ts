import { forward, type Head, headsOf, type Pass, type Shard } from './forward.ts';
import { type LayerActivations, queryBlock } from './layout.ts';
import { lossAndItsGradient } from './loss.ts';
import type { Projection } from './shape.ts';

/** Where gradients go: to all weights, or to the adapters alone. Each call adds. */
export interface Gradients {
  /** @param dy - Gradient of the projection's output, rows `stride` apart. @param x - Its input [rows, inputs]. */
  projection(layer: number, name: Projection, rows: number, dy: number, stride: number, x: number): void;
  /** Address of a norm's gradient by its offset in the weights, or 0 where it is frozen. */
  norm(offset: number): number;
  /** The head's share of the embedding, and later the input's; `null` where it is frozen. */
  readonly embedding: {
    head(rows: number, dLogits: number, x: number): void;
    input(rows: number, tokens: number, dHidden: number): void;
  } | null;
}

export interface TrainingShard extends Shard {
  /** The token wanted after each position, -1 where none counts, `wrongTarget` of one that must not follow. */
  readonly targets: number;
}

/**
 * Loss and gradient of one shard.
 * @param scale - Weight of each counted token in the gradient: one over their number in the whole batch.
 * @returns the shard's summed loss in nats, unscaled.
 */
export function forwardBackward(pass: Pass, shard: TrainingShard, scale: number, gradients: Gradients): number {
  forward(pass, shard);
  const { device, shape, layout, weights, activations } = pass;
  const { kernels, floats } = device;
  const { hiddenSize: d, vocabularySize: v } = shape;
  const { logits, output, outputNormed, outputInverseRms, gradient } = activations;
  const rows = shard.sequences * shard.length;
  const loss = lossAndItsGradient(pass, shard, scale);
  gradients.embedding?.head(rows, logits, outputNormed);
  inputGradient(pass, rows, logits, v, layout.embedding, d, v, gradient.normed, 0);
  floats.fill(0, gradient.hidden, gradient.hidden + rows * d);
  const finalNorm = [weights + layout.finalNorm, outputInverseRms, gradient.normed, gradient.hidden] as const;
  kernels.rmsNormBackward(output, ...finalNorm, gradients.norm(layout.finalNorm), rows, d);
  for (let index = shape.layers - 1; index >= 0; index -= 1) {
    const layer = activations.layers[index]!;
    feedForwardBackward(pass, rows, index, layer, gradients);
    attentionBackward(pass, shard, index, layer, gradients);
  }
  gradients.embedding?.input(rows, shard.tokens, gradient.hidden);
  return loss;
}

/** dx[rows, inputs] = dy · W (+ dx) */
function inputGradient(
  { device, weights, activations }: Pass,
  rows: number,
  dy: number,
  stride: number,
  weight: number,
  inputs: number,
  outputs: number,
  dx: number,
  accumulate: 0 | 1,
): void {
  const { scratch } = activations;
  const w = weights + weight;
  device.kernels.multiply(rows, inputs, outputs, dy, stride, 1, w, inputs, 1, dx, inputs, 1, accumulate, scratch);
}

/** Takes the gradient of the layer's output in `gradient.hidden` to that of its middle, in place. */
function feedForwardBackward(
  pass: Pass,
  rows: number,
  index: number,
  layer: LayerActivations,
  gradients: Gradients,
): void {
  const { device, shape, layout, weights, activations } = pass;
  const { kernels } = device;
  const { hiddenSize: d, feedForwardSize: ff } = shape;
  const { hidden, product, normed } = activations.gradient;
  const w = layout.layers[index]!;
  gradients.projection(index, 'down_proj', rows, hidden, d, layer.product);
  inputGradient(pass, rows, hidden, d, w.down_proj, ff, d, product, 0);
  kernels.swiGluBackward(layer.gate, layer.up, product, rows * ff);
  gradients.projection(index, 'gate_proj', rows, layer.gate, ff, layer.middleNormed);
  gradients.projection(index, 'up_proj', rows, layer.up, ff, layer.middleNormed);
  inputGradient(pass, rows, layer.gate, ff, w.gate_proj, d, ff, normed, 0);
  inputGradient(pass, rows, layer.up, ff, w.up_proj, d, ff, normed, 1);
  const norm = [weights + w.postAttentionNorm, layer.middleInverseRms, normed, hidden] as const;
  kernels.rmsNormBackward(layer.middle, ...norm, gradients.norm(w.postAttentionNorm), rows, d);
}

/** Takes the gradient of the layer's middle in `gradient.hidden` to that of its input, in place. */
function attentionBackward(
  pass: Pass,
  shard: TrainingShard,
  index: number,
  layer: LayerActivations,
  gradients: Gradients,
): void {
  const { device, shape, layout, weights, rotary, activations } = pass;
  const { kernels, floats } = device;
  const { hiddenSize: d, heads } = shape;
  const { hidden, normed, qkv } = activations.gradient;
  const w = layout.layers[index]!;
  const rows = shard.sequences * shard.length;
  gradients.projection(index, 'o_proj', rows, hidden, d, layer.heads);
  inputGradient(pass, rows, hidden, d, w.o_proj, d, d, normed, 0);
  floats.fill(0, qkv, qkv + rows * 3 * d);
  for (const head of headsOf(pass, shard, layer)) headBackward(pass, shard.length, head, layer);
  const { positions } = activations;
  kernels.rotate(qkv, 3 * d, rows, 2 * heads, d / heads, positions, rotary.cos, rotary.sin, -1);
  for (const [part, name] of (['q_proj', 'k_proj', 'v_proj'] as const).entries()) {
    gradients.projection(index, name, rows, qkv + part * d, 3 * d, layer.normed);
  }
  // Below the first layer there is only the embedding.
  if (index === 0 && gradients.embedding === null) return;
  inputGradient(pass, rows, qkv, 3 * d, w.q_proj, d, 3 * d, normed, 0);
  const norm = [weights + w.inputNorm, layer.inverseRms, normed, hidden] as const;
  kernels.rmsNormBackward(layer.input, ...norm, gradients.norm(w.inputNorm), rows, d);
}

/** Gradients of one head's queries, keys and values, from that of its output in `gradient.normed`. */
function headBackward(pass: Pass, length: number, head: Head, layer: LayerActivations): void {
  const { device, shape, activations } = pass;
  const { kernels } = device;
  const { hiddenSize: d } = shape;
  const { normed, qkv, scores } = activations.gradient;
  const size = d / shape.heads;
  const scale = 1 / Math.sqrt(size);
  const dOut = normed + (head.out - layer.heads);
  const dQueries = qkv + (head.queries - layer.qkv);
  const [dKeys, dValues] = [dQueries + d, dQueries + 2 * d];
  const values = activations.packed;
  const keys = values + length * size;
  const queries = keys + length * size;
  const dOutPacked = queries + queryBlock * size;
  kernels.packB(length, size, head.values, 1, 3 * d, values);
  kernels.packB(size, length, head.keys, 3 * d, 1, keys);
  for (let first = 0; first < length; first += queryBlock) {
    const rows = Math.min(queryBlock, length - first);
    const seen = first + rows;
    const p = head.attention + first * length;
    const q = head.queries + first * 3 * d;
    const dO = dOut + first * d;
    kernels.multiplyPacked(rows, seen, size, dO, d, 1, values, size, scores, length, 1, 0);
    kernels.softmaxBackward(p, scores, length, rows, seen);
    const dQ = dQueries + first * 3 * d;
    kernels.multiplyPacked(rows, size, seen, scores, length, 1, keys, length, dQ, 3 * d, scale, 0);
    kernels.packB(size, rows, q, 3 * d, 1, queries);
    kernels.packB(size, rows, dO, d, 1, dOutPacked);
    kernels.multiplyPacked(seen, size, rows, scores, 1, length, queries, rows, dKeys, 3 * d, scale, 1);
    kernels.multiplyPacked(seen, size, rows, p, 1, length, dOutPacked, rows, dValues, 3 * d, 1, 1);
  }
}
