import type { Budget, Reservation } from '../../src/core/budget.ts';
import { BudgetExhaustedError } from '../../src/core/errors.ts';
import { addUsage, noUsage, type Usage } from '../../src/core/records.ts';
import type { GatewayLimits, RefusalReason } from './gateway.ts';

/** The tokens of one call and their price; `usd` is `null` when it is unknown. */
export interface CallCost {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly usd: number | null;
}

/** The model refused a call or never got it. */
export const nothing: CallCost = { promptTokens: 0, completionTokens: 0, usd: 0 };

/** A call that may be made, and counts. */
export interface Admission {
  readonly index: number;
  /** Charges what the call really cost. Call exactly once. */
  settle(actual: CallCost): void;
}

export type Admitted = { readonly admission: Admission } | { readonly refused: RefusalReason; readonly why: string };

/** What one gateway has spent and promised, against its own limits and the budget behind it. */
export interface Ledger {
  /** The number the next admitted call will have. */
  readonly nextIndex: number;
  /** Reserves the worst case of a call, everywhere or nowhere. */
  admit(worst: CallCost): Admitted;
  /** @returns whether so many more tool calls are within the limit; they are counted then. */
  countToolCalls(count: number): boolean;
  usage(): Usage;
}

export function createLedger(limits: GatewayLimits, budget: Budget): Ledger {
  let usage: Usage = noUsage;
  let reservedTokens = 0;

  const overLimit = (tokens: number): Admitted | null => {
    if (usage.calls >= limits.maxCalls) return { refused: 'calls', why: `limit of ${limits.maxCalls} model calls` };
    const left = limits.maxTokens - usage.promptTokens - usage.completionTokens - reservedTokens;
    if (tokens <= left) return null;
    return { refused: 'tokens', why: `${tokens} tokens may be needed and ${Math.max(0, left)} are left` };
  };

  const open = (reservation: Reservation, tokens: number): Admission => {
    const index = usage.calls;
    usage = addUsage(usage, { ...noUsage, calls: 1 });
    reservedTokens += tokens;
    return {
      index,
      settle({ promptTokens, completionTokens, usd }) {
        reservedTokens -= tokens;
        usage = addUsage(usage, { ...noUsage, promptTokens, completionTokens, costUsd: usd });
        reservation.settle({ tokens: promptTokens + completionTokens, usd: usd ?? 0 });
      },
    };
  };

  return {
    get nextIndex() {
      return usage.calls;
    },
    admit(worst) {
      const tokens = worst.promptTokens + worst.completionTokens;
      const refusal = overLimit(tokens);
      if (refusal !== null) return refusal;
      try {
        return { admission: open(budget.reserve({ tokens, usd: worst.usd ?? 0 }), tokens) };
      } catch (error) {
        if (!(error instanceof BudgetExhaustedError)) throw error;
        return { refused: 'budget', why: error.message };
      }
    },
    countToolCalls(count) {
      if (usage.toolCalls + count > limits.maxToolCalls) return false;
      usage = addUsage(usage, { ...noUsage, toolCalls: count });
      return true;
    },
    usage: () => usage,
  };
}
