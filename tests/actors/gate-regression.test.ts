import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { poissonBinomialUpperTail } from '../../actors/gate/check-regression.ts';
import type { Frozen, GateMemory } from '../../actors/gate/gate-memory.ts';
import { judge } from '../../actors/gate/judge.ts';
import { chooseRetests, flakinessOf, ranksOf } from '../../actors/gate/trajectory-library.ts';
import { binomialUpperTail } from '../../src/analysis/statistics.ts';
import type { GateConfig } from '../../src/core/config/gate-schema.ts';
import { type Compared, evidenceOf, gateSettings, scored } from './gate-evidence.ts';
import { alice } from './samples.ts';

type Settings = NonNullable<GateConfig['regression']>;
const settings = (regression: Partial<Settings> = {}) => gateSettings({ regression });
const of = (regression: Partial<Settings> = {}) => settings(regression).regression!;
const frozen = (place: number, changes: Partial<Frozen> = {}): Frozen => ({
  ...{ situation: `s${place}`, place, capability: 'all', generation: 4, score: 1 },
  ...{ trials: 0, breaks: 0, supersedes: null },
  ...changes,
});
const remembering = (library: readonly Frozen[], changes: Partial<GateMemory> = {}): GateMemory => ({
  ...{ judged: 4, nextPlace: 0, edits: [], library: [...library], promoted: [] },
  ...changes,
});
const judged = (compared: Omit<Compared, 'memory'> & { memory?: GateMemory }, regression: Partial<Settings> = {}) =>
  judge(evidenceOf(compared as Compared), settings(regression), null);
const check = (result: ReturnType<typeof judge>, name: string) => result.checks.find((c) => c.name === name)!;
const memoryOf = (result: ReturnType<typeof judge>) => result.memory as unknown as GateMemory;

describe('what is frozen', () => {
  it('is what a promoted generation scored well on, by capability, and nothing of others', () => {
    const candidate = scored([1, 0, 2], 0, (place) => (place === 2 ? 'sorting' : ''));
    const promoted = judged({ candidate }, { freezeAbove: 0.5 });
    expect(promoted.verdict).toBe('promoted');
    expect(memoryOf(promoted).library).toEqual([
      frozen(0, { generation: 5 }),
      frozen(2, { generation: 5, score: 2, capability: 'sorting' }),
    ]);
    expect(memoryOf(promoted).promoted).toEqual([{ generation: 5, parent: 0, adopted: null }]);
    const worse = judged({ candidate, best: scored([1, 1, 2]) });
    expect([worse.verdict, memoryOf(worse).library]).toEqual(['archived', []]);
  });

  it('names the peer whose code a promoted generation took', () => {
    const adoption = {
      from: { ...{ lineage: alice, generation: 3, score: 1 }, commit: 'c' as never, genome: 'g' as never },
      ...{ lines: 2, share: 0.5 },
    };
    const promoted = memoryOf(judged({ candidate: scored([1]), changes: { adoption } })).promoted;
    expect(promoted).toEqual([{ generation: 5, parent: 0, adopted: { lineage: 'alice', generation: 3 } }]);
  });

  it('gives way only to what is demonstrably better, and names what stood there before', () => {
    const [memory, best] = [remembering([frozen(0), frozen(1)]), scored([1, 1, 0])];
    const deterministic = judged({ candidate: scored([1, 2, 1]), best, memory }, { flakiness: 0 });
    expect(memoryOf(deterministic).library.slice(0, 2)).toEqual([
      frozen(0),
      frozen(1, { generation: 5, score: 2, supersedes: 4 }),
    ]);
    // Once may be luck where items are flaky; five times in a row is not.
    const once = judged({ candidate: scored([1, 2, 1]), best, memory });
    expect(memoryOf(once).library.slice(0, 2)).toEqual(memory.library);
    const again = { places: [1], candidate: scored([2], 1), best: scored([1], 1) };
    const retests = [again, again, again, again];
    const often = judged({ candidate: scored([1, 2, 1]), best, memory, retests });
    expect(memoryOf(often).library[1]).toMatchObject({ generation: 5, score: 2, supersedes: 4 });
    const oneLess = judged({ candidate: scored([1, 2, 1]), best, memory, retests: retests.slice(1) });
    expect(memoryOf(oneLess).library[1]).toMatchObject({ generation: 4, score: 1, trials: 3 });
  });
});

