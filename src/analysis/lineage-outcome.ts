import { type ArmName, armNames } from '../core/config/arms.ts';
import { type Evaluation, type Generation, mayBeBest } from '../core/records.ts';
import { bestGeneration, type LineageRecord, type RunRecord, selectionScore } from './run-record.ts';
import { mean } from './statistics/summary.ts';

/** What one lineage achieved in one run. `null` always means "not measured", never 0. */
export interface LineageOutcome {
  readonly run: string;
  readonly arm: ArmName;
  readonly seed: number;
  /** Whether the run has a seed: 0 stands for one where another system names none. */
  readonly isSeeded: boolean;
  readonly status: RunRecord['status'];
  readonly lineage: string;
  readonly model: string;
  readonly taskModel?: string;
  readonly curve: readonly CurvePoint[];
  /** Selection score of generation 0. */
  readonly start: number | null;
  readonly best: ScoredGeneration | null;
  /** The last generation that was measured. */
  readonly last: ScoredGeneration | null;
  readonly imp: Improvement;
  /**
   * Area under the curve of the best score so far above generation 0, per
   * generation: the mean of imp@1 … imp@K. `null` without a score of
   * generation 0 or a generation after it.
   */
  readonly area: number | null;
  /** Held-out test of the selected generation; `null` while it is not opened. */
  readonly test: Evaluation | null;
  readonly counts: OutcomeCounts;
  readonly spent: OutcomeSpend;
  readonly generations: readonly Generation[];
}

export interface ScoredGeneration {
  readonly generation: number;
  readonly score: number;
}

export interface CurvePoint {
  readonly generation: number;
  /** `null` for a generation that has no selection score. */
  readonly score: number | null;
  /** Best score up to and with this generation, refused ones aside; `null` before the first. */
  readonly best: number | null;
}

/**
 * imp@k: best-so-far at generation k minus generation 0's score. `null` when
 * generation 0 was not measured or generation k does not exist; `all` takes
 * every generation there is.
 */
export interface Improvement {
  readonly at5: number | null;
  readonly at10: number | null;
  readonly at20: number | null;
  readonly all: number | null;
}

export interface OutcomeCounts {
  /** Generations made after generation 0. */
  readonly generations: number;
  /** Generations with no selection score, generation 0 included. */
  readonly failed: number;
  /** Measured, and not promoted. */
  readonly refused: number;
  readonly promoted: number;
  /** `null` where nothing recorded them, as in runs of other systems. */
  readonly adoptions: number | null;
  /** Peer files of which any part reached a model call or the returned genome. */
  readonly reads: number;
}

/** `null` where nobody knows, as in runs of other systems. */
export interface OutcomeSpend {
  readonly calls: number | null;
  /** Prompt and completion tokens. */
  readonly tokens: number | null;
  /** `null` when any call had no known price. */
  readonly usd: number | null;
  readonly evaluations: number;
}

/** One outcome per run and lineage, ordered by arm, seed and the lineages' order in the run; twins are none. */
export function lineageOutcomes(records: readonly RunRecord[]): LineageOutcome[] {
  return outcomesOf(records, ({ twinOf }) => twinOf === undefined);
}

/** The same of twins: what was spent to show a lineage a second instance of its own model. */
export function twinOutcomes(records: readonly RunRecord[]): LineageOutcome[] {
  return outcomesOf(records, ({ twinOf }) => twinOf !== undefined);
}

function outcomesOf(records: readonly RunRecord[], isWanted: (lineage: LineageRecord) => boolean): LineageOutcome[] {
  return [...records]
    .sort((a, b) => armNames.indexOf(a.arm) - armNames.indexOf(b.arm) || a.seed - b.seed)
    .flatMap((record) => record.lineages.filter(isWanted).map((lineage) => lineageOutcome(record, lineage)));
}

export function lineageOutcome(record: RunRecord, lineage: LineageRecord): LineageOutcome {
  const { generations, spent } = lineage;
  const curve = curveOf(generations);
  const zero = generations.find((g) => g.generation === 0);
  const start = zero === undefined ? null : selectionScore(zero);
  const hasProvenance = record.imported?.notAvailable.includes('provenance') !== true;
  const hasUsage = record.imported?.notAvailable.includes('usage') !== true;
  return {
    run: record.run,
    arm: record.arm,
    seed: record.seed,
    isSeeded: record.imported?.hasNoSeed !== true,
    status: record.status,
    lineage: lineage.id,
    model: lineage.model,
    ...(lineage.taskModel === undefined ? {} : { taskModel: lineage.taskModel }),
    curve,
    start,
    best: scored(bestGeneration(generations)),
    last: scored(generations.findLast((g) => selectionScore(g) !== null) ?? null),
    imp: improvement(curve, start),
    area: areaAbove(curve, start),
    test: lineage.test,
    counts: countsOf(generations, hasProvenance),
    spent: {
      calls: hasUsage ? spent.calls : null,
      tokens: hasUsage ? spent.promptTokens + spent.completionTokens : null,
      usd: hasUsage ? spent.costUsd : null,
      evaluations: lineage.evaluations,
    },
    generations,
  };
}

/** Every lineage id, in order of first appearance: the order that fixes its hue. */
export function lineageIds(outcomes: readonly LineageOutcome[]): string[] {
  return [...new Set(outcomes.map((o) => o.lineage))];
}

/** The held-out test score; `null` when it is not opened or failed. */
export function testScore(outcome: LineageOutcome): number | null {
  return outcome.test?.status === 'measured' ? outcome.test.score : null;
}

function curveOf(generations: readonly Generation[]): CurvePoint[] {
  let best: number | null = null;
  return generations.map((g) => {
    const score = selectionScore(g);
    if (score !== null && mayBeBest(g.verdict) && (best === null || score > best)) best = score;
    return { generation: g.generation, score, best };
  });
}

function improvement(curve: readonly CurvePoint[], start: number | null): Improvement {
  const at = (k: number) => {
    const point = curve.find((p) => p.generation === k);
    return start === null || point === undefined || point.best === null ? null : point.best - start;
  };
  const lastGeneration = curve.at(-1)?.generation ?? 0;
  return { at5: at(5), at10: at(10), at20: at(20), all: at(lastGeneration) };
}

function areaAbove(curve: readonly CurvePoint[], start: number | null): number | null {
  const after = curve.filter((p) => p.generation > 0);
  const above = after.flatMap((p) => (start === null || p.best === null ? [] : [p.best - start]));
  return above.length === 0 || above.length < after.length ? null : mean(above);
}

function countsOf(generations: readonly Generation[], hasProvenance: boolean): OutcomeCounts {
  const count = (test: (g: Generation) => boolean) => generations.filter(test).length;
  return {
    generations: count((g) => g.generation > 0),
    failed: count((g) => selectionScore(g) === null),
    refused: count((g) => g.verdict === 'refused' || g.verdict === 'archived'),
    promoted: count((g) => g.verdict === 'promoted'),
    adoptions: hasProvenance ? count((g) => g.adoption !== null) : null,
    reads: generations.flatMap((g) => g.reads).filter((r) => r.shareInModel > 0 || r.shareInTree > 0).length,
  };
}

function scored(generation: Generation | null): ScoredGeneration | null {
  const score = generation === null ? null : selectionScore(generation);
  return generation === null || score === null ? null : { generation: generation.generation, score };
}
