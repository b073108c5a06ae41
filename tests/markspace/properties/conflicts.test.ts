import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Contender,
  isLive,
  lastBoundary,
  nextBoundaryMs,
  winnerAt,
  winnerOf,
} from '../../../markspace/acting/conflicts.ts';
import { type ConflictPolicy, conflictPolicies } from '../../../markspace/scopes/definition.ts';
import { deepFreeze } from '../../../markspace/stores/seal.ts';
import { agent, durationMs, share } from './arbitraries.ts';
import { holds, openWorld } from './world.ts';

const policy = fc.constantFrom(...conflictPolicies);
const ttlMs = 50;
const deferred = { everyMs: 20, maxPending: 3 };

/** Intents on one resource as a ledger keeps them: oldest first, some superseded later. */
const history: fc.Arbitrary<readonly Contender[]> = fc
  .array(
    fc.record({
      author: fc.constantFrom('p', 'q', 'r', 's', 'boss'),
      afterMs: fc.nat({ max: 12 }),
      confidence: share,
      endedAfterMs: fc.option(fc.nat({ max: 60 })),
      isEndedLast: fc.boolean(),
    }),
    { maxLength: 14 },
  )
  .map((given) => {
    let nowMs = 0;
    return given.map(({ author, afterMs, confidence, endedAfterMs, isEndedLast }, i) => {
      nowMs += afterMs;
      const made = { atMs: nowMs, order: 2 * i };
      // Before or after all other intents of that millisecond.
      const order = isEndedLast ? 1_000 + i : 2 * i + 1;
      const ended = endedAfterMs === null ? null : { atMs: nowMs + endedAfterMs, order };
      return { id: `i${i}`, author, confidence, made, ended, isPrincipal: author === 'boss' };
    });
  });

/** Who would win, spelled out a second time. */
function judge(name: ConflictPolicy, intents: readonly Contender[]): Contender | null {
  if (intents.length === 0) return null;
  if (name === 'first-writer') return intents[0]!;
  if (name === 'highest-confidence') {
    const most = Math.max(...intents.map((intent) => intent.confidence));
    return intents.find((intent) => intent.confidence === most)!;
  }
  const principal = intents.filter((intent) => intent.isPrincipal)[0];
  if (principal !== undefined) return principal;
  return new Set(intents.map((intent) => intent.author)).size === 1 ? intents[0]! : null;
}

