import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Check, Operation } from '../../../markspace/check.ts';
import { createBudgets } from '../../../markspace/regulation/budgets.ts';
import { createEnvelope } from '../../../markspace/regulation/envelope.ts';
import { createRates, type RateLimit } from '../../../markspace/regulation/rates.ts';
import { contains } from '../../../markspace/scope.ts';
import { agents, minuteMs, operations, through } from '../regulation/operations.ts';

const dimensions = ['tokens', 'marks'] as const;
const amount = fc.oneof(fc.constant(0), fc.nat({ max: 30 }), fc.double({ min: 0, max: 30, noNaN: true }));
const use = fc.record({ agent: fc.constantFrom(...agents), dimension: fc.constantFrom(...dimensions), amount });
const uses = fc.array(use, { maxLength: 60 });
const limit = fc.integer({ min: 1, max: 300 });
const warnAt = fc.double({ min: 0.01, max: 1, noNaN: true });

function anAttempt(agent: string, scope = 'x', atMs = 0): Operation {
  const fields = { resource: 'r', action: 'a' };
  return { agent, type: 'write', scope, atMs, draft: { kind: 'intent', scope, topic: null, fields } };
}
const isStopped = (check: Check, agent: string) => !check.judge(anAttempt(agent)).allowed;

it('P59 an agent without a budget is affected in no way', () => {
  fc.assert(
    fc.property(uses, operations(), (used, attempts) => {
      const budgets = createBudgets({ somebody: [{ dimension: 'tokens', limit: 1 }] });
      const before = budgets.snapshot();
      for (const { agent, dimension, amount } of used) expect(budgets.use(agent, { [dimension]: amount })).toEqual([]);
      for (const operation of attempts) {
        expect(through([budgets.check], operation)).toEqual({ allowed: true, draft: operation.draft, flags: [] });
      }
      expect(budgets.snapshot()).toEqual(before);
    }),
  );
});

it('P60 one need that blocks nobody is raised for each dimension, at its warning fraction', () => {
  fc.assert(
    fc.property(uses, limit, warnAt, (used, most, share) => {
      const own = dimensions.map((dimension) => ({ dimension, limit: most, warnAt: share }));
      const budgets = createBudgets({ p: own, q: own });
      const sums = new Map<string, number>();
      for (const { agent, dimension, amount } of used) {
        const key = `${agent} ${dimension}`;
        const before = sums.get(key) ?? 0;
        sums.set(key, before + amount);
        const isDue = before < share * most && before + amount >= share * most;
        const warnings = budgets.use(agent, { [dimension]: amount });
        expect(warnings.map((warning) => [warning.agent, warning.dimension])).toEqual(
          isDue ? [[agent, dimension]] : [],
        );
        for (const { need } of warnings) expect(need).toMatchObject({ blocking: false, context: { dimension } });
      }
    }),
  );
});

it('P61 at the limit of any dimension an agent is stopped, and not before', () => {
  fc.assert(
    fc.property(uses, limit, (used, most) => {
      const budgets = createBudgets({ p: dimensions.map((dimension) => ({ dimension, limit: most })) });
      const sums = { tokens: 0, marks: 0 };
      for (const { agent, dimension, amount } of used) {
        budgets.use(agent, { [dimension]: amount });
        if (agent === 'p') sums[dimension] += amount;
        expect(isStopped(budgets.check, 'p')).toBe(Object.values(sums).some((sum) => sum >= most));
        expect(isStopped(budgets.check, 'q')).toBe(false);
      }
    }),
  );
});

it('P62 raising the limit lets the agent go on, and the new limit has a warning of its own', () => {
  fc.assert(
    fc.property(limit, fc.nat({ max: 50 }), fc.integer({ min: 1, max: 300 }), (most, over, more) => {
      const budgets = createBudgets({ p: [{ dimension: 'tokens', limit: most, warnAt: 0.5 }] });
      budgets.use('p', { tokens: most + over });
      expect(isStopped(budgets.check, 'p')).toBe(true);
      expect(() => budgets.raise('p', 'tokens', most)).toThrow('does not raise');
      const next = most + over + more;
      budgets.raise('p', 'tokens', next);
      expect(isStopped(budgets.check, 'p')).toBe(false);
      expect(budgets.use('p', { tokens: more })).toHaveLength(1);
      expect(isStopped(budgets.check, 'p')).toBe(true);
    }),
  );
});

