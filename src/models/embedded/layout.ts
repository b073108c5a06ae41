import { type ModelShape, type Projection, projectionSize, projections } from './shape.ts';

/** Hands out addresses one after another, each on a 64-byte line. */
export class Allocator {
  end: number;
  constructor(start: number) {
    this.end = start;
  }
  take(count: number): number {
    const at = this.end;
    this.end += Math.ceil(count / 16) * 16;
    return at;
  }
}

/** A run of floats. */
export interface Span {
  readonly at: number;
  readonly count: number;
}

/** Offsets of one layer's weights. `q_proj`, `k_proj` and `v_proj` are one matrix of 3·hidden rows. */
export type LayerWeights = Readonly<Record<Projection | 'inputNorm' | 'postAttentionNorm', number>>;

/** Offsets from the start of a set of weights: base, merged weights and their gradient all look like this. */
export interface WeightLayout {
  readonly count: number;
  readonly embedding: number;
  readonly layers: readonly LayerWeights[];
  readonly finalNorm: number;
  /** All matrices; weight decay is for them. */
  readonly matrices: Span;
  /** All norms, which are not decayed. */
  readonly norms: Span;
}

export function weightLayout(shape: ModelShape): WeightLayout {
  const { vocabularySize: v, hiddenSize: d, feedForwardSize: ff } = shape;
  const place = new Allocator(0);
  const embedding = place.take(v * d);
  const matrices = Array.from({ length: shape.layers }, () => {
    const q_proj = place.take(3 * d * d);
    const [k_proj, v_proj] = [q_proj + d * d, q_proj + 2 * d * d];
    const o_proj = place.take(d * d);
    return {
      ...{ q_proj, k_proj, v_proj, o_proj },
      ...{ gate_proj: place.take(ff * d), up_proj: place.take(ff * d), down_proj: place.take(d * ff) },
    };
  });
  const norms = place.end;
  const layers = matrices.map((m) => ({ ...m, inputNorm: place.take(d), postAttentionNorm: place.take(d) }));
  const finalNorm = place.take(d);
  return {
    ...{ count: place.end, embedding, layers, finalNorm },
    matrices: { at: 0, count: norms },
    norms: { at: norms, count: place.end - norms },
  };
}

/** Offsets of one adapter. `a` is A transposed, [inputs, rank]: so is its gradient a plain product. `b` is [outputs, rank]. */
export interface AdapterMatrices {
  readonly a: number;
  readonly b: number;
}

export interface AdapterLayout {
  readonly count: number;
  readonly layers: readonly Readonly<Record<Projection, AdapterMatrices>>[];
}

export function adapterLayout(shape: ModelShape, rank: number): AdapterLayout {
  const place = new Allocator(0);
  const layers = Array.from({ length: shape.layers }, () => {
    const entries = projections.map((name) => {
      const { outputs, inputs } = projectionSize(shape, name);
      return [name, { a: place.take(inputs * rank), b: place.take(outputs * rank) }] as const;
    });
    return Object.fromEntries(entries) as Record<Projection, AdapterMatrices>;
  });
  return { count: place.end, layers };
}

/** The rotary tables [contextLength, headSize/2] as Llama has them: angle = position · 10000^(-2i/headSize). */
export interface RotaryTables {
  readonly cos: number;
  readonly sin: number;
}

export function takeRotary(shape: ModelShape, place: Allocator): RotaryTables {
  const count = (shape.contextLength * shape.hiddenSize) / shape.heads / 2;
  return { cos: place.take(count), sin: place.take(count) };
}

export function fillRotary(floats: Float32Array | Float64Array, shape: ModelShape, { cos, sin }: RotaryTables): void {
  const headSize = shape.hiddenSize / shape.heads;
  const half = headSize / 2;
  for (let position = 0; position < shape.contextLength; position += 1) {
    for (let i = 0; i < half; i += 1) {
      const angle = position * rotaryBase ** ((-2 * i) / headSize);
      floats[cos + position * half + i] = Math.cos(angle);
      floats[sin + position * half + i] = Math.sin(angle);
    }
  }
}

export const rotaryBase = 10_000;
export const normEpsilon = 1e-5;

/** Addresses of one layer's results that the way back needs; rows = sequences · length. */
export interface LayerActivations {
  readonly input: number;
  readonly normed: number;
  readonly inverseRms: number;
  /** [rows, 3 · hidden]: queries, keys, values. */
  readonly qkv: number;
  /** [sequences, heads, length, length] */
  readonly attention: number;
  readonly heads: number;
  readonly middle: number;
  readonly middleNormed: number;
  readonly middleInverseRms: number;
  readonly gate: number;
  readonly up: number;
  readonly product: number;
}

/** One thread's working memory for a shard of a batch. */
export interface Activations {
  readonly layers: readonly LayerActivations[];
  readonly output: number;
  readonly outputNormed: number;
  readonly outputInverseRms: number;
  /** [rows, vocabulary]; after the loss its gradient. */
  readonly logits: number;
  readonly positions: number;
  readonly gradient: {
    readonly hidden: number;
    readonly normed: number;
    readonly qkv: number;
    readonly product: number;
    readonly scores: number;
    /** [rows, rank] each: x·Aᵀ and dy·B. */
    readonly lowRankInput: number;
    readonly lowRankOutput: number;
  };
  /** Packed keys, values, queries of one head. */
  readonly packed: number;
  readonly scratch: number;
}

/** Query rows whose scores are worked on at a time. */
export const queryBlock = 32;

export function takeActivations(shape: ModelShape, sequences: number, rank: number, place: Allocator): Activations {
  const { vocabularySize: v, hiddenSize: d, feedForwardSize: ff, contextLength: t, heads } = shape;
  const rows = sequences * t;
  const take = (count: number) => place.take(count);
  const layers = Array.from({ length: shape.layers }, () => ({
    ...{ input: take(rows * d), normed: take(rows * d), inverseRms: take(rows) },
    ...{ qkv: take(rows * 3 * d), attention: take(sequences * heads * t * t), heads: take(rows * d) },
    ...{ middle: take(rows * d), middleNormed: take(rows * d), middleInverseRms: take(rows) },
    ...{ gate: take(rows * ff), up: take(rows * ff), product: take(rows * ff) },
  }));
  return {
    layers,
    ...{ output: take(rows * d), outputNormed: take(rows * d), outputInverseRms: take(rows) },
    ...{ logits: take(rows * v), positions: take(rows) },
    gradient: {
      ...{ hidden: take(rows * d), normed: take(rows * d), qkv: take(rows * 3 * d), product: take(rows * ff) },
      ...{ scores: take(queryBlock * t), lowRankInput: take(rows * rank), lowRankOutput: take(rows * rank) },
    },
    packed: take((4 * t * d) / heads),
    // What `multiply` packs: a weight matrix, a matrix of activations, or either's low-rank side.
    scratch: take(Math.max(v, 3 * d, ff, rows) * Math.max(d, ff, Math.ceil(rank / 8) * 8)),
  };
}
