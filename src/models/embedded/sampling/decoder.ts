import { createWasmDevice, type Device, firstFree } from '../device.ts';
import { Allocator, fillRotary, type RotaryTables, takeRotary, weightLayout } from '../layout.ts';
import type { ModelShape } from '../shape.ts';

/** One token to read: where it stands, and in whose text. */
export interface Row {
  readonly slot: number;
  readonly position: number;
  readonly token: number;
  /** Whether anybody asks what comes next. */
  readonly wantsLogits: boolean;
}

interface LayerPlaces {
  readonly inputNorm: number;
  readonly postAttentionNorm: number;
  /** Packed for `multiplyPacked`. */
  readonly qkv: number;
  readonly o: number;
  readonly gate: number;
  readonly up: number;
  readonly down: number;
  /** [slots, contextLength, hidden] each. */
  readonly keys: number;
  readonly values: number;
}

/** One number for each token of the vocabulary. */
export type Logits = Float32Array | Float64Array;

/** Rows worked on at a time. */
const block = 256;

/**
 * The model as sampling needs it: weights packed once, and keys and values of
 * every slot's text kept. A row's result has the same bits whatever rows are
 * read with it.
 */
export class Decoder {
  readonly shape: ModelShape;
  readonly slots: number;
  readonly #device: Device;
  readonly #layers: readonly LayerPlaces[];
  readonly #rotary: RotaryTables;
  readonly #at;

