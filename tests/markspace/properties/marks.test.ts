import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Draft } from '../../../markspace/check.ts';
import { type Mark, markSchema } from '../../../markspace/mark.ts';
import { SimulatedClock } from '../../../src/core/clock.ts';
import { agent, agents, badDraft, draftOf, durationMs, scopePath, scopePaths, timeline } from './arbitraries.ts';
import { holds, openWorld, play, type World } from './world.ts';

const anybody = [...agents, 'boss'];
const everything = (world: World) =>
  scopePaths.map((scope) => world.space.inspect({ scope, superseded: true, minStrength: 0 }));

describe('reading and writing', () => {
  holds('P27 what was written is seen by every later authorised read', (open) =>
    fc.asyncProperty(fc.array(fc.record({ id: agent, draft: draftOf() }), { maxLength: 10 }), async (writes) => {
      await using world = openWorld(await open());
      for (const { id, draft } of writes) {
        const mark = await world
          .as(id)
          .write(draft)
          .catch((error: { code: string }) => {
            // A second intent on one resource.
            if (error.code !== 'MARKSPACE_DENIED') throw error;
            return null;
          });
        if (mark === null) continue;
        for (const reader of anybody) {
          const views = await world.as(reader).query({ scope: mark.scope, minStrength: 0, superseded: true });
          expect(views.map((view) => view.mark)).toContainEqual(mark);
        }
        expect(mark).toMatchObject({ kind: draft.kind, scope: draft.scope, author: id, ...draft.fields });
      }
    }),
  );

  holds('P28 reading changes nothing', (open) =>
    fc.asyncProperty(
      timeline,
      fc.array(fc.record({ id: agent, scope: scopePath, below: fc.boolean() })),
      async (steps, reads) => {
        await using world = openWorld(await open());
        await play(world, steps);
        const before = structuredClone([
          world.marks(),
          everything(world),
          world.space.openNeeds(),
          world.journal.facts,
        ]);
        for (const { id, ...query } of reads) await world.as(id).query(query);
        expect([world.marks(), everything(world), world.space.openNeeds(), world.journal.facts]).toEqual(before);
      },
    ),
  );

  holds('P29 a resolved need is 0 at the next read, for everybody', (open) =>
    fc.asyncProperty(draftOf(['need']), agent, agent, async (draft, asking, reader) => {
      await using world = openWorld(await open());
      const need = await world.as(asking).write(draft);
      expect(world.space.openNeeds()).toEqual([need]);
      const query = { scope: draft.scope, kinds: ['need'], superseded: true, minStrength: 0 } as const;
      expect(await world.as(reader).query(query)).toMatchObject([{ strength: 1 }]);
      await expect(world.as(asking).resolve(need.id, 'me')).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
      const answer = await world.as('boss').resolve(need.id, { yes: true });
      expect(await world.as(reader).query(query)).toMatchObject([{ strength: 0, supersededBy: answer.id }]);
      expect(await world.as(reader).query({ scope: draft.scope, kinds: ['need'] })).toEqual([]);
      expect(world.space.openNeeds()).toEqual([]);
      await expect(world.as('boss').resolve(need.id, 'again')).rejects.toMatchObject({
        details: { rule: 'superseded' },
      });
    }),
  );

  holds('P30 marks are frozen all the way down; every change is a new mark', (open) =>
    fc.asyncProperty(timeline, async (steps) => {
      await using world = openWorld(await open());
      const copies: Mark[] = [];
      for (const step of steps) {
        await play(world, [step]);
        const marks = world.marks();
        expect(marks.slice(0, copies.length)).toEqual(copies);
        for (const mark of marks.slice(copies.length)) copies.push(structuredClone(mark));
        for (const mark of marks) expect(isFrozen(mark)).toBe(true);
      }
    }),
  );

  holds('P31 ids are unique, also across concurrent writes and guards opened anew', (open) =>
    fc.asyncProperty(fc.array(draftOf(), { maxLength: 12 }), async (drafts) => {
      const store = await open();
      await using first = openWorld(store);
      const both = [first, openWorld(store)];
      const written = await Promise.allSettled(
        drafts.flatMap((draft) => both.flatMap((world) => anybody.map((id) => world.as(id).write(draft)))),
      );
      const ids = written.flatMap((w) => (w.status === 'fulfilled' ? [w.value.id] : []));
      expect(new Set(ids).size).toBe(ids.length);
      expect(store.size).toBe(ids.length);
    }),
  );

  holds('P32 (time, id) orders all marks, and time never runs backwards', (open) =>
    fc.asyncProperty(
      fc.array(fc.record({ id: agent, draft: draftOf(['observation']), ms: fc.integer({ min: -500, max: 500 }) })),
      async (writes) => {
        const clock = new SimulatedClock(1_000);
        await using world = openWorld(await open(), { clock });
        for (const { id, draft, ms } of writes) {
          clock.increment(ms);
          await world.as(id).write(draft);
        }
        const marks = world.marks();
        expect(new Set(marks.map((mark) => `${mark.createdAtMs}/${mark.id}`)).size).toBe(writes.length);
        marks.slice(1).forEach((mark, i) => {
          expect(mark.createdAtMs).toBeGreaterThanOrEqual(marks[i]!.createdAtMs);
          expect(mark.order).toBeGreaterThan(marks[i]!.order);
        });
      },
    ),
  );

  holds('Q5 order is causal across scopes: what was acknowledged before comes before', (open) =>
    fc.asyncProperty(
      fc.array(fc.record({ draft: draftOf(['observation']), id: agent, together: fc.boolean() }), { maxLength: 16 }),
      async (writes) => {
        await using world = openWorld(await open());
        const started: { writing: Promise<Mark>; after: readonly Mark[] }[] = [];
        let acknowledged: Mark[] = [];
        for (const { draft, id, together } of writes) {
          if (!together) acknowledged = await Promise.all(started.map(({ writing }) => writing));
          started.push({ writing: world.as(id).write(draft), after: acknowledged });
        }
        for (const { writing, after } of started) {
          const mark = await writing;
          for (const cause of after) {
            expect(mark.order).toBeGreaterThan(cause.order);
            expect(mark.createdAtMs).toBeGreaterThanOrEqual(cause.createdAtMs);
          }
        }
      },
    ),
  );
});