it('P63 what was used only grows, and nothing but use makes it grow', () => {
  const step = fc.oneof(
    use.map((given) => ({ type: 'use' as const, ...given })),
    fc.record({ type: fc.constant('bad' as const), amount: fc.constantFrom(-1, Number.NaN, Number.POSITIVE_INFINITY) }),
    fc.record({ type: fc.constant('raise' as const), limit }),
    fc.constant({ type: 'attempt' as const }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const budgets = createBudgets({ p: [{ dimension: 'tokens', limit: 50 }] });
      const state = () => budgets.snapshot().p!.tokens!;
      let sum = 0;
      for (const given of steps) {
        if (given.type === 'use' && given.agent === 'p' && given.dimension === 'tokens') sum += given.amount;
        if (given.type === 'use') budgets.use(given.agent, { [given.dimension]: given.amount });
        // One amount that is none spoils the whole call.
        if (given.type === 'bad')
          expect(() => budgets.use('p', { tokens: 5, marks: given.amount })).toThrow(RangeError);
        if (given.type === 'attempt') through([budgets.check], anAttempt('p'));
        if (given.type === 'raise' && given.limit > state().limit) budgets.raise('p', 'tokens', given.limit);
        expect(state().used).toBe(sum);
      }
    }),
  );
});

const rate = fc.record({
  scope: fc.constantFrom('x', 'x/y', 'w'),
  perAgent: fc.option(fc.nat({ max: 4 })),
  total: fc.option(fc.nat({ max: 6 })),
  // Often a gap of the operations, so that the far end of a window is met.
  windowMs: fc.oneof(fc.constantFrom(1, 1_000, 2_000, minuteMs), fc.integer({ min: 1, max: 5 * minuteMs })),
});
const limits = fc.uniqueArray(rate, { maxLength: 3, selector: (given) => given.scope });
const over = (given: readonly RateLimit[]) => (scope: string) => given.filter((limit) => contains(limit.scope, scope));

/** Counts every accepted operation anew, each time. */
function isFull(
  given: RateLimit,
  accepted: readonly Operation[],
  { agent, atMs }: Operation,
  who: 'perAgent' | 'total',
) {
  const most = given[who];
  if (most === null) return false;
  const inWindow = accepted.filter(
    (before) => contains(given.scope, before.scope) && before.atMs > atMs - given.windowMs,
  );
  const counted = who === 'total' ? inWindow : inWindow.filter((before) => before.agent === agent);
  return counted.length >= most;
}

it('P64 an operation is refused if and only if its agent, or all together, have done as much as allowed in the window that ends with it', () => {
  fc.assert(
    fc.property(limits, operations(), (given, attempts) => {
      const rates = createRates(over(given));
      const accepted: Operation[] = [];
      for (const operation of attempts) {
        const own = over(given)(operation.scope);
        const isOver = own.some(
          (l) => isFull(l, accepted, operation, 'perAgent') || isFull(l, accepted, operation, 'total'),
        );
        expect(through([rates.check], operation).allowed).toBe(!isOver);
        if (!isOver) accepted.push(operation);
      }
    }),
    { numRuns: 300 },
  );
});

it('P65 the envelope sees the attempts that a rate limit refused', () => {
  fc.assert(
    fc.property(limits, operations(), (given, attempts) => {
      const envelope = createEnvelope({ raise: () => {} });
      const alone = createEnvelope({ raise: () => {} });
      const rates = createRates(over(given));
      let refusals = 0;
      for (const operation of attempts) {
        const verdict = through([envelope.check, rates.check], operation);
        if (!verdict.allowed && verdict.check === 'rate') refusals += 1;
        through([alone.check], operation);
      }
      expect(envelope.snapshot()).toEqual(alone.snapshot());
      fc.pre(refusals > 0);
    }),
  );
});

it('P66 rates, envelope and budgets do not look at each other', () => {
  const all = ['envelope', 'rate', 'budget'] as const;
  fc.assert(
    fc.property(limits, operations(), fc.subarray([...all]), uses, (given, attempts, others, used) => {
      const play = (names: readonly string[]) => {
        const envelope = createEnvelope({ raise: () => {} });
        const rates = createRates(over(given));
        const budgets = createBudgets({ p: [{ dimension: 'tokens', limit: 20 }] });
        const checks = [envelope.check, rates.check, budgets.check].filter(({ name }) => names.includes(name));
        for (const { agent, dimension, amount } of used) budgets.use(agent, { [dimension]: amount });
        // What each says to the same accepted history, whoever else is there.
        return attempts.map((operation) => {
          const said = checks.map((check) => [check.name, check.judge(operation).allowed] as const);
          for (const check of checks) check.observe?.(operation, { allowed: true, draft: operation.draft, flags: [] });
          return new Map(said);
        });
      };
      const together = play(all);
      play(others).forEach((said, i) => {
        for (const [name, isAllowed] of said) expect(isAllowed).toBe(together[i]!.get(name));
      });
    }),
  );
});
