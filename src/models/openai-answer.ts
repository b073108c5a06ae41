import { z } from 'zod';
import type { ChatCompletion, ChatRequest } from '../core/chat.ts';
import { estimatePromptTokens, estimateTokens } from '../core/tokens.ts';

const text = z.union([
  z.string(),
  z
    .array(z.looseObject({ text: z.string().optional() }))
    .transform((parts) => parts.map((part) => part.text ?? '').join('')),
]);

/** What compatible servers really send: fields missing, null, or of a neighbouring type. */
const looseCompletion = z.looseObject({
  id: z.string().nullish(),
  created: z.number().nullish(),
  model: z.string().nullish(),
  choices: z
    .array(
      z.looseObject({
        finish_reason: z.string().nullish(),
        message: z.looseObject({
          content: text.nullish(),
          refusal: z.string().nullish(),
          tool_calls: z
            .array(
              z.looseObject({
                id: z.string().nullish(),
                function: z.looseObject({
                  name: z.string(),
                  arguments: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
                }),
              }),
            )
            .nullish(),
        }),
      }),
    )
    .min(1),
  usage: z.looseObject({ prompt_tokens: z.number().nullish(), completion_tokens: z.number().nullish() }).nullish(),
});
type Loose = z.output<typeof looseCompletion>;
type Choice = Loose['choices'][number];

/**
 * A provider's answer in this project's shape, or `null` when it is none.
 *
 * Budgets need token counts, so a count that is missing or not positive is
 * estimated (`estimateTokens`, one per three bytes), never taken as free.
 */
export function toCompletion(body: unknown, request: ChatRequest, model: string): ChatCompletion | null {
  const parsed = looseCompletion.safeParse(body);
  if (!parsed.success) return null;
  const choice = parsed.data.choices[0]!;
  const calls = toolCalls(choice);
  const content = choice.message.content ?? choice.message.refusal ?? null;
  return {
    id: parsed.data.id || 'chatcmpl-unnamed',
    object: 'chat.completion',
    created: Math.max(0, Math.floor(parsed.data.created ?? 0)),
    model: parsed.data.model || model,
    choices: [
      {
        index: 0,
        finish_reason: finishReason(choice.finish_reason, calls.length > 0),
        message: { role: 'assistant', content, ...(calls.length > 0 ? { tool_calls: calls } : {}) },
      },
    ],
    usage: usageOf(parsed.data.usage, request, `${content ?? ''}${calls.length > 0 ? JSON.stringify(calls) : ''}`),
  };
}

function toolCalls(choice: Choice) {
  return (choice.message.tool_calls ?? []).map((call, index) => ({
    id: call.id || `call_${index}`,
    type: 'function' as const,
    function: {
      name: call.function.name,
      arguments:
        typeof call.function.arguments === 'string'
          ? call.function.arguments
          : JSON.stringify(call.function.arguments ?? {}),
    },
  }));
}

function finishReason(said: string | null | undefined, hasCalls: boolean) {
  if (said === 'length' || said === 'content_filter') return said;
  return hasCalls ? 'tool_calls' : 'stop';
}

function usageOf(said: Loose['usage'], request: ChatRequest, answer: string): ChatCompletion['usage'] {
  const prompt = counted(said?.prompt_tokens) ?? estimatePromptTokens(request);
  const completion = counted(said?.completion_tokens) ?? estimateTokens(answer);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

function counted(tokens: number | null | undefined): number | null {
  return typeof tokens === 'number' && tokens > 0 && Number.isFinite(tokens) ? Math.ceil(tokens) : null;
}
