import { armBudget, armLineages } from '../core/config/arm-lineages.ts';
import { type ArmName, arms } from '../core/config/arms.ts';
import { lineageConfig } from '../core/config/check-training.ts';
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
  const { seeds, items, lineages } = config;
  const { train, selection, test } = items;
  const each = config.arms.map((arm) => planRun(config, arm, models));
  const inAll = (of: (run: RunPlan) => number) => seeds.length * sum(each.map(of));
  return {
    experiment: config.name,
    arms: config.arms,
    seeds,
    lineages: Object.fromEntries(Object.entries(lineages).map(([id, { model }]) => [id, model])),
    runs: each.length * seeds.length,
    items: { train, selection, test },
    generations: inAll((run) => run.generations),
    evaluations: inAll((run) => run.evaluations),
    maxTokens: inAll((run) => run.tokens),
    maxUsd: each.some((run) => run.usd === null) ? null : inAll((run) => run.usd!),
  };
}

interface RunPlan {
  readonly generations: number;
  readonly evaluations: number;
  readonly tokens: number;
  readonly usd: number | null;
}

/** One run of an arm, at most. */
function planRun(config: ExperimentConfig, arm: ArmName, models: ReadonlyMap<string, Model>): RunPlan {
  const lineages = armLineages(config, arm);
  const budget = armBudget(config, arm);
  const { lineageBudget } = config;
  const { test } = config.items;
  const bounds = lineageBounds(config, arm);
  const ofEach = Math.min(bounds.evaluations, (lineageBudget.evaluations ?? Number.POSITIVE_INFINITY) + test);
  const tokens = Math.min(bounds.tokens, lineageBudget.tokens ?? Number.POSITIVE_INFINITY);
  const usd = lineages.map(({ id, model }) => {
    const { taskModel = model } = lineageConfig(config, id);
    const limit = lineageBudget.usd ?? null;
    const [edits, tasks] = [Math.min(bounds.edits, tokens), Math.min(bounds.tasks, tokens)];
    const apart = [cost(models.get(model), edits), cost(models.get(taskModel), tasks)];
    const together = [model, taskModel].map((name) => cost(models.get(name), tokens));
    if (apart.includes(null)) return limit;
    const bound = Math.min(
      sum(apart as number[]),
      ...(together.includes(null) ? [] : [Math.max(...(together as number[]))]),
    );
    return Math.min(bound, limit ?? bound);
  });
  return {
    generations: lineages.length * budget.generations,
    evaluations: Math.min(
      ofEach * lineages.length,
      (budget.evaluations ?? Number.POSITIVE_INFINITY) + test * lineages.length,
    ),
    tokens: Math.min(tokens * lineages.length, budget.tokens ?? Number.POSITIVE_INFINITY),
    usd: usd.some((u) => u === null)
      ? (budget.usd ?? null)
      : Math.min(sum(usd as number[]), budget.usd ?? Number.POSITIVE_INFINITY),
  };
}

/** What one lineage of one run evaluates and what its models read and write, without any budget but generations. */
function lineageBounds({ budget, items, gate, selection, task, metaAgent }: ExperimentConfig, arm: ArmName) {
  const { improvement, regression } = gate;
  const isAnnealing = (arms[arm].selection ?? selection) === 'annealing';
  const looks = improvement.test === 'paired' ? 2 * improvement.looks * improvement.itemsPerLook : 0;
  const retests = regression === undefined ? 0 : 2 * regression.retestItems;
  // Looks and re-tests measure candidate and best. A tournament edits and trains a second child.
  const perGeneration = items.train + items.selection + looks + retests + (isAnnealing ? items.train : 0);
  const evaluations = items.train + items.selection + budget.generations * perGeneration + items.test;
  const edits = budget.generations * (isAnnealing ? 2 : 1);
  // A task agent that may call a model has a gateway of its own for every item and try.
  const tries = task.maxCalls === 0 ? 0 : evaluations * task.attempts;
  const tokens = { edits: edits * metaAgent.maxTokens, tasks: tries * (task.maxTokens ?? metaAgent.maxTokens) };
  return { evaluations, ...tokens, tokens: tokens.edits + tokens.tasks };
}

/** Of so many tokens at most: all prompt or all completion, whichever costs more. `null` where the price is not known. */
function cost(model: Model | undefined, tokens: number): number | null {
  if (tokens === 0) return 0;
  const [prompt, completion] = [model?.price(tokens, 0) ?? null, model?.price(0, tokens) ?? null];
  return prompt === null || completion === null ? null : Math.max(prompt, completion);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
