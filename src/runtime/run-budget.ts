import type { Budget, BudgetLimits, Reservation, Spend } from '../core/budget.ts';
import { BudgetExhaustedError } from '../core/errors.ts';

const dimensions = ['tokens', 'usd', 'evaluations'] as const;

/** A budget that can be given what was spent before a restart. */
export interface OpenBudget extends Budget {
  /** Counts what an earlier process spent, without asking. */
  restore(spent: Partial<Spend>): void;
}

/**
 * A budget, checked before spending. A lineage's budget has its run's as
 * `parent`: a reservation must fit both.
 * @param name - For the message, such as `run` or `lineage a`.
 */
export function createBudget(name: string, limits: BudgetLimits, parent: OpenBudget | null = null): OpenBudget {
  const spent = { tokens: 0, usd: 0, evaluations: 0 };
  const reserved = { tokens: 0, usd: 0, evaluations: 0 };
  return {
    get spent() {
      return { ...spent };
    },
    get exhausted() {
      return dimensions.find((d) => limits[d] !== undefined && spent[d] >= limits[d]) ?? parent?.exhausted ?? null;
    },
    restore(amount) {
      for (const d of dimensions) spent[d] += amount[d] ?? 0;
      parent?.restore(amount);
    },
    reserve(amount): Reservation {
      for (const d of dimensions) {
        const limit = limits[d];
        const asked = amount[d] ?? 0;
        if (limit !== undefined && asked > 0 && spent[d] + reserved[d] + asked > limit) {
          const left = Math.max(0, limit - spent[d] - reserved[d]);
          throw new BudgetExhaustedError(`the budget of ${name} allows ${limit} ${d}: ${left} left, ${asked} asked`);
        }
      }
      const outer = parent?.reserve(amount);
      for (const d of dimensions) reserved[d] += amount[d] ?? 0;
      let isSettled = false;
      return {
        settle(actual) {
          if (isSettled) return;
          isSettled = true;
          for (const d of dimensions) {
            reserved[d] -= amount[d] ?? 0;
            spent[d] += actual[d] ?? 0;
          }
          outer?.settle(actual);
        },
      };
    },
  };
}
