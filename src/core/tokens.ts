import type { ChatMessage, ChatRequest } from './chat.ts';
import type { EmbeddingRequest } from './embedding.ts';

/**
 * Tokens a text may take, when no tokenizer is at hand: one per three bytes of
 * UTF-8. English prose takes fewer (about one per four), source code and CJK
 * about as many, random hexadecimal more. An estimate to reserve by and to fall
 * back on; what a provider counted always replaces it.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 3);
}

/** What a chat template adds around one message: role, separators, ids. */
const tokensPerMessage = 8;

/** Estimated prompt tokens of a whole request: every message, every tool call, every tool description. */
export function estimatePromptTokens(request: ChatRequest): number {
  const messages = request.messages.reduce((sum, m) => sum + tokensPerMessage + estimateTokens(textOf(m)), 0);
  return messages + (request.tools === undefined ? 0 : estimateTokens(JSON.stringify(request.tools)));
}

/** Tokens of all inputs: counted where they came as tokens, estimated where they came as text. */
export function estimateEmbeddingTokens({ input }: EmbeddingRequest): number {
  return input.reduce((sum: number, one) => sum + (typeof one === 'string' ? estimateTokens(one) : one.length), 0);
}

function textOf(message: ChatMessage): string {
  const calls = message.role === 'assistant' ? (message.tool_calls ?? []) : [];
  return [message.content ?? '', ...calls.map((c) => c.function.name + c.function.arguments)].join('');
}
