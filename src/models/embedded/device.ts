import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PrerequisiteMissingError } from '../../core/errors.ts';
import { sha256 } from '../../core/json.ts';

/** The part of WebAssembly's interface that is used here; Node's types leave it out. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Memory {
    constructor(options: { initial: number; maximum: number; shared: boolean });
    readonly buffer: SharedArrayBuffer;
  }
  class Instance {
    constructor(module: Module, imports: { env: { memory: Memory } });
    readonly exports: unknown;
  }
}

export type SharedMemory = WebAssembly.Memory;

/**
 * The arithmetic of the model over one flat memory. Every address is an index
 * of floats; integers (tokens, targets, positions, slots) lie in places of the
 * same size. What each kernel computes is said beside its source in `kernels/`.
 */
export interface Kernels {
  packB(n: number, k: number, b: number, bRow: number, bCol: number, packed: number): void;
  multiplyPacked(
    ...args: [m: number, n: number, k: number, a: number, aRow: number, aCol: number, ...PackedOperand, ...Product]
  ): void;
  multiply(
    ...args: [
      m: number,
      n: number,
      k: number,
      a: number,
      aRow: number,
      aCol: number,
      ...Operand,
      ...Product,
      scratch: number,
    ]
  ): void;
  rmsNorm(x: number, weight: number, y: number, inverse: number, rows: number, size: number): void;
  rmsNormBackward(
    ...args: [
      x: number,
      weight: number,
      inverse: number,
      dy: number,
      dx: number,
      dWeight: number,
      rows: number,
      size: number,
    ]
  ): void;
  rotate(
    ...args: [
      x: number,
      rowStride: number,
      rows: number,
      heads: number,
      headSize: number,
      ...RotaryTables,
      sign: number,
    ]
  ): void;
  causalSoftmax(scores: number, rowStride: number, first: number, rows: number, width: number): void;
  softmaxBackward(p: number, d: number, rowStride: number, rows: number, width: number): void;
  swiGlu(gate: number, up: number, y: number, count: number): void;
  swiGluBackward(gate: number, up: number, dy: number, count: number): void;
  crossEntropy(logits: number, targets: number, rows: number, size: number, scale: number): number;
  attendCached(
    ...args: [queries: number, queryStride: number, keys: number, values: number, contextLength: number, ...CachedRows]
  ): void;
  add(into: number, from: number, count: number): void;
  sumOfSquares(x: number, count: number): number;
  adamW(
    ...args: [weights: number, gradient: number, mean: number, variance: number, count: number, ...AdamWNumbers]
  ): void;
}

type Operand = [b: number, bRow: number, bCol: number];
type PackedOperand = [packed: number, packedRows: number];
type Product = [c: number, cRow: number, alpha: number, accumulate: 0 | 1];
type RotaryTables = [positions: number, cos: number, sin: number];
type CachedRows = [
  ...[slots: number, positions: number, rows: number, heads: number, headSize: number],
  ...[out: number, scratch: number],
];
type AdamWNumbers = [
  ...[rate: number, beta1: number, beta2: number, epsilon: number, decay: number],
  ...[correction1: number, correction2: number, gradientScale: number],
];

/** Kernels and the memory they work on. A double-precision twin in the tests has one array for both views. */
export interface Device {
  readonly kernels: Kernels;
  readonly floats: Float32Array | Float64Array;
  readonly ints: Int32Array | Float64Array;
}

/** A device that several threads can hold at once. */
export interface WasmDevice extends Device {
  readonly memory: SharedMemory;
  readonly floats: Float32Array;
  readonly ints: Int32Array;
}

/** The kernels keep their constants in the first 64 KiB: the first address that is free. */
export const firstFree = 16_384;

const maximumPages = 32_768;
const floatsPerPage = 16_384;

/**
 * @param end - One past the last address that will be used.
 * @throws {PrerequisiteMissingError} where the kernels were not built, or the model needs more than 2 GiB.
 */
export function createWasmDevice(end: number): WasmDevice {
  const pages = Math.ceil(end / floatsPerPage);
  if (pages > maximumPages) {
    const MiB = Math.ceil(pages / 16);
    throw new PrerequisiteMissingError(
      `the embedded model would need ${MiB} MiB and has 2048: make the model, its context or its batch smaller`,
    );
  }
  return attachWasmDevice(new WebAssembly.Memory({ initial: pages, maximum: maximumPages, shared: true }));
}

/** The same memory in another thread. */
export function attachWasmDevice(memory: SharedMemory): WasmDevice {
  const { exports } = new WebAssembly.Instance(kernelModule(), { env: { memory } });
  return {
    kernels: exports as Kernels,
    memory,
    floats: new Float32Array(memory.buffer),
    ints: new Int32Array(memory.buffer),
  };
}

/** SHA-256 of the kernels, which decide the bits of a result as much as its inputs do. */
export function kernelsHash(): string {
  return sha256(kernelBytes());
}

let compiled: WebAssembly.Module | null = null;

/** Compiled once a thread. */
function kernelModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(kernelBytes());
  return compiled;
}

/** Beside this file in dist/; sources run from a checkout use what the build left there. */
function kernelBytes(): Buffer {
  const place = import.meta.url.endsWith('.ts') ? '../../../dist/src/models/embedded/kernels.wasm' : './kernels.wasm';
  const file = fileURLToPath(new URL(place, import.meta.url));
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new PrerequisiteMissingError(`the embedded model's kernels are missing (${file}): run npm run build`, {
      cause,
    });
  }
}
