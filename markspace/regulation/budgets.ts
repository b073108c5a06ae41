import { MarkspaceDeniedError } from '../../src/core/errors.ts';
import type { Check, Draft } from '../check.ts';
import { admitted, refused } from '../writing/verdict.ts';

export interface BudgetLimit {
  /** What is counted, with its unit, such as `tokens` or `costUsd`. */
  readonly dimension: string;
  readonly limit: number;
  /** Share of the limit at which a need asks for more. Default 0.8. */
  readonly warnAt?: number;
}

/** One agent's use of one dimension. Plain JSON. */
export interface BudgetState {
  readonly limit: number;
  readonly warnAt: number;
  readonly used: number;
  /** Whether the need for this limit was raised. */
  readonly isWarned: boolean;
}

/** By agent, then by dimension. */
export type BudgetSnapshot = Readonly<Record<string, Readonly<Record<string, BudgetState>>>>;

export interface Budgets {
  readonly check: Check;
  /**
   * Adds to what an agent has used, also beyond its limit: what was spent was spent.
   * Dimensions without a limit are not counted.
   * @returns needs for the runtime to leave in the agent's name: one for each dimension that has come to its warning.
   * @throws {RangeError} for an amount that is negative or not finite; nothing is added then.
   */
  use(agent: string, amounts: Readonly<Record<string, number>>): readonly BudgetWarning[];
  /**
   * Raises a limit; the agent goes on. The warning for the new limit is a new one.
   * @throws {MarkspaceDeniedError} for a dimension without a limit, or a limit that is not higher.
   */
  raise(agent: string, dimension: string, limit: number): void;
  snapshot(): BudgetSnapshot;
  restore(snapshot: BudgetSnapshot): void;
}

export interface BudgetWarning {
  readonly agent: string;
  readonly dimension: string;
  /** Fields of a need that blocks nobody. */
  readonly need: Draft['fields'];
}

/** What each agent may use of anything that is counted. An agent without limits is not affected in any way. */
export function createBudgets(limits: Readonly<Record<string, readonly BudgetLimit[]>>): Budgets {
  let agents = new Map(
    Object.entries(limits).map(([agent, own]) => [
      agent,
      new Map(own.map((given) => [given.dimension, startOf(agent, given)])),
    ]),
  );

  return {
    check: {
      name: 'budget',
      judge({ agent, draft }) {
        for (const [dimension, { used, limit }] of agents.get(agent) ?? []) {
          if (used < limit) continue;
          const message = `${used} of ${limit} ${dimension} are used up: nothing goes on until the limit is raised`;
          return refused('budget', 'used-up', message);
        }
        return admitted(draft);
      },
    },
    use(agent, amounts) {
      for (const [dimension, amount] of Object.entries(amounts)) {
        if (Number.isFinite(amount) && amount >= 0) continue;
        throw new RangeError(`${agent} cannot have used ${amount} ${dimension}`);
      }
      const own = agents.get(agent);
      const warnings: BudgetWarning[] = [];
      for (const [dimension, amount] of Object.entries(amounts)) {
        const before = own?.get(dimension);
        if (before === undefined) continue;
        const used = before.used + amount;
        const isDue = !before.isWarned && used >= before.warnAt * before.limit;
        own!.set(dimension, { ...before, used, isWarned: before.isWarned || isDue });
        if (isDue) warnings.push({ agent, dimension, need: needOf(agent, dimension, used, before.limit) });
      }
      return warnings;
    },
    raise(agent, dimension, limit) {
      const before = agents.get(agent)?.get(dimension);
      if (before === undefined) throw new MarkspaceDeniedError(`${agent} has no limit on ${dimension}`);
      if (!(limit > before.limit)) {
        throw new MarkspaceDeniedError(
          `${dimension} of ${agent} is limited to ${before.limit}: ${limit} does not raise it`,
        );
      }
      agents.get(agent)!.set(dimension, { ...before, limit, isWarned: false });
    },
    snapshot: () => Object.fromEntries([...agents].map(([agent, own]) => [agent, Object.fromEntries(own)])),
    restore(snapshot) {
      agents = new Map(Object.entries(snapshot).map(([agent, own]) => [agent, new Map(Object.entries(own))]));
    },
  };
}

function startOf(agent: string, { dimension, limit, warnAt = 0.8 }: BudgetLimit): BudgetState {
  if (!(limit >= 0)) throw new RangeError(`a limit of ${limit} ${dimension} for ${agent} is none`);
  if (!(warnAt > 0 && warnAt <= 1)) throw new RangeError(`a warning is due at a share in (0, 1], not at ${warnAt}`);
  return { limit, warnAt, used: 0, isWarned: false };
}

function needOf(agent: string, dimension: string, used: number, limit: number): Draft['fields'] {
  return {
    question: `${agent} has used ${used} of ${limit} ${dimension}: may it have more?`,
    context: { agent, dimension, used, limit },
    priority: 0.5,
    blocking: false,
  };
}
