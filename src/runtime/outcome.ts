import { bestGeneration, type RunRecord, selectionScore } from '../analysis/run-record.ts';

/** What `run --json` prints: a contract for scripts, held by tests. */
export interface ExperimentOutcome {
  readonly experiment: string;
  readonly status: 'done' | 'stopped' | 'failed';
  readonly runs: readonly RunOutcome[];
  readonly spent: {
    readonly tokens: number;
    readonly usd: number | null;
    readonly wallMs: number;
    readonly evaluations: number;
  };
  /** Path of `report.md`, or `null` when none was written. */
  readonly report: string | null;
}

interface RunOutcome {
  readonly run: string;
  readonly dir: string;
  readonly arm: string;
  readonly seed: number;
  readonly status: RunRecord['status'];
  readonly lineages: Readonly<Record<string, LineageOutcome>>;
}

interface LineageOutcome {
  readonly model: string;
  /** What its task agents call, where that is another one. */
  readonly taskModel?: string;
  /** Generations after the seed. */
  readonly generations: number;
  /** Could not be edited, imported or measured. */
  readonly failed: number;
  /** Measured, and not promoted. */
  readonly refused: number;
  /** Selection scores; `null` when nothing was measured. */
  readonly best: number | null;
  readonly last: number | null;
  readonly bestGeneration: number | null;
  /** Commit of the best generation. */
  readonly commit: string | null;
}

export function outcomeOf(experiment: string, records: readonly RunRecord[], report: string | null): ExperimentOutcome {
  const lineages = records.flatMap((r) => r.lineages);
  const usd = lineages.map((l) => l.spent.costUsd);
  const statuses = records.map((r) => r.status);
  return {
    experiment,
    status: statuses.includes('failed') ? 'failed' : statuses.every((s) => s === 'done') ? 'done' : 'stopped',
    runs: records.map(runOutcome),
    spent: {
      tokens: total(lineages.map((l) => l.spent.promptTokens + l.spent.completionTokens)),
      usd: usd.some((u) => u === null) ? null : total(usd as number[]),
      wallMs: total(records.map((r) => r.wallMs)),
      evaluations: total(lineages.map((l) => l.evaluations + (l.test?.items.length ?? 0))),
    },
    report,
  };
}

function runOutcome({ run, dir, arm, seed, status, lineages }: RunRecord): RunOutcome {
  const outcomes = lineages.map(({ id, model, taskModel, generations }) => {
    const best = bestGeneration(generations);
    const tried = generations.filter((g) => g.verdict !== 'seed');
    const lineage: LineageOutcome = {
      model,
      ...(taskModel === undefined ? {} : { taskModel }),
      generations: tried.length,
      failed: tried.filter((g) => g.verdict === 'failed').length,
      refused: tried.filter((g) => g.verdict === 'archived' || g.verdict === 'refused').length,
      best: best === null ? null : selectionScore(best),
      last: generations.map(selectionScore).findLast((score) => score !== null) ?? null,
      bestGeneration: best?.generation ?? null,
      commit: best?.commit ?? null,
    };
    return [id, lineage] as const;
  });
  return { run, dir, arm, seed, status, lineages: Object.fromEntries(outcomes) };
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
