import { z } from 'zod';
import { decodeVector, type EmbeddingList, type EmbeddingRequest, encodeVector } from '../core/embedding.ts';
import { estimateEmbeddingTokens } from '../core/tokens.ts';

/** Asked for digits, some servers send base64 all the same. */
const vector = z
  .union([z.array(z.number()).min(1).transform(encodeVector), z.string().min(1)])
  .refine((embedding) => decodeVector(embedding).every(Number.isFinite));

const looseList = z.looseObject({
  model: z.string().nullish(),
  data: z.array(z.looseObject({ index: z.int().nonnegative().nullish(), embedding: vector })).min(1),
  usage: z.looseObject({ prompt_tokens: z.number().nullish() }).nullish(),
});

/**
 * A provider's answer in this project's shape, or `null` when it does not hold
 * exactly one vector for each input. A token count that is missing or not
 * positive is estimated.
 */
export function toEmbeddings(body: unknown, request: EmbeddingRequest, model: string): EmbeddingList | null {
  const parsed = looseList.safeParse(body);
  if (!parsed.success || parsed.data.data.length !== request.input.length) return null;
  const byIndex = new Map(parsed.data.data.map(({ index, embedding }, at) => [index ?? at, embedding]));
  const vectors = request.input.map((_, index) => byIndex.get(index));
  if (vectors.includes(undefined)) return null;
  const counted = parsed.data.usage?.prompt_tokens ?? 0;
  const tokens = counted > 0 && Number.isFinite(counted) ? Math.ceil(counted) : estimateEmbeddingTokens(request);
  return {
    object: 'list',
    model: parsed.data.model || model,
    data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding: embedding! })),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}