describe('micro: a frozen item', () => {
  const ten = Array.from({ length: 10 }, (_, place) => frozen(place));
  /** Better as a whole: the eleventh item makes up for what is broken. */
  const candidate = (breaks: number) => scored([...Array.from({ length: 10 }, (_, i) => Number(i >= breaks)), 20]);
  const best = scored([...Array.from({ length: 10 }, () => 1), 0]);
  const micro = (breaks: number, regression: Partial<Settings>, library = ten) => {
    const result = judged({ candidate: candidate(breaks), best, memory: remembering(library) }, regression);
    return [result.verdict, check(result, 'regression-micro').outcome, result.retest ?? []];
  };

  it('may not be broken once where nothing is flaky', () => {
    expect(micro(0, { flakiness: 0 })).toEqual(['promoted', 'pass', []]);
    expect(micro(1, { flakiness: 0 })).toEqual(['refused', 'refuse', []]);
  });

  it('may be broken as often as is assumed of flakiness where nothing may be measured again', () => {
    const unseen = { flakiness: 0.1, retestItems: 0 };
    expect(micro(1, unseen)).toEqual(['promoted', 'pass', []]);
    expect(micro(3, unseen)).toEqual(['promoted', 'pass', []]);
    // 4 or more of 10 at .1 each: p .0128.
    expect(micro(4, unseen)).toEqual(['refused', 'refuse', []]);
  });

  it('that is broken is measured again, by candidate and best, as often as the budget allows', () => {
    const asked = (rounds: number, mine: number, theirs: number) => {
      const again = { places: [0, 1], candidate: scored([mine, mine]), best: scored([theirs, theirs]) };
      const retests = Array.from({ length: rounds }, () => again);
      const result = judged({ candidate: candidate(2), best, memory: remembering(ten), retests }, { retestItems: 7 });
      return [result.verdict, check(result, 'regression-micro').outcome, result.retest ?? []];
    };
    expect(asked(0, 0, 0)).toEqual(['refused', 'unknown', [0, 1]]);
    expect(asked(2, 0, 1)).toEqual(['refused', 'unknown', [0, 1]]);
    // Six times broken, and never by the best: p 2^−6.
    expect(asked(3, 0, 1)).toEqual(['refused', 'refuse', []]);
    expect(asked(3, 1, 1)).toEqual(['promoted', 'pass', []]);
    expect(asked(3, 0, 0)).toEqual(['promoted', 'pass', []]);
  });

  it('that the best breaks as well, unchanged, is known to be flaky from then on, whatever the verdict', () => {
    const again = { places: [0, 1], candidate: scored([0, 1]), best: scored([0, 1]) };
    const result = judged({ candidate: candidate(2), best, memory: remembering(ten), retests: [again, again] }, {});
    expect(memoryOf(result).library.slice(0, 3)).toMatchObject([
      { trials: 2, breaks: 2 },
      { trials: 2, breaks: 0 },
      { trials: 0, breaks: 0 },
    ]);
  });

  it('counts for its own capability, so that many others cannot hide it', () => {
    const library = ten.map((f) => ({ ...f, capability: f.place < 2 ? 'rare' : 'common' }));
    const unseen = { flakiness: 0.1, retestItems: 0 };
    expect(micro(2, unseen, ten)[1]).toBe('pass');
    expect(micro(2, unseen, library)[1]).toBe('refuse');
  });

  it('is not known to hold when none was measured', () => {
    expect(micro(0, {}, [frozen(70)])).toEqual(['refused', 'unknown', []]);
  });

  it('may be lower by as much as is tolerated', () => {
    const close = judged(
      { candidate: scored([0.9, 9]), best: scored([1, 0]), memory: remembering([frozen(0)]) },
      { flakiness: 0, tolerance: 0.2 },
    );
    expect(close.verdict).toBe('promoted');
  });
});