  /** @param slots - Texts held at a time. */
  constructor(shape: ModelShape, slots: number, openDevice: (end: number) => Device = createWasmDevice) {
    const { vocabularySize: v, hiddenSize: d, feedForwardSize: ff, contextLength: t } = shape;
    const place = new Allocator(firstFree);
    const take = (count: number) => place.take(count);
    this.shape = shape;
    this.slots = slots;
    this.#layers = Array.from({ length: shape.layers }, () => ({
      ...{ inputNorm: take(d), postAttentionNorm: take(d) },
      ...{ qkv: take(3 * d * d), o: take(d * d), gate: take(ff * d), up: take(ff * d), down: take(d * ff) },
      ...{ keys: take(slots * t * d), values: take(slots * t * d) },
    }));
    this.#rotary = takeRotary(shape, place);
    this.#at = {
      ...{ embedding: take(v * d), head: take(v * d), finalNorm: take(d) },
      ...{ hidden: take(block * d), normed: take(block * d), inverseRms: take(block), qkv: take(block * 3 * d) },
      ...{ heads: take(block * d), gate: take(block * ff), up: take(block * ff), product: take(block * ff) },
      ...{ wanted: take(block * d), logits: take(block * v), slots: take(block), positions: take(block) },
      scratch: take(Math.max(v, 3 * d, ff) * Math.max(d, ff) + t),
    };
    this.#device = openDevice(place.end);
    fillRotary(this.#device.floats, shape, this.#rotary);
  }

  /** @param weights - In the order of `weightLayout`, adapters merged in. */
  load(weights: Float32Array): void {
    const { vocabularySize: v, hiddenSize: d, feedForwardSize: ff } = this.shape;
    const { floats, kernels } = this.#device;
    const layout = weightLayout(this.shape);
    const { scratch, embedding, head, finalNorm } = this.#at;
    const copy = (from: number, count: number, to: number) => floats.set(weights.subarray(from, from + count), to);
    const pack = (from: number, outputs: number, inputs: number, to: number) => {
      copy(from, outputs * inputs, scratch);
      kernels.packB(outputs, inputs, scratch, 1, inputs, to);
    };
    copy(layout.embedding, v * d, embedding);
    pack(layout.embedding, v, d, head);
    copy(layout.finalNorm, d, finalNorm);
    for (const [i, places] of this.#layers.entries()) {
      const from = layout.layers[i]!;
      copy(from.inputNorm, d, places.inputNorm);
      copy(from.postAttentionNorm, d, places.postAttentionNorm);
      pack(from.q_proj, 3 * d, d, places.qkv);
      pack(from.o_proj, d, d, places.o);
      pack(from.gate_proj, ff, d, places.gate);
      pack(from.up_proj, ff, d, places.up);
      pack(from.down_proj, d, ff, places.down);
    }
  }

  /**
   * Reads tokens; those of one slot must come in the order of their positions.
   * @returns the logits of the rows that want them, in their order.
   */
  read(rows: readonly Row[]): Logits[] {
    const logits: Logits[] = [];
    for (let from = 0; from < rows.length; from += block)
      logits.push(...this.#readBlock(rows.slice(from, from + block)));
    return logits;
  }

  /** Gives a slot the first `length` positions of another. */
  copyText(from: number, to: number, length: number): void {
    const { contextLength, hiddenSize } = this.shape;
    const size = contextLength * hiddenSize;
    for (const { keys, values } of this.#layers) {
      for (const cache of [keys, values]) {
        const start = cache + from * size;
        this.#device.floats.copyWithin(cache + to * size, start, start + length * hiddenSize);
      }
    }
  }

  #readBlock(rows: readonly Row[]): Logits[] {
    const { floats, ints } = this.#device;
    const { hiddenSize: d } = this.shape;
    const at = this.#at;
    for (const [i, { slot, position, token }] of rows.entries()) {
      floats.copyWithin(at.hidden + i * d, at.embedding + token * d, at.embedding + (token + 1) * d);
      ints[at.slots + i] = slot;
      ints[at.positions + i] = position;
    }
    for (const layer of this.#layers) {
      this.#attend(layer, rows);
      this.#feedForward(layer, rows.length);
    }
    return this.#logits(rows);
  }

  #attend(layer: LayerPlaces, rows: readonly Row[]): void {
    const { floats, kernels } = this.#device;
    const { hiddenSize: d, heads, contextLength: t } = this.shape;
    const { hidden, normed, inverseRms, qkv, slots, positions, heads: out, scratch } = this.#at;
    const count = rows.length;
    const size = d / heads;
    kernels.rmsNorm(hidden, layer.inputNorm, normed, inverseRms, count, d);
    kernels.multiplyPacked(count, 3 * d, d, normed, d, 1, layer.qkv, d, qkv, 3 * d, 1, 0);
    kernels.rotate(qkv, 3 * d, count, 2 * heads, size, positions, this.#rotary.cos, this.#rotary.sin, 1);
    for (const [i, { slot, position }] of rows.entries()) {
      const cached = (slot * t + position) * d;
      const key = qkv + i * 3 * d + d;
      floats.copyWithin(layer.keys + cached, key, key + d);
      floats.copyWithin(layer.values + cached, key + d, key + 2 * d);
    }
    kernels.attendCached(qkv, 3 * d, layer.keys, layer.values, t, slots, positions, count, heads, size, out, scratch);
    kernels.multiplyPacked(count, d, d, out, d, 1, layer.o, d, hidden, d, 1, 1);
  }

  #feedForward(layer: LayerPlaces, count: number): void {
    const { kernels } = this.#device;
    const { hiddenSize: d, feedForwardSize: ff } = this.shape;
    const { hidden, normed, inverseRms, gate, up, product } = this.#at;
    kernels.rmsNorm(hidden, layer.postAttentionNorm, normed, inverseRms, count, d);
    kernels.multiplyPacked(count, ff, d, normed, d, 1, layer.gate, d, gate, ff, 1, 0);
    kernels.multiplyPacked(count, ff, d, normed, d, 1, layer.up, d, up, ff, 1, 0);
    kernels.swiGlu(gate, up, product, count * ff);
    kernels.multiplyPacked(count, d, ff, product, ff, 1, layer.down, ff, hidden, d, 1, 1);
  }

  #logits(rows: readonly Row[]): Logits[] {
    const { floats, kernels } = this.#device;
    const { hiddenSize: d, vocabularySize: v } = this.shape;
    const { hidden, wanted, normed, inverseRms, finalNorm, head, logits } = this.#at;
    const asked = rows.flatMap(({ wantsLogits }, i) => (wantsLogits ? [i] : []));
    for (const [i, row] of asked.entries()) floats.copyWithin(wanted + i * d, hidden + row * d, hidden + (row + 1) * d);
    kernels.rmsNorm(wanted, finalNorm, normed, inverseRms, asked.length, d);
    kernels.multiplyPacked(asked.length, v, d, normed, d, 1, head, d, logits, v, 1, 0);
    return asked.map((_, i) => floats.slice(logits + i * v, logits + (i + 1) * v));
  }
}
