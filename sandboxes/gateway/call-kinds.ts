import { type ChatRequest, chatCompletionSchema, type ModelAnswer } from '../../src/core/chat.ts';
import { type EmbeddingAnswer, type EmbeddingRequest, embeddingListSchema } from '../../src/core/embedding.ts';
import { ContractViolatedError } from '../../src/core/errors.ts';
import { estimateEmbeddingTokens, estimatePromptTokens } from '../../src/core/tokens.ts';
import type { GatewayOptions } from './gateway.ts';
import type { CallCost } from './ledger.ts';

/** What differs between the things that a model can be asked for. */
export interface CallKind<Request, Answer> {
  readonly use: 'chat' | 'embeddings';
  /** The request that the model gets: nothing in it that the run decides is the sandbox's choice. */
  toForwarded(asked: Request, callIndex: number, options: GatewayOptions): Request;
  /** The most a call is expected to cost; reserved before it is made. */
  worstCase(request: Request, options: GatewayOptions): CallCost;
  /** Every text of a request that a model reads. */
  textsOf(request: Request): string[];
  /** Answers to tool calls in a request, and tool calls in an answer. */
  toolResultsOf(request: Request): { readonly id: string; readonly text: string }[];
  toolCallsOf(answer: Answer): { readonly id: string; readonly name: string }[];
  ask(options: GatewayOptions, request: Request, signal: AbortSignal): Promise<Answer>;
  /** @throws {ContractViolatedError} for an answer whose shape or numbers cannot be charged. */
  check(answer: Answer, request: Request): Answer;
  costOf(answer: Answer): CallCost;
}

export const chatCalls: CallKind<ChatRequest, ModelAnswer> = {
  use: 'chat',
  toForwarded({ max_tokens, max_completion_tokens, model, ...rest }, callIndex, options) {
    const ceiling = options.limits.maxCompletionTokens;
    return {
      ...rest,
      model: existing(model, options),
      seed: options.seedFor(callIndex),
      max_tokens: Math.min(max_tokens ?? ceiling, max_completion_tokens ?? ceiling, ceiling),
    };
  },
  worstCase(request, { model, limits }) {
    const promptTokens = estimatePromptTokens(request);
    const completionTokens = request.max_tokens ?? limits.maxCompletionTokens;
    return { promptTokens, completionTokens, usd: model.price(promptTokens, completionTokens) };
  },
  textsOf({ messages, tools }) {
    const texts: string[] = [];
    for (const message of messages) {
      if (message.content) texts.push(message.content);
      if (message.role !== 'assistant') continue;
      for (const call of message.tool_calls ?? []) texts.push(call.function.arguments);
    }
    if (tools !== undefined) texts.push(JSON.stringify(tools));
    return texts;
  },
  toolResultsOf: ({ messages }) =>
    messages.flatMap((message) =>
      message.role === 'tool' ? [{ id: message.tool_call_id, text: message.content }] : [],
    ),
  toolCallsOf: ({ completion }) =>
    (completion.choices[0]?.message.tool_calls ?? []).map(({ id, function: { name } }) => ({ id, name })),
  ask: async ({ model }, request, signal) => model.complete(request, signal),
  check(answer, { model }) {
    const parsed = chatCompletionSchema.safeParse(answer.completion);
    if (!parsed.success) throw brokenContract(model, parsed.error.issues[0]?.path.join('.') ?? '');
    return { ...answer, completion: parsed.data, costUsd: checkCost(answer.costUsd, model) };
  },
  costOf({ completion, costUsd }) {
    const { prompt_tokens, completion_tokens } = completion.usage;
    return { promptTokens: prompt_tokens, completionTokens: completion_tokens, usd: costUsd };
  },
};

export const embeddingCalls: CallKind<EmbeddingRequest, EmbeddingAnswer> = {
  use: 'embeddings',
  toForwarded: (asked, _callIndex, options) => ({ ...asked, model: existing(asked.model, options) }),
  worstCase(request, { model }) {
    const promptTokens = estimateEmbeddingTokens(request);
    return { promptTokens, completionTokens: 0, usd: model.embedPrice?.(promptTokens) ?? null };
  },
  toolResultsOf: () => [],
  toolCallsOf: () => [],
  textsOf: ({ input }) => input.filter((one) => typeof one === 'string'),
  ask: async ({ model }, request, signal) => model.embed!(request, signal),
  check(answer, { model, input }) {
    const parsed = embeddingListSchema.safeParse(answer.embeddings);
    if (!parsed.success) throw brokenContract(model, parsed.error.issues[0]?.path.join('.') ?? '');
    const { data } = parsed.data;
    if (data.length !== input.length || data.some(({ index }, i) => index !== i)) throw brokenContract(model, 'data');
    return { ...answer, embeddings: parsed.data, costUsd: checkCost(answer.costUsd, model) };
  },
  costOf: ({ embeddings, costUsd }) => ({
    promptTokens: embeddings.usage.prompt_tokens,
    completionTokens: 0,
    usd: costUsd,
  }),
};

/** A genome may come from a lineage with another model and name that one. */
function existing(name: string, { models }: GatewayOptions): string {
  return models.includes(name) ? name : models[0]!;
}

function checkCost(costUsd: number | null, model: string): number | null {
  if (costUsd === null || (Number.isFinite(costUsd) && costUsd >= 0)) return costUsd;
  throw brokenContract(model, 'costUsd');
}

function brokenContract(model: string, path: string): ContractViolatedError {
  return new ContractViolatedError(`model ${model} gave an answer that is wrong at "${path}"`, {
    details: { model, path },
  });
}
