import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { adapterIdOf, adapterFiles as files } from '../../../core/adapter.ts';
import { WeightsInvalidError } from '../../../core/errors.ts';
import type { AdapterId } from '../../../core/ids.ts';
import { type Json, sha256 } from '../../../core/json.ts';
import type { Adapter } from '../../trainer.ts';
import { adapterLayout, weightLayout } from '../layout.ts';
import { type LoraShape, type ModelShape, type Projection, projectionSize, projections } from '../shape.ts';
import { type Base, readBytes, readJson, tensorPath } from './base-checkpoint.ts';
import { decodeTensors, encodeTensors, type Tensor, takeTensor, writeWhole } from './safetensors.ts';

/** A trained adapter in memory. */
export interface AdapterWeights extends LoraShape {
  /** In the order of `adapterLayout`. */
  readonly floats: Float32Array;
}

/** Where the base's hash stands in the weights' metadata; PEFT writes none. */
const baseKey = 'base_sha256';

/** Each adapter's two tensors: A [rank, inputs] and B [outputs, rank]. We hold A transposed. */
function tensorPlaces(shape: ModelShape, rank: number) {
  return adapterLayout(shape, rank).layers.flatMap((layer, i) =>
    projections.map((name) => {
      const path = `base_model.model.${tensorPath(i, name)}`;
      const { outputs, inputs } = projectionSize(shape, name);
      const [a, b] = [`${path}.lora_A.weight`, `${path}.lora_B.weight`];
      return { a, b, ...{ aAt: layer[name].a, bAt: layer[name].b, outputs, inputs } };
    }),
  );
}

/**
 * Writes a PEFT directory `<root>/<id>`, whole or not at all. Equal adapters get the same id and the same bytes.
 * @param provenance - What it was made from; beside the weights, and no part of the id.
 * @param beside - Further files by name, no part of the id either.
 * @returns the id: SHA-256 of configuration and weights.
 */
export function writeAdapter(
  root: string,
  base: Base,
  adapter: AdapterWeights,
  provenance: Json,
  beside: Readonly<Record<string, Uint8Array>> = {},
): AdapterId {
  const { rank, alpha, floats } = adapter;
  const tensors = tensorPlaces(base.shape, rank).flatMap(({ a, b, aAt, bAt, outputs, inputs }): [string, Tensor][] => [
    [a, { shape: [rank, inputs], data: transposed(floats.subarray(aAt, aAt + inputs * rank), inputs, rank) }],
    [b, { shape: [outputs, rank], data: floats.slice(bAt, bAt + outputs * rank) }],
  ]);
  const metadata = { format: 'pt', [baseKey]: base.sha256 };
  const weights = encodeTensors({ tensors: Object.fromEntries(tensors), metadata });
  const config = Buffer.from(`${JSON.stringify(peftConfig(base.name, { rank, alpha }), null, 2)}\n`);
  const id = idOf(config, weights);
  const directory = join(root, id);
  if (existsSync(directory)) return id;
  mkdirSync(root, { recursive: true });
  const temporary = mkdtempSync(join(root, '.new-'));
  writeWhole(join(temporary, files.config), config);
  writeWhole(join(temporary, files.weights), weights);
  writeWhole(join(temporary, files.provenance), Buffer.from(`${JSON.stringify(provenance, null, 2)}\n`));
  for (const [name, bytes] of Object.entries(beside)) writeWhole(join(temporary, name), bytes);
  try {
    renameSync(temporary, directory);
  } catch (error) {
    rmSync(temporary, { recursive: true });
    // Somebody else finished the same adapter first.
    if (!existsSync(directory)) throw error;
  }
  return id;
}

function idOf(config: Uint8Array, weights: Uint8Array): AdapterId {
  return adapterIdOf({ config: sha256(config), weights: sha256(weights) });
}

function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(matrix, (_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);
}

function peftConfig(base: string, { rank, alpha }: LoraShape) {
  return {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: base,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    target_modules: [...projections].sort(),
  };
}

