import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Draws,
  drawsTournament,
  eligible,
  parentSelection,
  scoreChildWeights,
  selectionPolicies,
  tournamentWinner,
} from '../../actors/lineage/selection.ts';
import type { ArchiveEntry } from '../../src/core/define.ts';
import { pythonRandom } from '../../src/core/python-random.ts';
import { randomStream } from '../../src/core/random.ts';
import {
  type PublishedGeneration,
  publishedDataMissing,
  publishedRuns,
  replicationExcerpt,
} from '../support/published-data.ts';
import { itWith } from '../support/require-service.ts';

const itWithPublishedData = itWith('published data', publishedDataMissing);

const entry = (generation: number, score: number | null, changes: Partial<ArchiveEntry> = {}): ArchiveEntry => ({
  ...{ generation, score, isFull: true, children: 0, failedChildren: 0, isPromoted: false, bytes: 100 },
  ...changes,
});
const archive = [entry(0, 1), entry(2, 5), entry(3, null), entry(7, 5), entry(9, -2)];
const fail = () => {
  throw new Error('this policy draws no random number');
};
const none: Draws = { next: fail, int: fail };
/** Draws that are told in advance. */
const fixed = (next: number): Draws => ({ next: () => next, int: (below) => Math.floor(next * below) });

describe('policies without chance', () => {
  it('best takes the highest score, the oldest of equals, and the oldest when none was measured', () => {
    expect(selectionPolicies.best(archive, none)).toBe(2);
    expect(selectionPolicies.best([entry(4, null), entry(6, null)], none)).toBe(4);
    expect(selectionPolicies.best([entry(4, null), entry(6, -1e9)], none)).toBe(6);
  });

  it('best-smallest takes the smallest of the highest scores, the oldest of those', () => {
    const sizes = [entry(0, 1, { bytes: 1 }), entry(1, 5), entry(2, 5, { bytes: 50 }), entry(3, 5, { bytes: 50 })];
    expect(selectionPolicies['best-smallest'](sizes, none)).toBe(2);
    expect(selectionPolicies['best-smallest']([...sizes, entry(4, null, { bytes: 0 })], none)).toBe(2);
    expect(selectionPolicies['best-smallest']([entry(4, null), entry(6, null, { bytes: 9 })], none)).toBe(6);
  });

  it('latest takes the newest, root generation 0', () => {
    expect(selectionPolicies.latest(archive, none)).toBe(9);
    expect(selectionPolicies.root(archive, none)).toBe(0);
  });
});