describe('superseding', () => {
  const observation = (content: number, supersedes: string | null): Draft => ({
    ...{ kind: 'observation', scope: 'x', topic: 't1' },
    fields: { content, source: 'fleet', supersedes },
  });

  holds('P47 is transitive: only the end of a chain is shown, and stands in for all before it', (open) =>
    fc.asyncProperty(fc.integer({ min: 1, max: 8 }), durationMs, async (length, ms) => {
      await using world = openWorld(await open());
      const chain: Mark[] = [];
      for (let i = 0; i < length; i += 1) {
        chain.push(await world.as('p').write(observation(i, chain.at(-1)?.id ?? null)));
      }
      const last = chain.at(-1)!;
      expect((await world.as('q').query({ scope: 'x' })).map((view) => view.mark)).toEqual([last]);
      // Also when the end has faded: nothing that was replaced comes back.
      world.clock.increment(ms);
      const views = await world.as('q').query({ scope: 'x', superseded: true, minStrength: 0 });
      const ends = chain.map((mark) => (mark === last ? null : last.id));
      expect(views.map((view) => view.supersededBy)).toEqual(ends);
      expect(world.space.inspect({ scope: 'x', minStrength: 0 })).toHaveLength(1);
    }),
  );

  holds('Q1 needs authorship or authority over the scope of what is superseded', (open) =>
    fc.asyncProperty(timeline, async (steps) => {
      await using world = openWorld(await open());
      await play(world, steps);
      for (const mark of world.marks()) {
        if (mark.supersedes === null) continue;
        const target = world.marks().find(({ id }) => id === mark.supersedes)!;
        expect(mark.author === target.author || mark.author === 'boss').toBe(true);
        expect(mark.scope).toBe(target.scope);
      }
    }),
  );

  holds('Q1 naming a foreign mark erases nothing, and its author and an authority can replace it', (open) =>
    fc.asyncProperty(draftOf(), agent, agent, async (draft, author, other) => {
      await using world = openWorld(await open());
      const mark = await world.as(author).write(draft);
      const successor = { ...draft, fields: { ...draft.fields, supersedes: mark.id } };
      if (other !== author) {
        await expect(world.as(other).write(successor)).rejects.toMatchObject({
          details: { check: 'target', rule: 'not-yours' },
        });
        // Not even when it got into the store some other way.
        await world.store.append({ ...mark, id: 'forged', author: other, supersedes: mark.id } as never);
        const query = { scope: draft.scope, superseded: true, minStrength: 0 };
        expect(world.space.inspect(query)[0]).toMatchObject({ mark: { id: mark.id }, supersededBy: null });
      }
      const next = await world.as(author).write(successor);
      const last = await world.as('boss').write({ ...draft, fields: { ...draft.fields, supersedes: next.id } });
      expect(world.space.inspect({ scope: draft.scope, superseded: true })[0]!.supersededBy).toBe(last.id);
    }),
  );

  holds('Q1 authority reaches as far as its scope', (open) =>
    fc.asyncProperty(scopePath, scopePath, async (scope, over) => {
      const read = { read: true, write: ['need' as const, 'observation' as const], source: 'fleet' as const };
      const grants = [
        { scope: 'x', ...read },
        { scope: 'w', ...read },
      ];
      const judge = { id: 'q', grants, authorities: [{ scope: over, powers: ['supersede', 'resolve'] as const }] };
      await using world = openWorld(await open(), { members: [{ id: 'p', grants }, judge] });
      const isOver = `${scope}/`.startsWith(`${over}/`);
      const fields = { question: '?', context: null, priority: 0, blocking: true };
      const need = await world.as('p').write({ kind: 'need', scope, topic: null, fields });
      const seen = await world.as('p').write({ ...observation(1, null), scope });
      const tries = await Promise.allSettled([
        world.as('q').resolve(need.id, 'so'),
        world.as('q').write({ ...observation(2, seen.id), scope }),
      ]);
      expect(tries.map((t) => t.status)).toEqual(isOver ? ['fulfilled', 'fulfilled'] : ['rejected', 'rejected']);
    }),
  );

  holds('a blocking need cannot be made harmless by who asked', (open) =>
    fc.asyncProperty(fc.boolean(), fc.boolean(), async (blocking, later) => {
      await using world = openWorld(await open());
      const fields = { question: '?', context: null, priority: 0, blocking };
      const need = await world.as('p').write({ kind: 'need', scope: 'x', topic: null, fields });
      const replacing = world
        .as('p')
        .write({ kind: 'need', scope: 'x', topic: null, fields: { ...fields, blocking: later, supersedes: need.id } });
      if (blocking && !later) await expect(replacing).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
      else expect(await replacing).toMatchObject({ blocking: later });
      expect(world.space.openNeeds().some((open) => open.blocking)).toBe(blocking || later);
    }),
  );
});

