import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Draft } from '../../../markspace/check.ts';
import type { Mark, Observation } from '../../../markspace/mark.ts';
import { effectiveStrength, ownStrength, reinforcedStrength } from '../../../markspace/reading/strength.ts';
import { defaultTimes, transferTimes } from '../../../markspace/scopes/definition.ts';
import { canonicalJson } from '../../../src/core/json.ts';
import { agent, draftOf, durationMs, markOf, share, source } from './arbitraries.ts';
import { holds, openScopes, openWorld } from './world.ts';

const times = fc.constantFrom(defaultTimes, transferTimes, { halfLifeMs: 3, warningHalfLifeMs: 1, intentTtlMs: 2 });
const group = fc.array(fc.record({ author: fc.string({ maxLength: 2 }), strength: share }), { maxLength: 12 });
/** Strengths of one mark each by authors that are all different. */
const independent = (strengths: readonly number[]) => strengths.map((strength, i) => ({ author: `${i}`, strength }));
const strengthsOf = (total: number) => expect.closeTo(total, 9) as unknown as number;

describe('time', () => {
  it('P1 observations and warnings never get stronger with time, and halve every half-life', () => {
    fc.assert(
      fc.property(markOf(['observation', 'warning']), times, durationMs, durationMs, (mark, of, a, b) => {
        const at = (ageMs: number) => ownStrength(mark, mark.createdAtMs + ageMs, of);
        expect(at(a + b)).toBeLessThanOrEqual(at(a));
        const halfLifeMs = mark.kind === 'warning' ? of.warningHalfLifeMs : of.halfLifeMs;
        expect(at(a + halfLifeMs)).toBeCloseTo(at(a) / 2, 12);
      }),
    );
  });

  it('P2 an action keeps its base strength at any time', () => {
    fc.assert(
      fc.property(markOf(['action']), times, durationMs, (mark, of, ageMs) => {
        expect(ownStrength(mark, mark.createdAtMs + ageMs, of)).toBe(mark.strength);
      }),
    );
  });

  holds('P2 superseding an action changes what is shown of it, not its strength', (open) =>
    fc.asyncProperty(durationMs, agent, async (ms, author) => {
      await using world = openWorld(await open());
      const act = { scope: 'x', resource: 'disk', action: 'use', tool: () => 1 };
      const acted = await world.as(author).act(act);
      if (acted.status !== 'done') throw new Error('nobody else was there');
      await world.as('boss').withdraw(acted.action.id, 'wrong');
      world.clock.increment(ms);
      const shown = await world.as(author).query({ scope: 'x', resource: 'disk', kinds: ['action'] });
      expect(shown).toEqual([]);
      const all = await world.as(author).query({ scope: 'x', resource: 'disk', kinds: ['action'], superseded: true });
      expect(all).toMatchObject([{ mark: { id: acted.action.id }, strength: acted.action.strength }]);
    }),
  );

  holds('P3 with no new marks, the total of observations and warnings tends to 0', (open) =>
    fc.asyncProperty(fc.array(draftOf(['observation', 'warning']), { maxLength: 8 }), async (drafts) => {
      await using world = openWorld(await open());
      for (const draft of drafts) await world.as('p').write(draft);
      const total = () =>
        ['x', 'w']
          .flatMap((scope) => world.space.inspect({ scope, below: true, minStrength: 0 }))
          .reduce((sum, view) => sum + view.strength, 0);
      let before = total();
      for (let i = 0; i < 8; i += 1) {
        world.clock.increment(6 * defaultTimes.halfLifeMs);
        expect(total()).toBeLessThanOrEqual(before / 2 ** 6);
        before = total();
      }
      expect(before).toBeLessThan(1e-12);
    }),
  );

  it('P4 an intent is whole until its time to live is over, and 0 from then on', () => {
    fc.assert(
      fc.property(markOf(['intent']), times, durationMs, (mark, of, ageMs) => {
        const at = (ms: number) => ownStrength(mark, mark.createdAtMs + ms, of);
        expect(at(ageMs)).toBe(ageMs < of.intentTtlMs ? mark.strength : 0);
        expect([at(of.intentTtlMs - 1), at(of.intentTtlMs)]).toEqual([mark.strength, 0]);
      }),
    );
  });

  it('P5 an unresolved need keeps its strength', () => {
    fc.assert(
      fc.property(markOf(['need']), times, durationMs, (mark, of, ageMs) => {
        expect(ownStrength(mark, mark.createdAtMs + ageMs, of)).toBe(mark.strength);
      }),
    );
  });

  it('counts in rounds where the clock does', () => {
    const rounds = { halfLifeMs: 2, warningHalfLifeMs: 1, intentTtlMs: 3 };
    fc.assert(
      fc.property(markOf(['observation']), fc.nat({ max: 20 }), (mark, pairs) => {
        const fresh = ownStrength(mark, mark.createdAtMs, rounds);
        expect(ownStrength(mark, mark.createdAtMs + 2 * pairs, rounds)).toBeCloseTo(fresh / 2 ** pairs, 12);
      }),
    );
  });
});

