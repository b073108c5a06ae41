import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import type { Model } from '../core/define.ts';

/** What an experiment will do at most, said before anything is spent. */
export interface ExperimentPlan {
  readonly experiment: string;
  readonly arms: readonly string[];
  readonly seeds: readonly number[];
  readonly lineages: Readonly<Record<string, string>>;
  readonly runs: number;
  /** Situations of each split that one evaluation measures. */
  readonly items: { readonly train: number; readonly selection: number; readonly test: number };
  /** Edits, all runs and lineages together. */
  readonly generations: number;
  /** Situations measured, seed and held-out test included. */
  readonly evaluations: number;
  /** Model tokens, by the lowest limit that applies. */
  readonly maxTokens: number;
  /** `null` when some model has no known price and no USD budget is set. */
  readonly maxUsd: number | null;
}

export function planExperiment(config: ExperimentConfig, models: ReadonlyMap<string, Model>): ExperimentPlan {
  const lineages = Object.entries(config.lineages);
  const runs = config.arms.length * config.seeds.length;
  const { train, selection, test } = config.items;
  const { evaluations: perLineage, tokens: lineageTokens } = lineageBounds(config);
  const evaluations =
    Math.min(perLineage, (config.lineageBudget.evaluations ?? Number.POSITIVE_INFINITY) + test) * lineages.length;
  const tokens = lineages.map(() => Math.min(lineageTokens, config.lineageBudget.tokens ?? Number.POSITIVE_INFINITY));
  const runTokens = Math.min(sum(tokens), config.budget.tokens ?? Number.POSITIVE_INFINITY);
  const usd = lineages.map(([, { model }], i) => {
    // Completion tokens cost the most, so all tokens at that price is an upper bound.
    const price = models.get(model)?.price(0, tokens[i]!) ?? null;
    const prompt = models.get(model)?.price(tokens[i]!, 0) ?? null;
    const limit = config.lineageBudget.usd ?? null;
    const bound = price === null || prompt === null ? null : Math.max(price, prompt);
    return bound === null ? limit : Math.min(bound, limit ?? bound);
  });
  const runUsd = usd.some((u) => u === null)
    ? (config.budget.usd ?? null)
    : Math.min(sum(usd as number[]), config.budget.usd ?? Number.POSITIVE_INFINITY);
  return {
    experiment: config.name,
    arms: config.arms,
    seeds: config.seeds,
    lineages: Object.fromEntries(lineages.map(([id, { model }]) => [id, model])),
    runs,
    items: { train, selection, test },
    generations: runs * lineages.length * config.budget.generations,
    evaluations:
      runs * Math.min(evaluations, (config.budget.evaluations ?? Number.POSITIVE_INFINITY) + test * lineages.length),
    maxTokens: runs * runTokens,
    maxUsd: runUsd === null ? null : runs * runUsd,
  };
}

/** What one lineage of one run evaluates and what its models read and write, without any budget but generations. */
function lineageBounds({ budget, items, gate, selection, task, metaAgent }: ExperimentConfig) {
  const { improvement, regression } = gate;
  const isAnnealing = selection === 'annealing';
  const looks = improvement.test === 'paired' ? 2 * improvement.looks * improvement.itemsPerLook : 0;
  const retests = regression === undefined ? 0 : 2 * regression.retestItems;
  // Looks and re-tests measure candidate and best. A tournament edits and trains a second child.
  const perGeneration = items.train + items.selection + looks + retests + (isAnnealing ? items.train : 0);
  const evaluations = items.train + items.selection + budget.generations * perGeneration + items.test;
  const edits = budget.generations * (isAnnealing ? 2 : 1);
  // A task agent that may call a model has a gateway of its own for every item and try, with the meta-agent's limit.
  const tries = task.maxCalls === 0 ? 0 : evaluations * task.attempts;
  return { evaluations, tokens: (edits + tries) * metaAgent.maxTokens };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
