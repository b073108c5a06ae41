import { describe, expect, it } from 'vitest';
import { lineageOutcomes } from '../../src/analysis/lineage-outcome.ts';
import { thresholdComparisons, waitFor } from '../../src/analysis/threshold.ts';
import type { ArmName } from '../../src/core/config/arms.ts';
import { publishedDataMissing, publishedFacts, publishedRuns } from '../support/published-data.ts';
import { itWith } from '../support/require-service.ts';
import { runOf } from './fixture.ts';

const itWithPublishedData = itWith('published data', publishedDataMissing);

/** One run of lineage `a` that jumps to 1 at a generation, or not within the six there are. */
function jump(arm: ArmName, seed: number, at: number | null) {
  const scores = Array.from({ length: 7 }, (_, g) => (at !== null && g >= at ? 1 : 0.25));
  return runOf({ arm, seed, lineages: { a: { scores } } });
}
const compare = (...runs: ReturnType<typeof jump>[]) => thresholdComparisons(lineageOutcomes(runs));
const seeds = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe('the wait for a threshold', () => {
  const curve = (scores: readonly (number | null)[]) =>
    lineageOutcomes([runOf({ arm: 'solo', seed: 1, lineages: { a: { scores } } })])[0]!.curve;

  it('ends with the first generation at it, through generations that were not measured', () => {
    expect(waitFor(0.5, curve([0.1, null, 0.4, 0.5, 0.2]))).toEqual({ time: 3, isReached: true });
    expect(waitFor(0.1, curve([0.1, 0.2]))).toEqual({ time: 0, isReached: true });
  });

  it('is censored at the last generation, and is no wait at all without generations', () => {
    expect(waitFor(0.5, curve([0.1, 0.4, null]))).toEqual({ time: 2, isReached: false });
    expect(waitFor(0.5, curve([]))).toBeNull();
  });
});

describe('time to threshold, paired against a control', () => {
  it('takes a threshold that does not know the arms', () => {
    const run = (arm: ArmName, seed: number, best: number) =>
      runOf({ arm, seed, lineages: { a: { scores: [0.25, best] } } });
    const threshold = (swapped: boolean) => {
      const [better, worse] = swapped ? (['solo', 'paired'] as const) : (['paired', 'solo'] as const);
      const runs = [run(better, 1, 0.9), run(better, 2, 0.8), run(worse, 1, 0.5), run(worse, 2, 0.4), run('iid', 1, 9)];
      return compare(...runs)[0]!.threshold;
    };
    // Half way between 0.5 and 0.8; a baseline has no part in it.
    expect(threshold(false)).toBeCloseTo(0.65, 12);
    expect(threshold(true)).toBe(threshold(false));
  });

  it.each([1, 2, 3])('has points and nothing else for %i seeds', (n) => {
    const [solo] = compare(...seeds(n).flatMap((s) => [jump('paired', s, 1), jump('solo', s, 4)]));
    expect(solo!.points).toHaveLength(n);
    expect(solo!.inference).toBeNull();
  });

  it('compares censored waits exactly from four seeds on, and counts what is saved up to the horizon', () => {
    const [solo] = compare(
      ...seeds(5).flatMap((s) => [jump('paired', s, 1 + (s % 2)), jump('solo', s, s < 4 ? 4 : null)]),
    );
    expect(solo!.points.map((p) => p.control)).toEqual([
      ...Array(3).fill({ time: 4, isReached: true }),
      ...Array(2).fill({ time: 6, isReached: false }),
    ]);
    expect(solo!.inference).toMatchObject({
      median: { paired: 2, control: 4 },
      horizon: 6,
      test: { p: 0.0625, floor: 0.0625 },
      holmP: 0.0625,
    });
    // (4 + 4 + 4 + 6 + 6) / 5 − (2 + 1 + 2 + 1 + 2) / 5
    expect(solo!.inference!.saved).toBeCloseTo(4.8 - 1.6, 12);
  });

  it('corrects p over both controls', () => {
    const runs = seeds(6).flatMap((s) => [jump('paired', s, 1), jump('solo', s, 4), jump('sham', s, 5)]);
    expect(compare(...runs).map((c) => c.inference!.holmP)).toEqual([0.0625, 0.0625]);
  });

  it('is left out where no seed has both arms', () => {
    expect(compare(jump('paired', 1, 1), jump('solo', 2, 1))).toEqual([]);
    expect(compare()).toEqual([]);
  });
});

describe('the published runs', () => {
  /** The better wait of a run's two agents, by pairing and seed. */
  function bestAgents(pairing: string): { score: number; generation: number; curve: (number | null)[] }[] {
    const bySeed = new Map<string, (number | null)[][]>();
    for (const [run, generations] of publishedRuns('transfer')) {
      const [pair, seed] = run.split('/');
      if (!pair!.startsWith(pairing)) continue;
      const curve = generations.map((g) => (g.valid ? (g.val_score ?? null) : null));
      bySeed.set(seed!, [...(bySeed.get(seed!) ?? []), curve]);
    }
    return [...bySeed.values()].map((curves) => {
      const agents = curves.map((curve) => {
        const score = Math.max(...curve.map((s) => s ?? 0));
        return { score, generation: wait(score, curve)!.time, curve };
      });
      return agents.reduce((a, b) => (b.score > a.score ? b : a));
    });
  }
  const wait = (threshold: number, curve: readonly (number | null)[]) => {
    const scores = [...curve];
    return waitFor(
      threshold,
      lineageOutcomes([runOf({ arm: 'solo', seed: 1, lineages: { a: { scores } } })])[0]!.curve,
    );
  };
  const upperMedian = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
  const pairings = { claude_vs_kimi: 'claude_vs_kimi-', kimi_vs_gpt: 'kimi-k2p5_vs_gpt-' } as const;

  itWithPublishedData('took as many generations to each threshold as published', () => {
    const facts = publishedFacts().generations_to_threshold as unknown as Record<
      string,
      Record<string, [number, number, number, [number, number] | null]>
    >;
    for (const [name, prefix] of Object.entries(pairings)) {
      const runs = bestAgents(prefix);
      for (const [threshold, [reached, seedCount, median, range]] of Object.entries(facts[name]!)) {
        const times = runs
          .map((r) => wait(Number(threshold), r.curve)!)
          .filter((w) => w.isReached)
          .map((w) => w.time);
        expect([times.length, runs.length, upperMedian(times)], `${name} at ${threshold}`).toEqual([
          reached,
          seedCount,
          median,
        ]);
        if (range !== null) expect([Math.min(...times), Math.max(...times)]).toEqual(range);
      }
    }
  });

  itWithPublishedData('gained as much per generation as published', () => {
    const facts = publishedFacts().efficiency as unknown as Record<
      string,
      { seeds: number; score_per_generation: number; range: [number, number] }
    >;
    for (const [name, prefix] of Object.entries(pairings)) {
      const rates = bestAgents(prefix).map((r) => r.score / r.generation);
      const { seeds: n, score_per_generation, range } = facts[name]!;
      expect(rates).toHaveLength(n);
      const digits = (x: number) => Number(x.toPrecision(3));
      expect(digits(upperMedian(rates)), name).toBeCloseTo(score_per_generation, 4);
      expect([Math.min(...rates), Math.max(...rates)].map(digits)).toEqual(range);
    }
  });
});