describe('what the runtime sets', () => {
  holds('Q2 strength and confidence are bounded and set by the runtime, never by the author', (open) =>
    fc.asyncProperty(badDraft, draftOf(), agent, fc.double(), fc.double(), async (bad, draft, id, s, c) => {
      const isMeant = s >= 0 && s <= 1 && c >= 0 && c <= 1;
      await using world = openWorld(await open(), { assess: () => ({ strength: s, confidence: c }) });
      const own = ['strength', 'confidence', 'score', 'author', 'id', 'createdAtMs', 'order', 'flags', 'payload'];
      for (const name of own) {
        const bold = { ...draft, fields: { ...draft.fields, [name]: 1 } };
        await expect(world.as(id).write(bold)).rejects.toMatchObject({ details: { check: 'kind' } });
      }
      await expect(world.as(id).write(bad as Draft)).rejects.toMatchObject({ details: { check: 'kind' } });
      const written = await world
        .as(id)
        .write(draft)
        .catch((error: { details: unknown }) => error.details);
      if (!isMeant) expect(written).toMatchObject({ check: 'assessment' });
      else if ('confidence' in (written as Mark)) expect(written).toMatchObject({ strength: s + 0, confidence: c + 0 });
      else expect(written).toMatchObject({ strength: s + 0, author: id });
      expect(world.store.size).toBe(isMeant ? 1 : 0);
    }),
  );

  it('Q2 no mark outside the bounds can be read back', () => {
    const mark = {
      ...{ kind: 'intent', id: 'i', scope: 'x', author: 'p', createdAtMs: 0, order: 0, supersedes: null },
    };
    const whole = { ...mark, payload: null, strength: 1, flags: [], resource: 'disk', action: 'use', confidence: 1 };
    expect(markSchema.safeParse(whole).success).toBe(true);
    fc.assert(
      fc.property(fc.constantFrom('strength', 'confidence'), fc.double(), (name, value) => {
        const isMeant = value >= 0 && value <= 1;
        expect(markSchema.safeParse({ ...whole, [name]: value }).success).toBe(isMeant);
      }),
    );
  });
});

function isFrozen(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return true;
  return Object.isFrozen(value) && Object.values(value).every(isFrozen);
}
