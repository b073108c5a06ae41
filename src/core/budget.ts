/** What a run or a lineage may spend. Absent means unlimited. */
export interface BudgetLimits {
  readonly tokens?: number | undefined;
  readonly usd?: number | undefined;
  readonly evaluations?: number | undefined;
  readonly wallMs?: number | undefined;
}

export interface Spend {
  readonly tokens: number;
  readonly usd: number;
  readonly evaluations: number;
}

/**
 * Checked before spending, outside the agent. An amount is reserved first and
 * settled after, so parallel spenders cannot overshoot together.
 */
export interface Budget {
  /** @throws {BudgetExhaustedError} naming the dimension, its limit and what was asked; nothing is reserved then. */
  reserve(amount: Partial<Spend>): Reservation;
  /** What was settled. Calls without a known price count 0 USD here. */
  readonly spent: Spend;
  /** The first dimension that is used up, or `null`. */
  readonly exhausted: keyof BudgetLimits | null;
}

export interface Reservation {
  /** Replaces the reservation by what was really spent. Call exactly once. */
  settle(actual: Partial<Spend>): void;
}
