import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineage, type LineagePorts } from '../../actors/lineage/create-lineage.ts';
import { advance, emptyState, type LineageState } from '../../actors/lineage/lineage-state.ts';
import { rollbackOf } from '../../actors/lineage/rollback.ts';
import type { Ask } from '../../src/core/ask.ts';
import { parseAdapterId } from '../../src/core/ids.ts';
import type { RequestOf, RoleName } from '../../src/core/messages.ts';
import type { Generation } from '../../src/core/records.ts';
import { createBudget } from '../../src/runtime/run-budget.ts';
import { valid } from '../core/valid-messages.ts';
import { alice, failedEdit, generationOf, genomeId, lineageRequest, measured } from './samples.ts';

/** A lineage that scored so; `null` is a generation that failed. */
const generations = (scores: readonly (number | null)[]): Generation[] => {
  let best = Number.NEGATIVE_INFINITY;
  return scores.map((score, n) => {
    if (score === null) return n === 0 ? generationOf(0, { selection: null }) : failedEdit(n);
    const verdict = n === 0 ? 'seed' : score > best ? 'promoted' : 'archived';
    best = Math.max(best, score);
    return generationOf(n, { verdict, selection: measured(score) });
  });
};
const stateOf = (scores: readonly (number | null)[]) => generations(scores).reduce<LineageState>(advance, emptyState);
const rule = { after: 3, share: 0.5, margin: 0 };

describe('a lineage goes back to its best', () => {
  it.each<[string, readonly (number | null)[], number, object | null]>([
    [
      'after so many generations that lost more than half of what was gained',
      [0, 4, 1, 1.9, 0],
      4,
      { streak: 3, floor: 2 },
    ],
    ['not after fewer', [0, 4, 1, 0], 3, null],
    ['not when one of them kept half', [0, 4, 1, 2, 0], 4, null],
    ['after failures in a row, with a low one among them', [0, 4, 1, null, null, null], 2, { streak: 4, floor: 2 }],
    ['not when the parent that was chosen is not low', [0, 4, 3, 1, 1, 1], 2, null],
    ['not when the parent that was chosen is the best', [0, 4, 1, 1, 1], 1, null],
    ['when nothing was gained, after failures alone', [2, 1, 1, 1], 3, null],
    ['from a parent without a score', [1, 1, 1, null], 1, null],
  ])('%s', (_, scores, chosen, found) => {
    expect(rollbackOf(stateOf(scores), chosen, rule)).toEqual(found && { from: chosen, ...found });
  });

  it('when a valid parent has no score and all that follow have none', () => {
    const unscored = generationOf(1, { selection: null });
    const all = [generationOf(0, { selection: measured(1) }), unscored, failedEdit(2), failedEdit(3)];
    const state = all.reduce<LineageState>(advance, emptyState);
    expect(rollbackOf(state, 1, rule)).toEqual({ from: 1, streak: 3, floor: null });
  });

  it('only for losses above the margin, which measuring twice may differ by', () => {
    const state = stateOf([0, 1, 0.4, 0.3, 0.2]);
    expect(rollbackOf(state, 4, rule)).toMatchObject({ streak: 3, floor: 0.5 });
    expect(rollbackOf(state, 4, { ...rule, margin: 0.65 })).toBeNull();
    expect(rollbackOf(state, 4, { ...rule, margin: 0.65, after: 2 })).toMatchObject({ streak: 2, floor: 0.35 });
  });

  it('exactly when chosen and the last generations are low, whatever they scored, in whatever unit', () => {
    const scores = fc.array(fc.oneof(fc.constant(null), fc.integer({ min: -9, max: 9 })), {
      minLength: 1,
      maxLength: 9,
    });
    fc.assert(
      fc.property(
        fc.integer({ min: -9, max: 9 }),
        scores,
        fc.integer({ min: 1, max: 4 }),
        fc.nat(),
        (first, rest, after, at) => {
          const all = [first, ...rest];
          const state = stateOf(all);
          const { generation: chosen } = state.archive[at % state.archive.length]!;
          const top = Math.max(...all.filter((s) => s !== null));
          const isLow = (s: number | null) => s === null || (top > first && s < (top + first) / 2);
          const tail = all.slice(1);
          const streak = tail.length - 1 - tail.findLastIndex((s) => !isLow(s));
          const expected = chosen !== state.best && isLow(all[chosen]!) && streak >= after;
          const found = rollbackOf(state, chosen, { ...rule, after });
          expect(found !== null).toBe(expected);
          if (found !== null) expect(found.streak).toBe(streak);
          // A unit of another size and another zero changes nothing.
          const other = stateOf(all.map((s) => s && 8 * s - 64).map((s, i) => (all[i] === 0 ? -64 : s)));
          expect(rollbackOf(other, chosen, { ...rule, after }) !== null).toBe(expected);
        },
      ),
    );
  });
});

