import { existsSync } from 'node:fs';
import { z } from 'zod';
import { WeightsInvalidError } from '../../../core/errors.ts';
import { encodeTensors, readTensors, takeTensor, writeWhole } from '../files/safetensors.ts';
import type { StepResult } from './step.ts';

/** All that a training needs to go on: the batches follow from seed and step. */
export interface Checkpoint {
  /** One for each step done. */
  readonly curve: readonly StepResult[];
  readonly trained: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

const curveSchema = z.array(z.strictObject({ loss: z.number(), gradientNorm: z.number() }));

export function writeCheckpoint(file: string, { curve, ...floats }: Checkpoint): void {
  const tensors = Object.entries(floats).map(([name, data]) => [name, { shape: [data.length], data }] as const);
  writeWhole(file, encodeTensors({ tensors: Object.fromEntries(tensors), metadata: { curve: JSON.stringify(curve) } }));
}

/**
 * @returns `null` where there is none, and for a file that is damaged or of
 *   another size: the training then starts over, and comes to the same result.
 */
export function readCheckpoint(file: string, count: number): Checkpoint | null {
  if (!existsSync(file)) return null;
  try {
    const tensors = readTensors(file);
    const take = (name: string) => takeTensor(tensors, name, [count], file);
    const curve = curveSchema.safeParse(JSON.parse(tensors.metadata.curve ?? 'null'));
    if (!curve.success) return null;
    return { curve: curve.data, trained: take('trained'), mean: take('mean'), variance: take('variance') };
  } catch (error) {
    if (error instanceof WeightsInvalidError || error instanceof SyntaxError) return null;
    throw error;
  }
}