describe('trust', () => {
  const with_ = (mark: Mark, changes: Partial<Observation>) => ({ ...mark, ...changes }) as Mark;

  it('P6 with all else equal, a more trusted source weighs at least as much', () => {
    fc.assert(
      fc.property(markOf(['observation']), times, durationMs, (mark, of, ageMs) => {
        const by = (name: Observation['source']) =>
          ownStrength(with_(mark, { source: name }), mark.createdAtMs + ageMs, of);
        expect(by('fleet')).toBeGreaterThanOrEqual(by('verified'));
        expect(by('verified')).toBeGreaterThanOrEqual(by('unverified'));
        expect(by('verified')).toBeCloseTo(0.7 * by('fleet'), 12);
        expect(by('unverified')).toBeCloseTo(0.3 * by('fleet'), 12);
      }),
    );
  });

  it('P7 trust never amplifies', () => {
    fc.assert(
      fc.property(markOf(['observation']), source, times, (mark, name, of) => {
        expect(ownStrength(with_(mark, { source: name }), mark.createdAtMs, of)).toBeLessThanOrEqual(mark.strength);
      }),
    );
  });
});

describe('reinforcement', () => {
  it('P8 n identical marks count for less than n', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 1, noNaN: true }), fc.integer({ min: 2, max: 30 }), (strength, n) => {
        const total = reinforcedStrength(independent(new Array(n).fill(strength)));
        expect(total).toBeLessThan(n * strength);
        expect(total).toBeCloseTo(Math.min(2, 1 + 0.3 * (n - 1)) * strength, 9);
      }),
    );
  });

  it('P9 many authors make at most twice the strongest', () => {
    const alike = fc.array(fc.double({ min: 0.5, max: 1, noNaN: true }), { maxLength: 30, size: 'max' });
    fc.assert(
      fc.property(fc.oneof(group, alike.map(independent)), (marks) => {
        const strongest = Math.max(0, ...marks.map((m) => m.strength));
        expect(reinforcedStrength(marks)).toBeLessThanOrEqual(2 * strongest);
        expect(reinforcedStrength(marks)).toBeGreaterThanOrEqual(strongest);
      }),
    );
  });

  it('P10 another mark never lowers the total', () => {
    fc.assert(
      fc.property(group, agent, share, (marks, author, strength) => {
        const before = reinforcedStrength(marks);
        expect(reinforcedStrength([...marks, { author, strength }])).toBeGreaterThanOrEqual(before - 1e-12);
      }),
    );
  });

  it("Q3 one author's many marks reinforce as its strongest alone", () => {
    fc.assert(
      fc.property(group, agent, fc.array(share, { minLength: 1 }), (others, author, strengths) => {
        const rest = others.filter((mark) => mark.author !== author);
        const many = strengths.map((strength) => ({ author, strength }));
        const one = { author, strength: Math.max(...strengths) };
        expect(reinforcedStrength([...rest, ...many])).toBeCloseTo(reinforcedStrength([...rest, one]), 9);
      }),
    );
  });

  holds('Q3 equal observations support each other by author, unequal ones not', (open) =>
    fc.asyncProperty(
      draftOf(['observation'], fc.constant('x')),
      draftOf(['observation'], fc.constant('x')),
      fc.array(agent, { minLength: 1, maxLength: 8 }),
      async (draft, other, authors) => {
        await using world = openWorld(await open());
        const fleet = { ...draft, fields: { ...draft.fields, source: 'fleet' } };
        for (const author of authors) await world.as(author).write(fleet);
        const meaning = ({ topic, fields }: Draft) => canonicalJson([topic, fields.content]);
        if (meaning(draft) !== meaning(other)) await world.as('boss').write(other);
        const n = new Set(authors).size;
        const views = await world.as('p').query({ scope: 'x' });
        const alike = views.filter((view) => view.mark.author !== 'boss');
        expect(alike.map((view) => view.support)).toEqual(
          authors.map(() => ({ authors: n, strength: strengthsOf(Math.min(2, 1 + 0.3 * (n - 1))) })),
        );
      },
    ),
  );
});

