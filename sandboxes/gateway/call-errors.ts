import { saysNoEmbeddings } from '../../src/core/embedding.ts';
import {
  BudgetExhaustedError,
  describeError,
  GalapagosError,
  ModelFailedError,
  ModelUnavailableError,
} from '../../src/core/errors.ts';
import type { CallError } from './gateway.ts';
import type { WireError } from './wire.ts';

/**
 * A call that was cut off may still be billed, so it is charged in full:
 * otherwise a genome could read nothing, hang up early and think for free.
 */
export function mayBeBilled(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || (error instanceof GalapagosError && error.details.mayBeBilled === true);
}

export function toCallError(error: unknown, signal: AbortSignal): CallError {
  if (signal.aborted) return { code: 'CANCELLED', message: 'the call was cancelled', attempts: null };
  if (!(error instanceof GalapagosError)) return { code: 'UNKNOWN', message: describeError(error), attempts: null };
  const { attempts } = error.details;
  return {
    code: error.code,
    message: describeError(error),
    attempts: typeof attempts === 'number' ? attempts : null,
  };
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
  if (saysNoEmbeddings(error)) return noEmbeddings;
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

export const noEmbeddings: WireError = {
  status: 404,
  code: 'no_embeddings',
  message: 'this model has no embeddings',
};

/** As OpenAI's own servers put it: for a model that is not there, and for one that is not yours, in the same words. */
export function notReached(rule: string, message: string): WireError {
  if (rule.startsWith('model/')) return { status: 404, code: 'model_not_found', message };
  return { status: 403, code: 'guard_denied', message: `refused: ${message}` };
}

export function budgetExhausted(why: string): WireError {
  return { status: 402, code: 'budget_exhausted', message: `refused: ${why}. Asking again will not help.` };
}
