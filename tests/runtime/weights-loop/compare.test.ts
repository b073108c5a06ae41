import { describe, expect, it } from 'vitest';
import { type Compared, compare } from '../../../src/runtime/weights-loop/compare.ts';
import type { LifeOutcome } from '../../../src/runtime/weights-loop/evaluate.ts';
import type { Arm } from '../../../src/runtime/weights-loop/run-seed.ts';

const life = (freedBytes: number, successes = 0): LifeOutcome => {
  return {
    freedBytes,
    mostFreedBytes: Math.max(0, freedBytes),
    commands: 4,
    successes,
    twoSteps: 0,
    isBroken: freedBytes < 0,
    steps: [],
  };
};

function record(seed: number, lives: Partial<Record<Arm, (LifeOutcome | null)[]>>, count = 6): Compared {
  const nothing = Array.from({ length: count }, () => life(0));
  return {
    ...{ seed, credit: 'best-sibling' as const },
    lives: { base: nothing, survivors: nothing, random: nothing, 'base-longer': nothing, ...lives },
  };
}

describe('what a weights loop compares', () => {
  it('pairs by situation, averages seeds within it, and tests exactly', () => {
    const better = (bytes: number) => Array.from({ length: 6 }, () => life(bytes, 2));
    const { comparisons, arms, situations } = compare(
      [record(1, { survivors: better(75) }), record(2, { survivors: better(25) })],
      new Array(6).fill(100),
    );
    expect(situations).toBe(6);
    const share = comparisons.find(({ against, measure }) => against === 'random' && measure === 'share')!;
    expect(share.differences).toEqual(new Array(6).fill(0.5));
    // All of six agree: 2 of 2^6 sign patterns.
    expect(share.inference).toMatchObject({ mean: 0.5, p: 2 / 2 ** 6, floor: 2 / 2 ** 6 });
    const summary = arms.find(({ arm, measure }) => arm === 'survivors' && measure === 'share')!;
    expect(summary.bySeed).toEqual([0.75, 0.25]);
    expect(arms.find(({ arm, measure }) => arm === 'survivors' && measure === 'success')!.mean).toBe(0.5);
  });

  it('leaves out of every arm a situation that a sandbox lost, or in which the oracle is not known', () => {
    const survivors = [null, ...Array.from({ length: 5 }, () => life(100))];
    const result = compare([record(1, { survivors })], [100, 100, null, 0, 100, 100]);
    expect(result.situations).toBe(3);
    expect(result.comparisons.every(({ differences }) => differences.length === 3)).toBe(true);
    // A lost life is no zero: the mean would be below 1 if it were.
    expect(result.arms.find(({ arm, measure }) => arm === 'survivors' && measure === 'share')!.mean).toBe(1);
  });

  it('counts the worlds that broke, and those in which a right was taken back and used', () => {
    const survivors = [
      { ...life(10), twoSteps: 3 },
      { ...life(10), twoSteps: 1 },
      ...Array.from({ length: 4 }, () => life(-10)),
    ];
    const { arms, comparisons } = compare([record(1, { survivors })], new Array(6).fill(100));
    const meanOf = (measure: string) => arms.find((one) => one.arm === 'survivors' && one.measure === measure)!.mean;
    expect([meanOf('broken'), meanOf('two-step')]).toEqual([4 / 6, 2 / 6]);
    expect(meanOf('share')).toBeCloseTo((2 * 0.1 - 4 * 0.1) / 6, 12);
    expect(meanOf('share before damage')).toBeCloseTo((2 * 0.1) / 6, 12);
    const broken = comparisons.find(({ against, measure }) => against === 'base' && measure === 'broken')!;
    expect(broken.differences).toEqual([0, 0, 1, 1, 1, 1]);
  });

  it('leaves out an arm that a rule of credit does not have', () => {
    const { 'base-longer': _none, ...lives } = record(1, {}).lives;
    const { arms, comparisons } = compare([{ ...record(1, {}), lives }], new Array(6).fill(100));
    expect([...new Set(arms.map(({ arm }) => arm))]).toEqual(['base', 'random', 'survivors']);
    expect([...new Set(comparisons.map(({ against }) => against))]).toEqual(['base', 'random']);
  });

  it('says nothing where no situation is left', () => {
    expect(compare([record(1, {})], new Array(6).fill(null))).toEqual({ arms: [], comparisons: [], situations: 0 });
  });
});
