import { z } from 'zod';

/**
 * The part of OpenAI's chat-completions protocol that every model here speaks,
 * and that a genome sends to the gateway. Unknown request fields are dropped,
 * not forwarded: a sandbox cannot reach a provider's option we did not choose.
 */
const toolCallSchema = z.object({
  id: z.string().max(256),
  type: z.literal('function'),
  function: z.object({ name: z.string().max(256), arguments: z.string() }),
});

const contentSchema = z.union([
  z.string(),
  z
    .array(z.object({ type: z.literal('text'), text: z.string() }))
    .transform((parts) => parts.map((p) => p.text).join('')),
]);

export const chatMessageSchema = z.discriminatedUnion('role', [
  z.object({ role: z.literal('system'), content: contentSchema }),
  z.object({ role: z.literal('developer'), content: contentSchema }),
  z.object({ role: z.literal('user'), content: contentSchema }),
  z.object({
    role: z.literal('assistant'),
    content: contentSchema.nullish().transform((c) => c ?? null),
    tool_calls: z.array(toolCallSchema).max(128).optional(),
  }),
  z.object({ role: z.literal('tool'), content: contentSchema, tool_call_id: z.string().max(256) }),
]);

export const chatRequestSchema = z.object({
  model: z.string().max(256).default('default'),
  messages: z.array(chatMessageSchema).min(1).max(4_096),
  tools: z
    .array(
      z.object({
        type: z.literal('function'),
        function: z.object({
          name: z.string().min(1).max(256),
          description: z.string().optional(),
          parameters: z.record(z.string(), z.unknown()).optional(),
        }),
      }),
    )
    .max(128)
    .optional(),
  tool_choice: z
    .union([
      z.enum(['auto', 'none', 'required']),
      z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) }),
    ])
    .optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().min(0).max(1).optional(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).optional(),
  max_tokens: z.int().positive().optional(),
  max_completion_tokens: z.int().positive().optional(),
  seed: z.int().optional(),
});

export const chatCompletionSchema = z.object({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: z.int(),
  model: z.string(),
  choices: z
    .array(
      z.object({
        index: z.int(),
        finish_reason: z.enum(['stop', 'length', 'tool_calls', 'content_filter']),
        message: z.object({
          role: z.literal('assistant'),
          content: z.string().nullable(),
          tool_calls: z.array(toolCallSchema).optional(),
        }),
      }),
    )
    .length(1),
  usage: z.object({
    prompt_tokens: z.int().nonnegative(),
    completion_tokens: z.int().nonnegative(),
    total_tokens: z.int().nonnegative(),
  }),
});

export type ChatToolCall = z.output<typeof toolCallSchema>;
export type ChatMessage = z.output<typeof chatMessageSchema>;
export type ChatRequest = z.output<typeof chatRequestSchema>;
export type ChatCompletion = z.output<typeof chatCompletionSchema>;

/** One answered model call, as logged and as charged. */
export interface ModelAnswer {
  readonly completion: ChatCompletion;
  /** USD, or `null` when the model has no known price. */
  readonly costUsd: number | null;
  readonly source: 'live' | 'replay';
  /** Requests to the provider that this answer took, retries included; left out by a model that does not count them. */
  readonly attempts?: number;
}