describe('resolution', () => {
  it('P11 is a pure function of the intents', () => {
    fc.assert(
      fc.property(policy, history, (name, intents) => {
        const frozen = deepFreeze(structuredClone(intents));
        const winner = winnerOf(name, frozen);
        expect(winner).toEqual(judge(name, intents));
        expect(winnerOf(name, structuredClone(intents))).toEqual(winner);
        // Ids decide nothing.
        const renamed = intents.map((intent, i) => ({ ...intent, id: `${intents.length - i}` }));
        expect(winnerOf(name, renamed)?.made).toEqual(winner?.made);
        expect(winnerOf(name, renamed)?.author).toBe(winner?.author);
      }),
    );
  });

  it('P12 lets somebody proceed, under yield-all once a principal speaks', () => {
    fc.assert(
      fc.property(
        policy,
        history.filter((intents) => intents.length > 0),
        (name, intents) => {
          const spoken = { ...intents.at(-1)!, id: 'spoken', author: 'boss', isPrincipal: true };
          const candidates = name === 'yield-all' ? [...intents, spoken] : intents;
          expect(candidates).toContain(winnerOf(name, candidates));
        },
      ),
    );
  });

  holds('P12 nobody who wants a resource waits for ever', (open) =>
    fc.asyncProperty(policy, fc.array(agent, { minLength: 1, maxLength: 4 }), async (conflicts, wanting) => {
      await using world = openWorld(await open(), { scopes: [{ path: 'x', conflicts }, { path: 'w' }] });
      const intent = { kind: 'intent' as const, scope: 'x', topic: null, fields: { resource: 'disk', action: 'use' } };
      for (const id of new Set(wanting)) await world.as(id).write(intent);
      const request = { scope: 'x', resource: 'disk', action: 'use', tool: () => 1 };
      const tries = await Promise.allSettled([...new Set(wanting)].map((id) => world.as(id).act(request)));
      const done = tries.filter((t) => t.status === 'fulfilled').length;
      const allYield = conflicts === 'yield-all' && new Set(wanting).size > 1;
      expect(done).toBe(allYield ? 0 : 1);
      if (allYield) expect(await world.as('boss').act(request)).toMatchObject({ status: 'done' });
    }),
  );

  holds('P13 whoever yielded to an intent that expired may try again, without memory of it', (open) =>
    fc.asyncProperty(policy, fc.integer({ min: 1, max: 5 }), share, async (conflicts, tries, confidence) => {
      const assess = (id: string) => ({ strength: 1, confidence: id === 'p' ? 1 : confidence / 2 });
      const scopes = [{ path: 'x', conflicts, intentTtlMs: 1_000 }, { path: 'w' }];
      await using world = openWorld(await open(), { scopes, assess });
      const intent = { kind: 'intent' as const, scope: 'x', topic: null, fields: { resource: 'disk', action: 'use' } };
      await world.as('p').write(intent);
      const request = { scope: 'x', resource: 'disk', action: 'use', tool: () => 1 };
      for (let i = 0; i < tries; i += 1) {
        await expect(world.as('q').act(request)).rejects.toMatchObject({ details: { check: 'resolution' } });
        world.clock.increment(999 / tries);
      }
      world.clock.increment(1);
      expect(await world.as('q').act(request)).toMatchObject({ status: 'done' });
    }),
  );

  holds('P39 a finished action beats a new intent, whatever the policy and the confidence', (open) =>
    fc.asyncProperty(policy, share, durationMs, fc.boolean(), async (conflicts, confidence, ms, announces) => {
      const assess = (id: string) => ({ strength: 1, confidence: id === 'p' ? 0 : confidence });
      await using world = openWorld(await open(), { scopes: [{ path: 'x', conflicts }, { path: 'w' }], assess });
      const request = (tool: () => unknown) => ({ scope: 'x', resource: 'disk', action: 'use', tool });
      const first = await world.as('p').act(request(() => 1));
      if (first.status !== 'done') throw new Error('nobody else was there');
      world.clock.increment(ms);
      const intent = { kind: 'intent' as const, scope: 'x', topic: null, fields: { resource: 'disk', action: 'use' } };
      if (announces) await world.as('q').write(intent);
      let calls = 0;
      const again = request(() => (calls += 1));
      for (const id of ['q', 'boss']) {
        await expect(world.as(id).act(again)).rejects.toMatchObject({
          details: { check: 'conflict', rule: 'finished', winner: first.action.id },
        });
      }
      expect(calls).toBe(0);
      // It stands until somebody who may takes it back; a tool that threw has finished nothing.
      await world.as('p').withdraw(first.action.id, 'undone');
      const failing = request(() => {
        throw new Error('broken');
      });
      expect(await world.as('q').act(failing)).toMatchObject({ status: 'done', action: { failed: true } });
      expect(await world.as('r').act(again)).toMatchObject({ status: 'done' });
    }),
  );
});