const empty = z.strictObject({}).nullish();
const configSchema = z.object({
  peft_type: z.literal('LORA'),
  base_model_name_or_path: z.string().nullish(),
  r: z.int().min(1).max(256),
  lora_alpha: z.number().positive(),
  bias: z.literal('none').default('none'),
  fan_in_fan_out: z.literal(false).default(false),
  use_rslora: z.literal(false).nullish(),
  use_dora: z.literal(false).nullish(),
  modules_to_save: z.null().optional(),
  layers_to_transform: z.null().optional(),
  ...{ rank_pattern: empty, alpha_pattern: empty },
  target_modules: z
    .array(z.string())
    .refine(
      (names) => [...names].sort().join() === [...projections].sort().join(),
      `must be ${projections.join(', ')}`,
    ),
});

/**
 * Reads a PEFT directory for a base.
 * @throws {WeightsInvalidError} naming file and tensor: damaged, of another shape or rank, or trained on another base.
 */
export function readAdapter(directory: string, base: Base): AdapterWeights & { readonly id: AdapterId } {
  const [configFile, weightsFile] = [join(directory, files.config), join(directory, files.weights)];
  const { r: rank, lora_alpha: alpha } = readJson(configFile, configSchema);
  const bytes = readBytes(weightsFile);
  const file = decodeTensors(bytes, weightsFile);
  const trainedOn = file.metadata[baseKey];
  if (trainedOn !== undefined && trainedOn !== base.sha256) {
    throw new WeightsInvalidError(
      `${weightsFile}: trained on another base (${trainedOn.slice(0, 8)}) than ${base.name} (${base.sha256.slice(0, 8)})`,
    );
  }
  const floats = new Float32Array(adapterLayout(base.shape, rank).count);
  const places = tensorPlaces(base.shape, rank);
  const expected = new Set(places.flatMap(({ a, b }) => [a, b]));
  const stray = Object.keys(file.tensors).find((name) => !expected.has(name));
  for (const { a, b, aAt, bAt, outputs, inputs } of places) {
    floats.set(transposed(takeTensor(file, a, [rank, inputs], weightsFile), rank, inputs), aAt);
    floats.set(takeTensor(file, b, [outputs, rank], weightsFile), bAt);
  }
  if (stray !== undefined)
    throw new WeightsInvalidError(`${weightsFile}: tensor ${stray} has no place in ${base.name}`);
  return { id: idOf(readBytes(configFile), bytes), rank, alpha, floats };
}

/** As `readAdapter`. @throws {WeightsInvalidError} also for an adapter that is no longer what its id says. */
export function readKnownAdapter({ id, directory }: Adapter, base: Base): AdapterWeights {
  const weights = readAdapter(directory, base);
  if (weights.id === id) return weights;
  throw new WeightsInvalidError(
    `${directory}: changed since it was trained: its content is ${weights.id.slice(0, 8)}, not ${id.slice(0, 8)}`,
  );
}

/** The base's weights with an adapter in them: W + alpha/rank · B·A. */
export function mergedWeights({ shape, weights }: Base, { rank, alpha, floats }: AdapterWeights): Float32Array {
  const merged = weights.slice();
  const layout = weightLayout(shape);
  for (const [i, layer] of adapterLayout(shape, rank).layers.entries()) {
    for (const name of projections) addProduct(name, layout.layers[i]![name], layer[name]);
  }
  return merged;

  function addProduct(name: Projection, at: number, { a, b }: { readonly a: number; readonly b: number }): void {
    const { outputs, inputs } = projectionSize(shape, name);
    for (let o = 0; o < outputs; o += 1) {
      for (let i = 0; i < inputs; i += 1) {
        let sum = 0;
        for (let r = 0; r < rank; r += 1) sum += floats[b + o * rank + r]! * floats[a + i * rank + r]!;
        merged[at + o * inputs + i]! += (alpha / rank) * sum;
      }
    }
  }
}
