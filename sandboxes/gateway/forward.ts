import { type ChatRequest, chatCompletionSchema, type ModelAnswer } from '../../src/core/chat.ts';
import {
  BudgetExhaustedError,
  ContractViolatedError,
  describeError,
  GalapagosError,
  ModelFailedError,
  ModelUnavailableError,
} from '../../src/core/errors.ts';
import { estimatePromptTokens } from '../../src/core/tokens.ts';
import type { CallError, GatewayOptions } from './gateway.ts';
import type { CallCost } from './ledger.ts';
import type { WireError } from './wire.ts';

/** The request that the model gets: our seed, our ceiling, a model name that exists. */
export function toForwarded(request: ChatRequest, index: number, options: GatewayOptions): ChatRequest {
  const { max_tokens, max_completion_tokens, model, ...rest } = request;
  const ceiling = options.limits.maxCompletionTokens;
  return {
    ...rest,
    // A genome may come from a lineage with another model and name that one.
    model: options.models.includes(model) ? model : options.models[0]!,
    seed: options.seedFor(index),
    max_tokens: Math.min(max_tokens ?? ceiling, max_completion_tokens ?? ceiling, ceiling),
  };
}

/** The most a call is expected to cost; reserved before it is made. */
export function worstCase(request: ChatRequest, options: GatewayOptions): CallCost {
  const promptTokens = estimatePromptTokens(request);
  const completionTokens = request.max_tokens ?? options.limits.maxCompletionTokens;
  return { promptTokens, completionTokens, usd: options.price?.(promptTokens, completionTokens) ?? null };
}

/** Every text of a request that a model reads. */
export function textsOf(request: ChatRequest): string[] {
  const texts: string[] = [];
  for (const message of request.messages) {
    if (message.content) texts.push(message.content);
    if (message.role !== 'assistant') continue;
    for (const call of message.tool_calls ?? []) texts.push(call.function.arguments);
  }
  if (request.tools !== undefined) texts.push(JSON.stringify(request.tools));
  return texts;
}

/** @throws {ContractViolatedError} for an answer whose shape or numbers cannot be charged. */
export function checkAnswer(answer: ModelAnswer, model: string): ModelAnswer {
  const parsed = chatCompletionSchema.safeParse(answer.completion);
  const { costUsd } = answer;
  if (parsed.success && (costUsd === null || (Number.isFinite(costUsd) && costUsd >= 0))) {
    return { ...answer, completion: parsed.data };
  }
  const where = parsed.success ? 'costUsd' : (parsed.error.issues[0]?.path.join('.') ?? '');
  throw new ContractViolatedError(`model ${model} gave an answer that is wrong at "${where}"`, {
    details: { model, path: where },
  });
}

/**
 * A call that was cut off may still be billed, so it is charged in full:
 * otherwise a genome could read nothing, hang up early and think for free.
 */
export function mayBeBilled(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || (error instanceof GalapagosError && error.details.mayBeBilled === true);
}

export function toCallError(error: unknown, signal: AbortSignal): CallError {
  if (signal.aborted) return { code: 'CANCELLED', message: 'the call was cancelled' };
  return { code: error instanceof GalapagosError ? error.code : 'UNKNOWN', message: describeError(error) };
}

/** Whether the sandbox or the provider is to blame; anything else is a defect of the run. */
export function isExpected(error: unknown, signal: AbortSignal): boolean {
  const expected = [ModelFailedError, ModelUnavailableError, BudgetExhaustedError];
  return signal.aborted || expected.some((kind) => error instanceof kind);
}

/** What the sandbox may know. Never the error's own text: it was written for the other side. */
export function toWireError(error: unknown, signal: AbortSignal): WireError {
  if (signal.aborted) return { status: 503, code: 'cancelled', message: 'the call was cancelled' };
  if (error instanceof ModelUnavailableError) {
    return { status: 503, code: 'model_unavailable', message: 'the model cannot be reached; every retry was used' };
  }
  if (error instanceof BudgetExhaustedError) return budgetExhausted('the budget is used up');
  if (!(error instanceof ModelFailedError)) {
    return { status: 500, code: 'gateway_failed', message: 'the gateway failed' };
  }
  const { status, code } = error.details;
  if (status !== 400 && status !== 413 && status !== 422) {
    return { status: 502, code: 'model_failed', message: 'the model failed' };
  }
  return {
    status: 400,
    code: typeof code === 'string' ? code : 'model_refused',
    message: 'the model refused the request',
  };
}

export function budgetExhausted(why: string): WireError {
  return { status: 402, code: 'budget_exhausted', message: `refused: ${why}. Asking again will not help.` };
}
