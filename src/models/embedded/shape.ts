import { z } from 'zod';
import { ConfigInvalidError } from '../../core/errors.ts';

/** Size of a Llama-style decoder: as many key and value heads as query heads, embedding and output head tied. */
export const modelShapeSchema = z
  .strictObject({
    vocabularySize: z.int().min(8).max(65_536).multipleOf(8),
    hiddenSize: z.int().min(8).max(4_096).multipleOf(8),
    /** Width of the SwiGLU layer. */
    feedForwardSize: z.int().min(8).max(16_384).multipleOf(8),
    layers: z.int().min(1).max(64),
    heads: z.int().min(1).max(64),
    /** The longest sequence in tokens, begin and end included. */
    contextLength: z.int().min(8).max(4_096).multipleOf(8),
  })
  .refine(({ hiddenSize, heads }) => hiddenSize % (8 * heads) === 0, {
    path: ['heads'],
    error: 'hiddenSize / heads must be a multiple of 8: the kernels turn half a head four lanes at a time',
  });

export type ModelShape = Readonly<z.output<typeof modelShapeSchema>>;

/** @throws {ConfigInvalidError} naming every size that does not fit. */
export function parseModelShape(input: unknown): ModelShape {
  const parsed = modelShapeSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ConfigInvalidError(`invalid shape of an embedded model\n${z.prettifyError(parsed.error)}`);
}

/** Low-rank adapters: W' = W + alpha/rank · B·A (Hu et al., LoRA, 2021). */
export interface LoraShape {
  readonly rank: number;
  readonly alpha: number;
}

/** The projections that carry an adapter, in the order in which they are applied. */
export const projections = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;
export type Projection = (typeof projections)[number];

export interface MatrixSize {
  readonly outputs: number;
  readonly inputs: number;
}

/** Every projection is stored [outputs, inputs], as PyTorch's Linear does. */
export function projectionSize(shape: ModelShape, name: Projection): MatrixSize {
  const { hiddenSize: d, feedForwardSize: ff } = shape;
  if (name === 'gate_proj' || name === 'up_proj') return { outputs: ff, inputs: d };
  return { outputs: d, inputs: name === 'down_proj' ? ff : d };
}