describe('macro: a capability', () => {
  it('may not be lower as a whole beyond noise, though no frozen item is broken and the score went up', () => {
    const capability = (place: number) => (place < 12 ? 'reading' : 'writing');
    const best = scored(
      [...Array.from({ length: 12 }, () => 1), ...Array.from({ length: 30 }, () => 0)],
      0,
      capability,
    );
    const traded = scored(
      [...Array.from({ length: 12 }, () => 0), ...Array.from({ length: 30 }, () => 1)],
      0,
      capability,
    );
    const result = judged({ candidate: traded, best });
    expect(result.verdict).toBe('refused');
    expect(check(result, 'regression-macro').reason).toMatch(/^lower in reading: McNemar p 0\.000244/);
    const same = judged({
      candidate: best,
      best: scored([0, ...Array.from({ length: 41 }, (_, i) => Number(i < 11))]),
    });
    expect(same.verdict).toBe('promoted');
  });
});

describe('several capabilities', () => {
  it('share the error rate, so that having many of them refuses no more often', () => {
    const named = (place: number) => (place < 5 ? 'reading' : 'writing');
    const [best, traded] = [
      [...ones(5), 0, 0],
      [0, 0, 0, 0, 0, 9, 9],
    ].map((scores) => scored(scores, 0, named));
    // Five lost of five: p 2^−5 = .031, below .05 and above its half.
    expect(check(judged({ candidate: traded!, best: best! }), 'regression-macro').outcome).toBe('pass');
    expect(
      check(judged({ candidate: scored([0, 0, 0, 0, 0]), best: scored(ones(5)) }), 'regression-macro').outcome,
    ).toBe('refuse');
  });

  const ones = (n: number) => Array.from({ length: n }, () => 1);
});

describe('flakiness', () => {
  it('begins at what is assumed and goes to what is measured', () => {
    const at = (trials: number, breaks: number) => flakinessOf(frozen(0, { trials, breaks }), of({ flakiness: 0.1 }));
    expect(at(0, 0)).toBe(0.1);
    expect(at(8, 0)).toBeCloseTo(0.02, 12);
    expect(at(8, 4)).toBeCloseTo(0.42, 12);
  });

  it('of several items is a Poisson binomial, and the plain one when all are alike', () => {
    expect(poissonBinomialUpperTail([0.5, 0.2], 1)).toBeCloseTo(1 - 0.5 * 0.8, 12);
    expect(poissonBinomialUpperTail([], 0)).toBe(1);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(40), (n, k) => {
        const fair = Array.from({ length: n }, () => 0.5);
        expect(poissonBinomialUpperTail(fair, Math.min(k, n))).toBeCloseTo(binomialUpperTail(n, Math.min(k, n)), 10);
      }),
    );
  });
});

describe('the budget for re-tests', () => {
  it('goes to what is not known to be flaky, and first to what others were built on', () => {
    const broken = [
      frozen(0, { generation: 1 }),
      frozen(1, { generation: 2, trials: 9, breaks: 5 }),
      frozen(2, { generation: 2 }),
      frozen(3, { generation: 3 }),
    ];
    // Everybody builds on 2.
    const promoted = [1, 3, 4].map((generation) => ({ generation, parent: 2, adopted: null }));
    const memory = remembering(broken, { promoted });
    const ranks = ranksOf(memory);
    expect(ranks.get('2')!).toBeGreaterThan(ranks.get('1')!);
    const choose = (retestItems: number) => chooseRetests(memory, broken, of({ retestItems }));
    expect([1, 2, 3, 9].map(choose)).toEqual([[2], [0, 2], [0, 2, 3], [0, 2, 3]]);
    expect(chooseRetests(memory, broken.slice(1, 2), of())).toEqual([1]);
  });

  it('counts code that a peer gave as a citation of the peer', () => {
    const promoted = [{ generation: 2, parent: 1, adopted: { lineage: 'bob', generation: 7 } }];
    const ranks = ranksOf(remembering([], { promoted }));
    expect([...ranks.keys()].sort()).toEqual(['1', '2', 'bob/7']);
    expect(ranks.get('bob/7')!).toBeGreaterThan(ranks.get('1')!);
  });

  it('is spent only on a candidate that would be promoted', () => {
    const memory = remembering([frozen(0), frozen(1)]);
    const asked = (candidate: readonly number[]) => {
      const result = judged({ candidate: scored(candidate), best: scored([1, 1, 1]), memory });
      return [result.verdict, result.retest];
    };
    expect(asked([0, 1, 9])).toEqual(['refused', [0]]);
    expect(asked([0, 1, 1])).toEqual(['archived', undefined]);
  });
});
