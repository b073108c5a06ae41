import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Reservation } from '../../src/core/budget.ts';
import { createBudget } from '../../src/runtime/run-budget.ts';

const exhausted = (message: string) => expect.objectContaining({ code: 'BUDGET_EXHAUSTED', message });

describe('a budget', () => {
  it('is unlimited in what it does not name', () => {
    const budget = createBudget('the run', {});
    budget.reserve({ tokens: 1e12, usd: 1e6, evaluations: 1e9 }).settle({ tokens: 1e12 });
    expect(budget.spent).toEqual({ tokens: 1e12, usd: 0, evaluations: 0 });
    expect(budget.exhausted).toBeNull();
  });

  it('refuses what does not fit, naming dimension, limit and rest, and reserves nothing of it', () => {
    const budget = createBudget('the run', { tokens: 100, evaluations: 5 });
    budget.reserve({ tokens: 30 });
    expect(() => budget.reserve({ evaluations: 1, tokens: 71 })).toThrow(
      exhausted('the budget of the run allows 100 tokens: 70 left, 71 asked'),
    );
    expect(() => budget.reserve({ tokens: 70, evaluations: 5 })).not.toThrow();
  });

  it('lets a spender that needs nothing of a used-up dimension go on', () => {
    const budget = createBudget('the run', { tokens: 10 });
    budget.reserve({ tokens: 10 }).settle({ tokens: 10 });
    expect(() => budget.reserve({ tokens: 0, evaluations: 1 })).not.toThrow();
    expect(budget.exhausted).toBe('tokens');
  });

  it('gives back what was reserved and not spent, once', () => {
    const budget = createBudget('the run', { tokens: 10 });
    const reservation = budget.reserve({ tokens: 10 });
    reservation.settle({ tokens: 4 });
    reservation.settle({ tokens: 4 });
    expect(budget.spent.tokens).toBe(4);
    expect(() => budget.reserve({ tokens: 6 })).not.toThrow();
    expect(() => budget.reserve({ tokens: 1 })).toThrow(
      exhausted('the budget of the run allows 10 tokens: 0 left, 1 asked'),
    );
  });

  it('counts what an earlier process spent', () => {
    const run = createBudget('the run', { tokens: 100 });
    const lineage = createBudget('lineage a', { tokens: 60 }, run);
    lineage.restore({ tokens: 50, usd: 0.5 });
    expect(run.spent).toEqual({ tokens: 50, usd: 0.5, evaluations: 0 });
    expect(() => lineage.reserve({ tokens: 11 })).toThrow('lineage a allows 60 tokens: 10 left');
    lineage.restore({ tokens: 100 });
    expect(() => lineage.reserve({ tokens: 1 })).toThrow('0 left');
  });
});

describe('a budget within another', () => {
  it('asks both, and reserves in neither when one refuses', () => {
    const run = createBudget('the run', { tokens: 100 });
    const a = createBudget('lineage a', { tokens: 80 }, run);
    const b = createBudget('lineage b', {}, run);
    a.reserve({ tokens: 60 });
    expect(() => b.reserve({ tokens: 50 })).toThrow('the budget of the run allows 100 tokens: 40 left, 50 asked');
    expect(() => a.reserve({ tokens: 30 })).toThrow('the budget of lineage a allows 80 tokens: 20 left, 30 asked');
    expect(() => b.reserve({ tokens: 40 })).not.toThrow();
  });

  it('is used up when the other is', () => {
    const run = createBudget('the run', { evaluations: 3 });
    const a = createBudget('lineage a', { tokens: 10 }, run);
    expect(a.exhausted).toBeNull();
    createBudget('lineage b', {}, run).reserve({ evaluations: 3 }).settle({ evaluations: 3 });
    expect(a.exhausted).toBe('evaluations');
  });
});

it('never overshoots, whatever is reserved and settled in whatever order', () => {
  const step = fc.record({
    lineage: fc.nat(1),
    tokens: fc.nat(40),
    evaluations: fc.nat(4),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    settles: fc.option(fc.nat(30)),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const run = createBudget('the run', { tokens: 200, evaluations: 12 });
      const lineages = [createBudget('a', { tokens: 120 }, run), createBudget('b', { evaluations: 8 }, run)];
      const open: { reservation: Reservation; tokens: number; evaluations: number; of: number }[] = [];
      for (const { lineage, tokens, evaluations, share, settles } of steps) {
        try {
          open.push({
            reservation: lineages[lineage]!.reserve({ tokens, evaluations }),
            tokens,
            evaluations,
            of: lineage,
          });
        } catch (error) {
          expect(error).toMatchObject({ code: 'BUDGET_EXHAUSTED' });
        }
        if (settles !== null && open.length > 0) {
          const [ended] = open.splice(settles % open.length, 1);
          ended!.reservation.settle({
            tokens: Math.floor(ended!.tokens * share),
            evaluations: Math.floor(ended!.evaluations * share),
          });
        }
        const held = (of: (o: (typeof open)[number]) => number) => open.reduce((sum, o) => sum + of(o), 0);
        expect(run.spent.tokens + held((o) => o.tokens)).toBeLessThanOrEqual(200);
        expect(run.spent.evaluations + held((o) => o.evaluations)).toBeLessThanOrEqual(12);
        expect(lineages[0]!.spent.tokens + held((o) => (o.of === 0 ? o.tokens : 0))).toBeLessThanOrEqual(120);
        expect(lineages[1]!.spent.evaluations + held((o) => (o.of === 1 ? o.evaluations : 0))).toBeLessThanOrEqual(8);
        expect(run.spent.tokens).toBe(lineages[0]!.spent.tokens + lineages[1]!.spent.tokens);
      }
    }),
  );
});
