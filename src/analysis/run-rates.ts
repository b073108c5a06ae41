import { isFromZeroToOne } from './life-events.ts';
import type { WitnessedGeneration, WitnessedRun } from './run-events.ts';

/** The runs of one experiment, as the publication summarizes them: one number a run, its best lineage's. */
export interface RateGroup {
  readonly pairing: string;
  readonly arm: string;
  readonly runs: readonly WitnessedRun[];
}

export interface EfficiencyFound {
  readonly pairing: string;
  readonly arm: string;
  /** Why nothing was measured; `null` where it was. */
  readonly notMeasured: string | null;
  /** Runs that count: those whose best is above 0, first reached after generation 0. */
  readonly seeds: number;
  /** Median over them, the upper one of two; `null` for none. */
  readonly scorePerGeneration: number | null;
  readonly range: readonly [low: number, high: number] | null;
  readonly runs: readonly {
    readonly run: string;
    readonly seed: number | null;
    readonly lineage: string | null;
    readonly best: number | null;
    /** The first generation that reaches it. */
    readonly generation: number | null;
    readonly scorePerGeneration: number | null;
  }[];
}

/** Whether the group's scores are such as the published rates, thresholds and crashes are defined for. */
export function isOnPublishedScale({ runs }: RateGroup): boolean {
  return isFromZeroToOne(runs.flatMap((r) => r.lineages.flatMap((l) => l.generations.map((g) => g.score))));
}

/** The best lineage's best score by the first generation that reaches it. */
export function efficiencyOf(group: RateGroup): EfficiencyFound {
  const { pairing, arm, runs } = group;
  const isDefined = isOnPublishedScale(group);
  const each = runs.map((witnessed) => {
    const top = bestLineage(witnessed);
    const generation = top === null ? null : firstAtLeast(top.best, top.generations);
    const isRate = isDefined && top !== null && top.best > 0 && generation !== null && generation > 0;
    return {
      ...{ run: witnessed.run, seed: witnessed.seed, lineage: top?.id ?? null, best: top?.best ?? null, generation },
      scorePerGeneration: isRate ? top.best / generation : null,
    };
  });
  const rates = each.flatMap(({ scorePerGeneration: rate }) => (rate === null ? [] : [rate]));
  return {
    ...{ pairing, arm, notMeasured: isDefined ? null : 'scores are not from 0 to 1' },
    ...{ seeds: rates.length, scorePerGeneration: upperMedian(rates) },
    range: rangeOf(rates),
    runs: each,
  };
}

export interface ThresholdFound {
  readonly pairing: string;
  readonly arm: string;
  readonly threshold: number;
  /** Runs that reached it, of all. */
  readonly reached: number;
  readonly seeds: number;
  /** Of those that reached it: the median generation, the upper one of two, and the range. */
  readonly median: number | null;
  readonly range: readonly [low: number, high: number] | null;
  readonly runs: readonly { readonly run: string; readonly seed: number | null; readonly generation: number | null }[];
}

const publishedThresholds = [0.5, 0.55, 0.6, 0.65, 0.7];

/**
 * When each run's best lineage reached each threshold: those that the
 * experiment states, else the published ones, which say nothing of scores on
 * another scale.
 */
export function thresholdsOf(group: RateGroup, stated: readonly number[]): ThresholdFound[] {
  const { pairing, arm, runs } = group;
  const unstated = isOnPublishedScale(group) ? publishedThresholds : [];
  const thresholds = stated.length > 0 ? stated.toSorted((a, b) => a - b) : unstated;
  return thresholds.map((threshold) => {
    const each = runs.map((witnessed) => ({
      ...{ run: witnessed.run, seed: witnessed.seed },
      generation: firstAtLeast(threshold, bestLineage(witnessed)?.generations ?? []),
    }));
    const waits = each.flatMap(({ generation }) => (generation === null ? [] : [generation]));
    return {
      ...{ pairing, arm, threshold, reached: waits.length, seeds: runs.length },
      ...{ median: upperMedian(waits), range: rangeOf(waits), runs: each },
    };
  });
}

/** The lineage with the highest score, the first by name of equals, as the publication takes it. */
function bestLineage({ lineages }: WitnessedRun) {
  let best: {
    readonly id: string;
    readonly best: number;
    readonly generations: readonly WitnessedGeneration[];
  } | null = null;
  for (const { id, generations } of [...lineages].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const top = generations.reduce<number | null>((m, { score: s }) => (s === null ? m : Math.max(m ?? s, s)), null);
    if (top !== null && (best === null || top > best.best)) best = { id, best: top, generations };
  }
  return best;
}

const firstAtLeast = (threshold: number, generations: readonly WitnessedGeneration[]): number | null =>
  generations.find(({ score }) => score !== null && score >= threshold)?.generation ?? null;

const upperMedian = (values: readonly number[]): number | null =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;

const rangeOf = (values: readonly number[]): readonly [number, number] | null =>
  values.length === 0 ? null : [Math.min(...values), Math.max(...values)];
