import { z } from 'zod';
import { ModelFailedError } from './errors.ts';

/** OpenAI's limit. */
const maxInputs = 2_048;
const text = z.string().min(1);
const tokens = z.array(z.int().nonnegative()).min(1);

/** The part of OpenAI's embeddings protocol that models here speak. One input or many: a request holds a list. */
export const embeddingRequestSchema = z.object({
  model: z.string().max(256).default('default'),
  input: z.union([
    text.transform((one) => [one]),
    z.array(text).min(1).max(maxInputs),
    tokens.transform((one) => [one]),
    z.array(tokens).min(1).max(maxInputs),
  ]),
  dimensions: z.int().positive().max(65_536).optional(),
});

export const embeddingListSchema = z.object({
  object: z.literal('list'),
  model: z.string(),
  /** One for each input, in the order of the inputs. */
  data: z
    .array(
      z.object({
        object: z.literal('embedding'),
        index: z.int().nonnegative(),
        /** 32-bit floats, little-endian, as base64: exact, and a third of the size of their digits. */
        embedding: z.string().min(1),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: z.int().nonnegative(), total_tokens: z.int().nonnegative() }),
});

export type EmbeddingRequest = z.output<typeof embeddingRequestSchema>;
export type EmbeddingList = z.output<typeof embeddingListSchema>;

/** One answered request for embeddings, as logged and as charged. */
export interface EmbeddingAnswer {
  readonly embeddings: EmbeddingList;
  /** USD, or `null` when embeddings have no known price. */
  readonly costUsd: number | null;
  readonly source: 'live' | 'replay';
  /** As in `ModelAnswer`. */
  readonly attempts?: number;
}

export function encodeVector(values: readonly number[]): string {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeFloatLE(value, i * 4);
  return bytes.toString('base64');
}

export function decodeVector(embedding: string): number[] {
  const bytes = Buffer.from(embedding, 'base64');
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => bytes.readFloatLE(i * 4));
}

const code = 'no_embeddings';

/** For a model that learns only when it is asked that there are none behind it. */
export function noEmbeddings(model: string): ModelFailedError {
  return new ModelFailedError(`model ${model} has no embeddings`, { details: { model, status: 404, code } });
}

export function saysNoEmbeddings(error: unknown): boolean {
  return error instanceof ModelFailedError && error.details.code === code;
}
