import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance, ancestor, emptyState, metaAgentFor, scoreOf } from '../../actors/lineage/lineage-state.ts';
import type { Generation } from '../../src/core/records.ts';
import { failedEdit, generationOf, measured, unmeasured } from './samples.ts';

const fold = (generations: readonly Generation[]) => generations.reduce(advance, emptyState);
const seed = generationOf(0);

describe('the state of a lineage', () => {
  it('keeps every generation that did not fail as a possible parent, refused ones too', () => {
    const state = fold([seed, failedEdit(1), generationOf(2, { verdict: 'refused' }), generationOf(3)]);
    expect(state.archive).toMatchObject([
      { generation: 0, score: 0, children: 2, isPromoted: true },
      { generation: 2, score: 2, children: 0, isPromoted: false },
      { generation: 3, score: 3, children: 0, isPromoted: false },
    ]);
    expect(() => ancestor(state, 1)).toThrow('generation 1 is not in the archive');
  });

  it('gives a generation that was not measured no score', () => {
    const state = fold([seed, generationOf(1, { selection: unmeasured() }), generationOf(2, { selection: null })]);
    expect([0, 1, 2].map((n) => scoreOf(state, n))).toEqual([0, null, null]);
    expect(state.best).toBe(0);
  });

  it('counts rounds since the last improvement, failed ones too', () => {
    const worse = generationOf(1, { selection: measured(-1) });
    const counts = [seed, worse, failedEdit(2), generationOf(3, { selection: measured(0) }), generationOf(4)].map(
      (_, i, all) => fold(all.slice(0, i + 1)).sinceImprovement,
    );
    expect(counts).toEqual([0, 1, 2, 3, 0]);
  });

  it('never takes a generation for its best that a check refused', () => {
    expect(fold([seed, generationOf(1, { verdict: 'refused' })]).best).toBe(0);
    expect(fold([seed, generationOf(1, { verdict: 'archived' })]).best).toBe(1);
  });

  it('shows an agent the last 20 generations, without selection scores', () => {
    const state = fold([seed, ...Array.from({ length: 30 }, (_, i) => generationOf(i + 1)), failedEdit(31)]);
    expect(state.history.map((h) => h.generation)).toEqual(Array.from({ length: 20 }, (_, i) => i + 12));
    expect(state.history.at(-1)).toEqual({
      ...{ generation: 31, parent: 0, verdict: 'failed', trainScore: null },
      problem: 'exit 1: boom',
    });
    const unmeasuredTrain = advance(emptyState, generationOf(1, { train: unmeasured('too slow', 'train') }));
    expect(unmeasuredTrain.history[0]).toMatchObject({ trainScore: null, problem: 'too slow' });
  });
});

describe('for every history', () => {
  // JSON has no -0, and no comparison tells it from 0.
  const score = fc.option(fc.double({ noNaN: true, min: -1e6, max: 1e6 }).map((s) => s + 0));
  const move = fc.record({ fails: fc.boolean(), score, pick: fc.nat(), published: fc.boolean() });
  const histories = fc.array(move, { maxLength: 30 }).map((moves) => {
    const generations: Generation[] = [seed];
    for (const [i, { fails, score: s, pick, published }] of moves.entries()) {
      const parents = generations.filter((g) => g.verdict !== 'failed');
      const parent = parents[pick % parents.length]!.generation;
      const changes = { parent, metaFrom: parent, published, selection: s === null ? unmeasured() : measured(s) };
      generations.push(fails ? failedEdit(i + 1, { parent, metaFrom: parent }) : generationOf(i + 1, changes));
    }
    return generations;
  });

  it('a failed generation is never a parent, and the archive keeps the order', () => {
    fc.assert(
      fc.property(histories, (generations) => {
        const alive = generations.filter((g) => g.verdict !== 'failed').map((g) => g.generation);
        expect(fold(generations).archive.map((a) => a.generation)).toEqual(alive);
      }),
    );
  });

  it('best is the oldest of the highest scores', () => {
    fc.assert(
      fc.property(histories, (generations) => {
        const { best, ...state } = fold(generations);
        const scores = state.archive.flatMap((a) => (a.selection?.status === 'measured' ? [a.selection.score] : []));
        const highest = Math.max(...scores);
        const oldest = state.archive.find((a) => a.selection?.status === 'measured' && a.selection.score === highest);
        expect(best).toBe(oldest!.generation);
      }),
    );
  });

  it('children and edits are counted once each', () => {
    fc.assert(
      fc.property(histories, (generations) => {
        const { archive } = fold(generations);
        const sum = (of: (a: (typeof archive)[number]) => number) => archive.reduce((n, a) => n + of(a), 0);
        const failed = generations.filter((g) => g.verdict === 'failed').length;
        expect(sum((a) => a.children)).toBe(generations.length - 1 - failed);
        expect(sum((a) => a.editsFailed)).toBe(failed);
        expect(sum((a) => a.editsDone)).toBe(generations.length - 1 - failed);
      }),
    );
  });

  it('a fold over JSON gives the same state', () => {
    fc.assert(
      fc.property(histories, (generations) => {
        const state = fold(generations);
        expect(fold(JSON.parse(JSON.stringify(generations)))).toEqual(state);
        expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      }),
    );
  });

  it('there is always a meta-agent to ask, and it is one of the archive', () => {
    fc.assert(
      fc.property(histories, (generations) => {
        const state = fold(generations);
        for (const { generation } of state.archive)
          expect(state.archive).toContain(metaAgentFor(state, generation, 'parent'));
      }),
    );
  });
});

