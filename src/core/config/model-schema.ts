import { z } from 'zod';

const positive = z.int().positive();
const priceSchema = z.strictObject({
  /** USD per million tokens. */
  promptUsdPerMTok: z.number().nonnegative(),
  completionUsdPerMTok: z.number().nonnegative(),
});

const openaiModelSchema = z.strictObject({
  kind: z.literal('openai'),
  /** The provider's name of the model. */
  model: z.string().min(1),
  baseUrl: z.url().optional(),
  /** Only as `${NAME}`: the value is read from the environment and never written down. */
  apiKey: z
    .string()
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what the user has to write
    .regex(/^\$\{[A-Z_][A-Z0-9_]*\}$/, { error: 'write ${NAME}: secrets come from the environment' })
    .optional(),
  price: priceSchema.optional(),
  /** The same server's model for embeddings; without it there are none. */
  embeddings: z
    .strictObject({
      model: z.string().min(1),
      /** USD per million tokens. */
      usdPerMTok: z.number().nonnegative().optional(),
    })
    .optional(),
  maxRetries: z.int().min(0).max(20).default(5),
  timeoutMs: positive.default(120_000),
});
const moduleModelSchema = z.strictObject({
  kind: z.literal('module'),
  module: z.string().min(1),
  params: z.json().optional(),
});
const cassetteModelSchema = z.strictObject({
  kind: z.literal('cassette'),
  /** JSON Lines file, relative to the experiment file. */
  file: z.string().min(1),
  mode: z.enum(['record', 'replay', 'auto']),
  /** The model that is recorded; not needed to replay. */
  of: z.string().min(1).optional(),
});
/** Answers that a built-in grammar admits, and no others. */
export const grammarNames = ['storage'] as const;

const embeddedModelSchema = z.strictObject({
  kind: z.literal('embedded'),
  /** A shipped base's name, or the directory of another one, relative to the experiment file, such as `./bases/mine`. */
  base: z
    .string()
    .min(1, { error: 'name a shipped base, such as small, or the directory of one, such as ./bases/mine' }),
  /** For requests that say none; without it 1. */
  temperature: z.number().min(0).max(2).default(1),
  /** What may be answered; without one, any tokens. `storage` is the action language of that niche, read off the prompt. */
  grammar: z.enum(grammarNames).optional(),
});

export const modelSchema = z.discriminatedUnion('kind', [
  openaiModelSchema,
  embeddedModelSchema,
  cassetteModelSchema,
  moduleModelSchema,
]);
export type ModelConfig = z.output<typeof modelSchema>;
