import { type ComparableRuns, comparableRuns } from './comparable-runs.ts';
import { type ArmBudget, armBudgets } from './equal-budget.ts';
import { type LineageOutcome, lineageOutcomes, twinOutcomes } from './lineage-outcome.ts';
import type { RunRecord } from './run-record.ts';
import { type TransferGain, transferGains } from './transfer.ts';

/** What the records do not know of themselves. */
export interface ReportContext {
  readonly experiment: string;
  readonly question: string;
  readonly niche: string;
  /** The command that makes these runs again. */
  readonly command: string;
  readonly version: string;
  /** The sandbox provider. */
  readonly provider: string;
  /** Model names with a line about each. */
  readonly models: Readonly<Record<string, string>>;
  /** Scores whose first reaching is compared; none: each lineage's median best. */
  readonly thresholds?: readonly number[];
}

/** Everything that sections, figures and tables are made of. */
export interface ReportData {
  readonly context: ReportContext;
  /** As the context states them. */
  readonly thresholds: readonly number[];
  readonly comparable: ComparableRuns;
  readonly outcomes: readonly LineageOutcome[];
  /** Second instances in the arm `self`: seen, and compared with nothing. */
  readonly twins: readonly LineageOutcome[];
  readonly gains: readonly TransferGain[];
  readonly budgets: readonly ArmBudget[];
}

export function reportData(records: readonly RunRecord[], context: ReportContext): ReportData {
  const comparable = comparableRuns(records);
  const outcomes = lineageOutcomes(comparable.runs);
  const twins = twinOutcomes(comparable.runs);
  return {
    ...{ context, comparable, outcomes, twins },
    thresholds: context.thresholds ?? [],
    gains: transferGains(outcomes),
    budgets: armBudgets(outcomes, twins),
  };
}