describe('whose meta-agent edits a child', () => {
  const child = generationOf(1);
  const failsAt1 = (n: number, stage: 'meta-agent' | 'collect' = 'meta-agent') =>
    failedEdit(n, { parent: 1, metaFrom: 1, failure: { stage, message: 'boom' } });
  const asked = (...generations: Generation[]) => metaAgentFor(fold(generations), 1, 'parent').generation;

  it("is the parent's own, also after it failed once", () => {
    expect(asked(seed, child)).toBe(1);
    expect(asked(seed, child, failsAt1(2))).toBe(1);
  });

  it("falls back to the latest that ever edited well, once the parent's own failed twice", () => {
    expect(asked(seed, child, failsAt1(2), failsAt1(3, 'collect'))).toBe(0);
    const other = generationOf(4);
    const byOther = generationOf(5, { parent: 4, metaFrom: 4 });
    expect(asked(seed, child, failsAt1(2), failsAt1(3), other, byOther)).toBe(4);
  });

  it('falls back to the latest not known to be broken when none ever edited well', () => {
    const adopted = generationOf(1, { metaFrom: null });
    expect(asked(seed, adopted, failsAt1(2), failsAt1(3))).toBe(0);
  });

  it('asks the oldest when all are broken, rather than nobody', () => {
    const seedFails = [4, 5].map((n) => failedEdit(n));
    expect(asked(seed, generationOf(1, { metaFrom: null }), failsAt1(2), failsAt1(3), ...seedFails)).toBe(0);
  });

  it('recovers: the child of a fallback edits with its own meta-agent again', () => {
    const rescued = generationOf(4, { parent: 1, metaFrom: 0 });
    const state = fold([seed, child, failsAt1(2), failsAt1(3), rescued]);
    expect(metaAgentFor(state, 4, 'parent').generation).toBe(4);
  });

  it('asks the child of a fallback once only, because it may have the broken meta-agent still', () => {
    const rescued = generationOf(4, { parent: 1, metaFrom: 0 });
    const failsAt4 = failedEdit(5, { parent: 4, metaFrom: 4 });
    expect(metaAgentFor(fold([seed, child, failsAt1(2), failsAt1(3), rescued, failsAt4]), 4, 'parent').generation).toBe(
      0,
    );
    // One that a tournament or an ordinary edit made is asked twice.
    const blind = generationOf(4, { parent: 1, metaFrom: 0 });
    expect(metaAgentFor(fold([seed, child, blind, failsAt4]), 4, 'parent').generation).toBe(4);
  });

  it('never gives up a meta-agent that has edited well before', () => {
    const good = generationOf(2, { parent: 1, metaFrom: 1 });
    expect(asked(seed, child, good, failsAt1(3), failsAt1(4), failsAt1(5))).toBe(1);
  });

  it('blames an import that fails on the edit, not on the meta-agent', () => {
    const broken = (n: number) =>
      failedEdit(n, { parent: 1, metaFrom: 1, failure: { stage: 'import-check', message: 'SyntaxError' } });
    expect(asked(seed, child, broken(2), broken(3), broken(4))).toBe(1);
  });

  it('stays with generation 0 when it is frozen, whatever became of it', () => {
    const state = fold([seed, child, failedEdit(2), failedEdit(3), generationOf(4, { parent: 1, metaFrom: 1 })]);
    expect(state.archive.map((a) => metaAgentFor(state, a.generation, 'generation-0').generation)).toEqual([0, 0, 0]);
  });
});

describe('what selection and gates need to know', () => {
  it('is counted: children that failed, tournaments held, where a sequence of random numbers stands', () => {
    const tournament = { winner: 'blind', directed: null, blind: 1 } as const;
    const state = fold([seed, failedEdit(1, { drawn: 4 }), generationOf(2, { tournament, drawn: 8 }), generationOf(3)]);
    expect(ancestor(state, 0)).toMatchObject({ children: 2, failedChildren: 1, isFull: true });
    expect(state).toMatchObject({ tournaments: 1, drawn: 8 });
  });

  it('is what the gate said last, also when it said nothing since', () => {
    expect(seed.gateMemory).toBeUndefined();
    expect(fold([seed]).gateMemory).toBeNull();
    const told = [generationOf(1, { gateMemory: { judged: 1 } }), generationOf(2, { gateMemory: { judged: 2 } })];
    expect(fold([seed, ...told, failedEdit(3)]).gateMemory).toEqual({ judged: 2 });
  });
});
