import type { ChatCompletion, ChatRequest, ChatToolCall, ModelAnswer } from '../../core/chat.ts';
import type { Model } from '../../core/define.ts';
import { canonicalJson, sha256 } from '../../core/json.ts';
import { randomStream } from '../../core/random.ts';
import { readConversation } from './conversation.ts';
import { nextStep, type Step } from './next-step.ts';
import { readToolbox } from './toolbox.ts';
import type { MutatorMix } from './variation.ts';

export interface MutatorOptions {
  /** Usually `mutator:<mix>`; the name is part of the random stream. */
  readonly name: string;
  readonly mix: MutatorMix;
}

/**
 * Blind variation behind the chat-completions protocol: genetic programming
 * on the genome's own code, without any language model. It is the baseline
 * that a language model has to beat, and a complete run needs nothing else.
 *
 * Stateless: the answer is a pure function of the request. Equal requests get
 * equal bytes, `created` and ids included.
 */
export function createMutator({ name, mix }: MutatorOptions): Model {
  return {
    name,
    isTrusted: true,
    contextTokens: null,
    price: () => 0,
    async complete(request, signal): Promise<ModelAnswer> {
      signal.throwIfAborted();
      const toolbox = readToolbox(request);
      const conversation = readConversation(request.messages, toolbox);
      const random = randomStream(request.seed ?? 0, 'mutator', name, openingDigest(request), conversation.turns);
      const step = nextStep(mix, conversation, toolbox, random);
      const id = sha256(canonicalJson([name, request])).slice(0, 24);
      const calls =
        step.kind === 'say' ? [] : step.asks.map((ask, i) => toToolCall(toolbox.toCall(ask), `call-${id}-${i}`));
      return { completion: toCompletion(name, id, request, step, calls), costUsd: 0, source: 'live' };
    },
  };
}

/** What sets one generation apart from the next when both have the same seed: the messages before any answer. */
function openingDigest({ messages }: ChatRequest): string {
  const firstAnswer = messages.findIndex((m) => m.role === 'assistant');
  return sha256(canonicalJson(firstAnswer === -1 ? messages : messages.slice(0, firstAnswer)));
}

function toToolCall(call: ChatToolCall['function'], id: string): ChatToolCall {
  return { id, type: 'function', function: call };
}

function toCompletion(
  model: string,
  id: string,
  request: ChatRequest,
  step: Step,
  calls: ChatToolCall[],
): ChatCompletion {
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY;
  const asked = tokens(calls.map((c) => c.function.name + c.function.arguments).join(''));
  // An answer that does not fit would reach the caller as broken JSON: it is not given at all.
  const isTooLong = asked + tokens(step.text ?? '') > limit;
  const content = isTooLong ? (step.text ?? '').slice(0, limit * 4) : step.text;
  const toolCalls = isTooLong ? [] : calls;
  const finish_reason = isTooLong ? 'length' : toolCalls.length > 0 ? 'tool_calls' : 'stop';
  const prompt_tokens = tokens(JSON.stringify([request.messages, request.tools ?? []]));
  const completion_tokens = tokens(content ?? '') + (isTooLong ? 0 : asked);
  return {
    id: `mutator-${id}`,
    object: 'chat.completion',
    created: 0,
    model,
    choices: [
      {
        index: 0,
        finish_reason,
        message: { role: 'assistant', content, ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}) },
      },
    ],
    usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
  };
}

/** Without a tokenizer a token is four characters. */
function tokens(text: string): number {
  return Math.ceil(text.length / 4);
}