describe('deferred resolution', () => {
  const times = (intents: readonly Contender[]) => [...new Set(intents.map((intent) => intent.made.atMs))];

  /** Boundaries up to `nowMs`, found by walking through time; each with the intents that were there and still stood. */
  function* walk(intents: readonly Contender[], nowMs: number) {
    const standing = (there: readonly Contender[], atMs: number, order: number) =>
      there.filter(({ made, ended }) => {
        const isOver = ended !== null && (ended.atMs < atMs || (ended.atMs === atMs && ended.order <= order));
        return atMs - made.atMs < ttlMs && !isOver;
      });
    let waiting = new Set<string>();
    let i = 0;
    for (let ms = 0; ms <= nowMs; ms += 1) {
      if (ms % deferred.everyMs === 0) {
        waiting = new Set();
        yield { ms, standing: standing(intents.slice(0, i), ms, -1) };
      }
      for (; i < intents.length && intents[i]!.made.atMs === ms; i += 1) {
        waiting.add(intents[i]!.author);
        if (waiting.size < deferred.maxPending) continue;
        waiting = new Set();
        yield { ms, standing: standing(intents.slice(0, i + 1), ms, intents[i]!.made.order) };
      }
    }
  }

  it('P14, P18 considers every intent that is live at the boundary', () => {
    fc.assert(
      fc.property(history, fc.nat({ max: 200 }), (intents, laterMs) => {
        const made = intents.filter((intent) => intent.made.atMs <= laterMs);
        const last = [...walk(made, laterMs)].at(-1)!;
        const boundary = lastBoundary(deferred, made, laterMs);
        expect(boundary.atMs).toBe(last.ms);
        expect(made.filter((intent) => isLive(intent, boundary, ttlMs))).toEqual(last.standing);
      }),
      { numRuns: 300 },
    );
  });

  it('P15 its winner is who would win if all were judged at once', () => {
    fc.assert(
      fc.property(policy, history, fc.nat({ max: 200 }), (name, intents, laterMs) => {
        const made = intents.filter((intent) => intent.made.atMs <= laterMs);
        const last = [...walk(made, laterMs)].at(-1)!;
        const winner = winnerAt(lastBoundary(deferred, made, laterMs), name, made, ttlMs);
        expect(winner).toEqual(judge(name, last.standing));
      }),
      { numRuns: 300 },
    );
  });

  it('P16 a boundary comes before intents pile up, and before any of them dies of age', () => {
    fc.assert(
      fc.property(history, (intents) => {
        for (const nowMs of times(intents)) {
          const made = intents.filter((intent) => intent.made.atMs <= nowMs);
          const boundary = lastBoundary(deferred, made, nowMs);
          const unjudged = made.filter((intent) => !isLive({ ...intent, ended: null }, boundary, Number.MAX_VALUE));
          expect(new Set(unjudged.map((intent) => intent.author)).size).toBeLessThan(deferred.maxPending);
          const next = { atMs: nextBoundaryMs(deferred, nowMs), order: -1 };
          for (const intent of unjudged) expect(isLive({ ...intent, ended: null }, next, ttlMs)).toBe(true);
        }
      }),
    );
  });

  const ask = (tool: () => unknown) => ({ scope: 'x', resource: 'disk', action: 'use', tool });
  const round = fc.array(
    fc.record({ id: fc.constantFrom('p', 'q', 'r', 'boss'), waitMs: fc.constantFrom(0, 0, 3, 5, 10, 20) }),
    {
      minLength: 6,
      maxLength: 24,
    },
  );

  holds('P17 at most one agent wins a resource at a boundary', (open) =>
    fc.asyncProperty(policy, round, async (conflicts, asked) => {
      const scopes = [
        { path: 'x', conflicts, intentTtlMs: 50, deferred: { everyMs: 20, maxPending: 99 } },
        { path: 'w' },
      ];
      await using world = openWorld(await open(), { scopes });
      const winners = new Map<number, Set<string>>();
      for (const { id, waitMs } of asked) {
        world.clock.increment(waitMs);
        // The tool breaks, so that what was done does not settle the matter for good.
        const broken = () => {
          const period = Math.floor(world.clock.now() / 20);
          winners.set(period, (winners.get(period) ?? new Set()).add(id));
          throw new Error('broken');
        };
        await world
          .as(id)
          .act(ask(broken))
          .catch(() => {});
      }
      expect([...winners.values()].filter((ids) => ids.size > 1)).toEqual([]);
    }),
  );

  holds('P14 nobody acts before a boundary has judged the intent, and then exactly the winner does', (open) =>
    fc.asyncProperty(fc.subarray(['p', 'q', 'boss'], { minLength: 1 }), policy, async (asking, conflicts) => {
      const scopes = [
        { path: 'x', conflicts, intentTtlMs: 50, deferred: { everyMs: 20, maxPending: 9 } },
        { path: 'w' },
      ];
      const confidences: Record<string, number> = { p: 0.1, q: 0.9, boss: 0.5 };
      const assess = (id: string) => ({ strength: 1, confidence: confidences[id] ?? 0 });
      await using world = openWorld(await open(), { scopes, assess });
      const done: string[] = [];
      const all = () => Promise.allSettled(asking.map((id) => world.as(id).act(ask(() => done.push(id)))));
      for (let i = 0; i < 3; i += 1) {
        expect((await all()).every((t) => t.status === 'fulfilled' && t.value.status === 'waiting')).toBe(true);
        world.clock.increment(6);
      }
      expect(done).toEqual([]);
      expect(world.marks()).toHaveLength(asking.length);
      world.clock.increment(2);
      await all();
      const first = asking[0]!;
      const surest = asking.toSorted((a, b) => confidences[b]! - confidences[a]!)[0]!;
      const alone = asking.length === 1 ? first : asking.includes('boss') ? 'boss' : null;
      const winner = { 'first-writer': first, 'highest-confidence': surest, 'yield-all': alone }[conflicts];
      expect(done).toEqual(winner === null ? [] : [winner]);
    }),
  );
});
