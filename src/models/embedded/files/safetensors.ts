import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { z } from 'zod';
import { describeError, StorageFailedError, WeightsInvalidError } from '../../../core/errors.ts';

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface TensorFile {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});

const bytesOf: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };

/** Tensors by name, in single precision. Equal tensors and metadata give equal bytes. @see the safetensors format, v0.3 */
export function encodeTensors({ tensors, metadata }: TensorFile): Uint8Array {
  const names = Object.keys(tensors).sort();
  let end = 0;
  const entries = names.map((name) => {
    const { shape, data } = tensors[name]!;
    const data_offsets = [end, (end += data.byteLength)];
    return [name, { dtype: 'F32', shape, data_offsets }] as const;
  });
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  // Padded with blanks, so that the numbers start on a multiple of eight.
  const header = Buffer.from(json.padEnd(json.length + ((8 - (Buffer.byteLength(json) % 8)) % 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const bodies = names.map((name) => {
    const { buffer, byteOffset, byteLength } = tensors[name]!.data;
    return Buffer.from(buffer, byteOffset, byteLength);
  });
  return Buffer.concat([length, header, ...bodies]);
}

/**
 * @param file - Named in errors.
 * @throws {WeightsInvalidError} for anything but a whole file of F32, F16 or BF16 tensors.
 */
export function decodeTensors(bytes: Uint8Array, file: string): TensorFile {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const invalid: Invalid = (why, cause) => new WeightsInvalidError(`${file}: ${why}`, { cause });
  const length = buffer.length < 8 ? Number.NaN : Number(buffer.readBigUInt64LE(0));
  if (!(length <= buffer.length - 8)) throw invalid('not a whole safetensors file: its header is cut off');
  const { metadata, entries } = parseHeader(buffer.toString('utf8', 8, 8 + length), invalid);
  const body = buffer.subarray(8 + length);
  const tensors = Object.entries(entries).map(([name, { dtype, shape, data_offsets }]) => {
    const [from, to] = data_offsets;
    const width = bytesOf[dtype];
    if (width === undefined) throw invalid(`tensor ${name} is ${dtype}; save it as F32`);
    if (to > body.length) throw invalid(`tensor ${name} is cut off: it ends at ${to} of ${body.length} bytes`);
    const count = shape.reduce((product, size) => product * size, 1);
    if (to - from !== count * width)
      throw invalid(`tensor ${name} has ${to - from} bytes for shape [${shape}] of ${dtype}`);
    return [name, { shape, data: toFloats(body.subarray(from, to), dtype) }] as const;
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

type Invalid = (why: string, cause?: unknown) => WeightsInvalidError;

function parseHeader(json: string, invalid: Invalid) {
  try {
    const { __metadata__: metadata = {}, ...entries } = z.record(z.string(), z.unknown()).parse(JSON.parse(json));
    return {
      metadata: z.record(z.string(), z.string()).parse(metadata),
      entries: z.record(z.string(), entrySchema).parse(entries),
    };
  } catch (cause) {
    throw invalid('not a safetensors file: its header is not what the format says', cause);
  }
}

function toFloats(raw: Buffer, dtype: string): Float32Array {
  if (dtype === 'F32') return new Float32Array(Uint8Array.from(raw).buffer);
  const halves = new Uint16Array(Uint8Array.from(raw).buffer);
  if (dtype === 'BF16') return new Float32Array(Uint32Array.from(halves, (h) => h << 16).buffer);
  return Float32Array.from(halves, fromHalf);
}

/** IEEE 754 binary16. */
function fromHalf(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1_023];
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1_024) * 2 ** (exponent - 15));
}

/** @throws {WeightsInvalidError} naming file and tensor, also for a file that is not there. */
export function readTensors(file: string): TensorFile {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new WeightsInvalidError(`${file}: cannot be read: ${describeError(cause)}`, { cause });
  }
  return decodeTensors(bytes, file);
}

/** Written whole or not at all, and on the device when this returns. @throws {StorageFailedError} */
export function writeWhole(file: string, bytes: Uint8Array): void {
  const temporary = `${file}.${process.pid}-${threadId}.tmp`;
  try {
    const descriptor = openSync(temporary, 'w');
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (cause) {
    throw new StorageFailedError(`cannot write ${file}: ${describeError(cause)}`, { cause });
  }
}

/** One tensor of the shape that is expected. @throws {WeightsInvalidError} naming file and tensor. */
export function takeTensor(
  { tensors }: TensorFile,
  name: string,
  shape: readonly number[],
  file: string,
): Float32Array {
  const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
  if (tensor === undefined) throw new WeightsInvalidError(`${file}: tensor ${name} is missing`);
  if (tensor.shape.join() !== shape.join()) {
    throw new WeightsInvalidError(`${file}: tensor ${name} has shape [${tensor.shape}], expected [${shape}]`);
  }
  return tensor.data;
}