describe('random', () => {
  it('takes every entry equally often', () => {
    const stream = randomStream(1, 'test');
    const counts = new Map<number, number>();
    for (let i = 0; i < 5_000; i += 1) {
      const chosen = selectionPolicies.random(archive, stream);
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([0, 2, 3, 7, 9]);
    // 1000 expected, standard deviation 28.
    for (const n of counts.values()) expect(Math.abs(n - 1_000)).toBeLessThan(150);
  });
});

describe('score-child-prop', () => {
  const weight = (...entries: ArchiveEntry[]) => scoreChildWeights(entries);

  it('weighs by sigmoid(10·(s − mean of the top 3)) · exp(−(children/8)³)', () => {
    // The mean of .9, .6 and .3 is .6: sigmoid of 3, 0, −3 and −6.
    const entries = [entry(0, 0), entry(1, 0.3), entry(2, 0.9, { children: 8 }), entry(3, 0.6, { children: 4 })];
    const expected = [0.0024726231566347743, 0.04742587317756678, 0.9525741268224334 / Math.E, 0.5 * Math.exp(-0.125)];
    weight(...entries).forEach((w, i) => void expect(w).toBeCloseTo(expected[i]!, 15));
  });

  it('counts a score without full evaluation as a tenth of itself, for the mean as well', () => {
    const partial = { isFull: false };
    expect(weight(entry(0, 0.5, partial), entry(1, 0.2))).toEqual(weight(entry(0, 0.05), entry(1, 0.2)));
  });

  it('takes the mean of as many as there are, when there are fewer than three', () => {
    expect(weight(entry(0, 0.7))).toEqual([0.5]);
    expect(weight(entry(0, 0.7), entry(1, 0.7))).toEqual([0.5, 0.5]);
  });

  it('draws once, in proportion to the weights, and never what was not measured', () => {
    const entries = [entry(0, null), entry(1, 0.5), entry(2, null), entry(3, 0.5), entry(4, 0.5, { children: 100 })];
    const chosen = (next: number) => selectionPolicies['score-child-prop'](entries, { next: () => next, int: fail });
    expect([0, 0.49, 0.5, 0.51, 1 - 2 ** -53].map(chosen)).toEqual([1, 1, 3, 3, 3]);
  });

  it('draws anybody when nothing was measured, and any measured one when all weights vanish', () => {
    const policy = selectionPolicies['score-child-prop'];
    expect([0.1, 0.9].map((u) => policy([entry(0, null), entry(5, null)], fixed(u)))).toEqual([0, 5]);
    const tired = [entry(0, null), entry(1, 0.1, { children: 500 }), entry(2, 0.9, { children: 500 })];
    expect([0.1, 0.9].map((u) => policy(tired, fixed(u)))).toEqual([1, 2]);
  });

  const anyEntry = fc.record({
    score: fc.double({ min: -1e3, max: 1e3, noNaN: true }),
    isFull: fc.boolean(),
    children: fc.nat(60),
  });
  const entries = fc
    .array(anyEntry, { minLength: 1, maxLength: 20 })
    .map((list) => list.map(({ score, ...rest }, i) => entry(i, score, rest)));

  it('gives nobody less for a better score, nor more for another child', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const weights = scoreChildWeights(list);
        const effective = list.map((e) => (e.isFull ? e.score! : 0.1 * e.score!));
        list.forEach((a, i) => {
          list.forEach((b, j) => {
            if (effective[i]! >= effective[j]! && a.children <= b.children) {
              expect(weights[i]).toBeGreaterThanOrEqual(weights[j]!);
            }
          });
        });
        const older = list.map((e) => ({ ...e, children: e.children + 1 }));
        scoreChildWeights(older).forEach((w, i) => void expect(w).toBeLessThanOrEqual(weights[i]!));
      }),
    );
  });

  it('does not depend on where the scale of scores begins', () => {
    fc.assert(
      fc.property(entries, fc.integer({ min: -50, max: 50 }), (list, shift) => {
        const full = list.map((e) => ({ ...e, isFull: true }));
        const moved = full.map((e) => ({ ...e, score: e.score! + shift }));
        const weights = scoreChildWeights(full);
        scoreChildWeights(moved).forEach((w, i) => void expect(w).toBeCloseTo(weights[i]!, 6));
      }),
    );
  });
});

describe('every policy', () => {
  const scores = fc.array(fc.option(fc.double({ noNaN: true })), { minLength: 1, maxLength: 20 });
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  it('chooses from the archive, and gives the same for the same draws', () => {
    fc.assert(
      fc.property(scores, unit, (list, u) => {
        const some = list.map((score, i) => entry(i * 2, score));
        for (const select of Object.values(selectionPolicies)) {
          const chosen = select(some, fixed(u));
          expect(some.map((e) => e.generation)).toContain(chosen);
          expect(select(some, fixed(u))).toBe(chosen);
        }
      }),
    );
  });

  it('chooses among those without a failed child, if it is told to and there is one', () => {
    const fails = fc.array(fc.nat(2), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fails, unit, fc.constantFrom(...(Object.keys(selectionPolicies) as ['best'])), (list, u, name) => {
        const some = list.map((failedChildren, i) => entry(i, i % 3, { failedChildren }));
        const chosen = parentSelection(name, 'without-failed-child')(some, fixed(u));
        expect(some[chosen]!.failedChildren === 0 || !list.includes(0)).toBe(true);
        expect(eligible(some, 'valid')).toEqual(some);
      }),
    );
  });

  it('may be one that was plugged in, which sees the eligible and draws uniform numbers', () => {
    const plugged = parentSelection((seen, random) => seen.at(Math.floor(random() * seen.length))!.generation, 'valid');
    expect([0.1, 0.9].map((u) => plugged(archive, fixed(u)))).toEqual([0, 9]);
  });
});