describe('warnings', () => {
  it('P34 never push a mark below 0', () => {
    fc.assert(
      fc.property(share, fc.array(share), (own, warnings) => {
        const left = effectiveStrength(own, warnings);
        expect(left).toBeGreaterThanOrEqual(0);
        expect(left).toBeLessThanOrEqual(own);
        expect(left).toBeCloseTo(Math.max(0, own - warnings.reduce((a, b) => a + b, 0)), 9);
      }),
    );
  });

  const assess = (strength: number) => () => ({ strength, confidence: 0 });
  const warningOn = (id: string, scope = 'x') => ({
    kind: 'warning' as const,
    scope,
    topic: 't1',
    fields: { invalidates: id, reason: 'wrong', severity: 'high' },
  });

  holds('P34 many warnings bring a mark to 0, which is then not read', (open) =>
    fc.asyncProperty(share, fc.subarray(['p', 'q', 'r', 'boss'], { minLength: 1 }), async (strength, authors) => {
      await using world = openWorld(await open(), { assess: assess(strength) });
      const draft = { kind: 'observation' as const, scope: 'x', topic: 't1', fields: { content: 1, source: 'fleet' } };
      const { id } = await world.as('p').write(draft);
      for (const author of authors) await world.as(author).write(warningOn(id));
      const [view] = world.space.inspect({ scope: 'x', kinds: ['observation'], minStrength: 0 });
      expect(view!.strength).toBe(0);
      expect(await world.as('q').query({ scope: 'x', kinds: ['observation'] })).toEqual([]);
    }),
  );

  holds('P35 when a warning decays, its target recovers', (open) =>
    fc.asyncProperty(share, fc.array(durationMs, { maxLength: 6 }), async (strength, waits) => {
      await using world = openWorld(await open(), { assess: assess(strength) });
      const acted = await world.as('p').act({ scope: 'x', resource: 'disk', action: 'use', tool: () => 1 });
      if (acted.status !== 'done') throw new Error('nobody else was there');
      await world.as('q').write(warningOn(acted.action.id));
      const now = () => world.space.inspect({ scope: 'x', kinds: ['action'], minStrength: 0 })[0]!.strength;
      let before = now();
      expect(before).toBe(0);
      for (const ms of waits) {
        world.clock.increment(ms);
        expect(now()).toBeGreaterThanOrEqual(before);
        before = now();
      }
      world.clock.increment(50 * defaultTimes.warningHalfLifeMs);
      expect(now()).toBeCloseTo(strength, 12);
    }),
  );

  holds("Q4 warnings decay by their own scope's half-life, not the target's", (open) =>
    fc.asyncProperty(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }), durationMs, async (x, w, ms) => {
      const scopes = [
        { path: 'x', warningHalfLifeMs: x * 60_000 },
        { path: 'w', warningHalfLifeMs: w * 60_000 },
      ];
      await using world = openWorld(await open(), { scopes });
      const acted = await world.as('p').act({ scope: 'x', resource: 'disk', action: 'use', tool: () => 1 });
      if (acted.status !== 'done') throw new Error('nobody else was there');
      await world.as('q').write(warningOn(acted.action.id, 'w'));
      world.clock.increment(ms);
      const [view] = world.space.inspect({ scope: 'x', kinds: ['action'], minStrength: 0 });
      expect(view!.strength).toBeCloseTo(1 - 2 ** (-ms / (w * 60_000)), 9);
    }),
  );

  holds('a warning weighs on nothing where its author may not warn, wherever it lies', (open) =>
    fc.asyncProperty(agent, async (author) => {
      const grants = [{ scope: 'w', read: true, write: ['warning', 'observation'] as const }];
      const members = ['p', 'q', 'r'].map((id) => ({ id, grants }));
      await using world = openWorld(await open(), { members, scopes: openScopes });
      const draft = { kind: 'observation' as const, scope: 'x', topic: 't1', fields: { content: 1, source: 'fleet' } };
      const { id } = await world.as('boss').write(draft);
      await expect(world.as(author).write(warningOn(id, 'w'))).rejects.toMatchObject({
        details: { check: 'target', rule: 'not-yours' },
      });
      // Not even when it got into the store some other way.
      const forged = { ...warningOn(id, 'w').fields, kind: 'warning', topic: 't1', scope: 'w', author, id: 'forged' };
      const rest = { createdAtMs: 0, supersedes: null, payload: null, strength: 1, flags: [] };
      await world.store.append({ ...forged, ...rest } as never);
      expect(world.space.inspect({ scope: 'x' })).toMatchObject([{ strength: 1, warnings: [] }]);
    }),
  );

  holds('one author warning again and again weighs as its heaviest warning', (open) =>
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), async (n) => {
      await using world = openWorld(await open(), {
        assess: (_, draft) => ({ strength: draft.kind === 'warning' ? 0.1 : 1, confidence: 0 }),
      });
      const draft = { kind: 'observation' as const, scope: 'x', topic: 't1', fields: { content: 1, source: 'fleet' } };
      const { id } = await world.as('p').write(draft);
      for (let i = 0; i < n; i += 1) await world.as('q').write(warningOn(id));
      expect(world.space.inspect({ scope: 'x', kinds: ['observation'] })).toMatchObject([{ strength: 0.9 }]);
    }),
  );
});