const weights = (n: number) => ({ id: parseAdapterId(String(n).padStart(64, '0')), tree: genomeId(n) });

async function nextGeneration(state: LineageState, select: number, changes: Partial<LineagePorts> = {}, trains = true) {
  const asked: { role: RoleName; request: Record<string, unknown> }[] = [];
  const ask = (async <R extends RoleName>(role: R, request: RequestOf<R>) => {
    asked.push({ role, request: request as unknown as Record<string, unknown> });
    if (role === 'meta-agent') return { ...valid['meta-agent'].result, usage: valid['meta-agent'].result.usage };
    if (role === 'gate') return { verdict: 'failed', checks: [{ name: 'edit', outcome: 'refuse', reason: '' }] };
    if (role === 'trainer') {
      const { to } = request as Extract<RequestOf<'trainer'>, { kind: 'roll-back' }>;
      return trains
        ? { status: 'in-service', adapter: to, model: 'm', metrics: null }
        : { status: 'failed', reason: 'no room' };
    }
    return valid.archivist.result;
  }) as unknown as Ask;
  const ports: LineagePorts = {
    ask,
    budget: createBudget('lineage alice', {}),
    select: () => select,
    draws: () => ({ next: () => 0, int: () => 0, drawn: null }),
    ...{ annealing: null, metaFrom: 'parent', rollback: rule, publish: async () => false, model: 'm', taskModel: 'm' },
    learning: null,
    seedGenome: { genome: genomeId(0), bytes: 1, files: 1 },
    items: { train: 1, selection: 1 },
    ...{ gatePolicy: 'strict-improvement', showsTrain: true, showsSelection: false, maxStagnation: null },
    state,
    ...changes,
  };
  await using lineage = createLineage(ports);
  const { generation } = await lineage.handle(lineageRequest(state.history.length), new AbortController().signal);
  const of = (role: RoleName) => asked.filter((a) => a.role === role).map((a) => a.request);
  return { generation: generation as Generation, of };
}

describe('the generation after a catastrophic regression', () => {
  const lost = [0, 4, 1, 1, 1];

  it('is a child of the best, edited by its meta-agent, and says so where it is recorded', async () => {
    const { generation, of } = await nextGeneration(stateOf(lost), 4);
    const rollback = { from: 4, streak: 3, floor: 2 };
    expect(generation).toMatchObject({ parent: 1, metaFrom: 1, rollback });
    expect(of('meta-agent')[0]).toMatchObject({ parent: { generation: 1 }, meta: { generation: 1 } });
    expect(of('archivist')[0]).toMatchObject({ rollback });
    expect(of('trainer')).toEqual([]);
  });

  it('is a child of whom the policy chose where nothing is said of going back', async () => {
    const { generation, of } = await nextGeneration(stateOf(lost), 4, { rollback: null });
    expect(generation.parent).toBe(4);
    expect(generation).not.toHaveProperty('rollback');
    expect(of('archivist')[0]).not.toHaveProperty('rollback');
  });

  it('has the weights of the best in service again, where the lineage has weights', async () => {
    const all = generations(lost).map((g, n) => ({ ...g, adapter: weights(n), taskModel: `m${n}` }));
    const state = all.reduce<LineageState>(advance, emptyState);
    const { generation, of } = await nextGeneration(state, 4);
    expect(of('trainer')).toEqual([
      expect.objectContaining({
        kind: 'roll-back',
        lineage: alice,
        generation: 5,
        to: weights(1),
        from: weights(4),
        share: 0,
      }),
    ]);
    expect(generation).toMatchObject({ adapter: weights(1), taskModel: 'm', rollback: { weights: 'restored' } });
    expect(of('archivist')[0]).toMatchObject({ adapter: weights(1) });
    const same = all
      .map((g) => ({ ...g, adapter: weights(1), taskModel: 'm1' }))
      .reduce<LineageState>(advance, emptyState);
    expect((await nextGeneration(same, 4)).of('trainer')).toEqual([]);
  });

  it('goes on with the weights that are there when those of the best cannot come back, and says so', async () => {
    const state = generations(lost)
      .map((g, n) => ({ ...g, adapter: weights(n), taskModel: `m${n}` }))
      .reduce<LineageState>(advance, emptyState);
    const { generation } = await nextGeneration(state, 4, {}, false);
    expect(generation).toMatchObject({ parent: 1, rollback: { weights: 'kept' } });
    expect(generation).toMatchObject({ adapter: weights(4), taskModel: 'm4' });
  });
});