describe('the tournament', () => {
  const annealing = { probability: 0.5, decay: 0.9 };

  it('is held with probability .5, times .9 after each one held, for one draw each time', () => {
    expect(drawsTournament(annealing, 0, fixed(0.4999))).toBe(true);
    expect(drawsTournament(annealing, 0, fixed(0.5))).toBe(false);
    expect(drawsTournament(annealing, 2, fixed(0.4049))).toBe(true);
    expect(drawsTournament(annealing, 2, fixed(0.4051))).toBe(false);
    expect(drawsTournament({ probability: 0, decay: 1 }, 0, fixed(0))).toBe(false);
  });

  it.each([
    [0.4, 0.5, 'blind'],
    [0.5, 0.5, 'directed'],
    [0.5, 0.4, 'directed'],
    [null, 0, 'blind'],
    [-1, null, 'directed'],
    [null, null, 'directed'],
  ] as const)('of directed %s and blind %s goes to the %s child: strictly better wins', (directed, blind, winner) => {
    expect(tournamentWinner(directed, blind)).toBe(winner);
  });
});

interface Replay {
  readonly parents: number;
  readonly tournaments: number;
  readonly winners: number;
  readonly of: number;
}

/** Chooses every parent of a published run again, from what the run had recorded before. */
function replay(run: readonly PublishedGeneration[], name: 'random' | 'annealing'): Replay {
  const python = pythonRandom(43);
  const draws: Draws = { next: python.random, int: python.randbelow };
  const select = parentSelection(name === 'random' ? 'random' : 'score-child-prop', 'without-failed-child');
  const counts = { parents: 0, tournaments: 0, winners: 0 };
  let held = 0;
  for (const [i, g] of run.entries()) {
    if (i === 0) continue;
    const before = run.slice(0, i);
    const scored = before.filter((b) => b.valid && b.val_score !== undefined);
    const of = (gen: number, valid: boolean) => before.filter((b) => b.parent === gen && b.valid === valid).length;
    const entries = scored.map((b) =>
      entry(b.gen, b.val_score!, {
        isFull: b.run_full_eval === true,
        children: of(b.gen, true),
        failedChildren: of(b.gen, false),
      }),
    );
    counts.parents += Number(select(entries, draws) === g.parent);
    if (name === 'random') continue;
    const isTournament = drawsTournament({ probability: 0.5, decay: 0.9 }, held, draws);
    counts.tournaments += Number(isTournament === (g.tournament === true));
    if (!isTournament) continue;
    held += 1;
    counts.winners += Number(tournamentWinner(g.directed_score!, g.blind_score!) === g.winner);
  }
  return { ...counts, of: run.length - 1 };
}

const runOf = (runs: ReadonlyMap<string, readonly PublishedGeneration[]>, arm: string) =>
  runs.get(`replication_v1/${arm}/seed43`)!;

describe('a published run, replayed', () => {
  it('has the same first 60 parents, tournaments and winners', () => {
    const runs = replicationExcerpt();
    expect(replay(runOf(runs, 'arm_c_random'), 'random')).toMatchObject({ parents: 60, of: 60 });
    const annealed = { parents: 60, tournaments: 60, winners: 13, of: 60 };
    expect(replay(runOf(runs, 'arm_d_annealing'), 'annealing')).toEqual(annealed);
  });

  itWithPublishedData('has the same 200 parents in arm C, and the same 200 parents and tournaments in arm D', () => {
    const runs = publishedRuns('replication');
    expect(replay(runOf(runs, 'arm_c_random'), 'random')).toMatchObject({ parents: 200, of: 200 });
    const annealed = { parents: 200, tournaments: 200, winners: 26, of: 200 };
    expect(replay(runOf(runs, 'arm_d_annealing'), 'annealing')).toEqual(annealed);
  });
});
