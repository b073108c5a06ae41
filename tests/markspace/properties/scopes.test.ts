import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Draft, markKinds } from '../../../markspace/check.ts';
import { type Mark, type Source, sources } from '../../../markspace/mark.ts';
import type { Member } from '../../../markspace/scopes/access.ts';
import { createAccess } from '../../../markspace/scopes/access.ts';
import { type ScopeDefinition, visibilities } from '../../../markspace/scopes/definition.ts';
import { agent, agents, draftOf, members, scopeDefinitions, scopePath, scopePaths } from './arbitraries.ts';
import { holds, openWorld, type World } from './world.ts';

const isAbove = (outer: string, inner: string) => `${inner}/`.startsWith(`${outer}/`);
const grantsOver = (given: readonly Member[], id: string, scope: string) =>
  given.filter((m) => m.id === id).flatMap((m) => m.grants.filter((grant) => isAbove(grant.scope, scope)));

/** What an agent must see of a scope, spelled out a second time: the closest definition decides, grants pass down. */
function expectedSight(definitions: readonly ScopeDefinition[], given: readonly Member[], id: string, scope: string) {
  const over = definitions.filter((d) => isAbove(d.path, scope)).sort((a, b) => b.path.length - a.path.length);
  const closest = over[0];
  if (closest === undefined) return 'nothing';
  const mayRead = grantsOver(given, id, scope).some((grant) => grant.read === true);
  if (closest.visibility === 'open' || mayRead) return 'content';
  return closest.visibility === 'protected' ? 'metadata' : 'nothing';
}

/** One mark of each kind that the scope takes, by somebody who may do anything. */
async function fill(world: World, definitions: readonly ScopeDefinition[]): Promise<void> {
  for (const scope of scopePaths) {
    const closest = definitions.filter((d) => isAbove(d.path, scope)).sort((a, b) => b.path.length - a.path.length)[0];
    if (closest === undefined) continue;
    const drafts: Draft[] = [
      { kind: 'observation', scope, topic: 't1', fields: { content: { secret: scope }, source: 'fleet' } },
      { kind: 'warning', scope, topic: 't1', fields: { invalidates: null, reason: 'secret', severity: 'low' } },
      {
        kind: 'need',
        scope,
        topic: null,
        fields: { question: 'secret', context: 'secret', priority: 0.5, blocking: true },
      },
      { kind: 'intent', scope, topic: null, fields: { resource: 'disk', action: 'use' } },
    ];
    for (const draft of drafts) {
      await world
        .as('boss')
        .write(draft)
        .catch(() => {});
    }
    const request = { scope, resource: 'net', action: 'use', tool: () => 'secret' };
    await world
      .as('boss')
      .act(request)
      .catch(() => {});
  }
}

/** Definitions that take every mark, so that there is something to see. */
const takingAll = scopeDefinitions.map((definitions) =>
  definitions.map(({ path, visibility }) => ({ path, visibility: visibility ?? 'open' })),
);

describe('authorisation', () => {
  holds('P19 without authorisation there is no write, with it there is', (open) =>
    fc.asyncProperty(scopeDefinitions, members, agent, draftOf(), async (definitions, given, id, draft) => {
      await using world = openWorld(await open(), { scopes: definitions, members: given });
      const { kind, scope, topic, fields } = draft;
      const closest = definitions
        .filter((d) => isAbove(d.path, scope))
        .sort((a, b) => b.path.length - a.path.length)[0];
      const inherited = <K extends 'verbs' | 'topics'>(key: K) =>
        definitions
          .filter((d) => isAbove(d.path, scope) && d[key] !== undefined)
          .sort((a, b) => b.path.length - a.path.length)[0]?.[key];
      const grants = grantsOver(given, id, scope);
      const claim = Math.min(2, ...grants.map((grant) => sources.indexOf(grant.source ?? 'unverified')));
      const isAllowed =
        closest !== undefined &&
        grants.some((grant) => grant.write?.includes(kind)) &&
        (inherited('verbs') ?? markKinds).includes(kind) &&
        (topic === null || (inherited('topics') ?? [topic]).includes(topic)) &&
        (kind !== 'observation' || sources.indexOf(fields.source as Source) >= claim);
      const written = await world
        .as(id)
        .write(draft)
        .catch((error: { code: string }) => error.code);
      expect(written).toEqual(isAllowed ? expect.objectContaining({ kind, scope, author: id }) : 'MARKSPACE_DENIED');
      expect(world.store.size).toBe(isAllowed ? 1 : 0);
    }),
  );

  holds('P19 nobody speaks with more trust than it was given', (open) =>
    fc.asyncProperty(draftOf(['observation'], fc.constant('x')), async (draft) => {
      for (const given of sources) {
        const grants = [{ scope: 'x', write: ['observation' as const], source: given }];
        await using world = openWorld(await open(), { members: [{ id: 'p', grants }] });
        for (const claimed of sources) {
          const writing = world.as('p').write({ ...draft, fields: { ...draft.fields, source: claimed } });
          const isMore = sources.indexOf(claimed) < sources.indexOf(given);
          if (isMore) await expect(writing).rejects.toMatchObject({ details: { check: 'source' } });
          else expect(await writing).toMatchObject({ source: claimed });
        }
      }
    }),
  );

  holds('P19 nobody acts without authorisation', (open) =>
    fc.asyncProperty(takingAll, members, agent, scopePath, async (definitions, given, id, scope) => {
      await using world = openWorld(await open(), { scopes: definitions, members: given });
      let calls = 0;
      const request = { scope, resource: 'disk', action: 'use', tool: () => (calls += 1) };
      const acted = await world
        .as(id)
        .act(request)
        .catch((error: { code: string }) => error.code);
      const isDefined = definitions.some((d) => isAbove(d.path, scope));
      const isAllowed = isDefined && grantsOver(given, id, scope).some((grant) => grant.write?.includes('action'));
      expect(calls).toBe(isAllowed ? 1 : 0);
      expect(acted).toEqual(isAllowed ? expect.objectContaining({ status: 'done' }) : 'MARKSPACE_DENIED');
    }),
  );

  it('P23, P26 authorisation and visibility pass down the hierarchy', () => {
    fc.assert(
      fc.property(scopeDefinitions, members, agent, scopePath, (definitions, given, id, scope) => {
        const access = createAccess(definitions, given);
        const inside = `${scope}/deeper/still`;
        const order = ['content', 'metadata', 'nothing'];
        const [outer, inner] = [access.sightOf(id, scope), access.sightOf(id, inside)];
        expect(inner).toBe(outer);
        for (const kind of markKinds) {
          expect(access.mayWrite(id, kind, inside)).toBe(access.mayWrite(id, kind, scope));
          for (const above of scopePaths.filter((path) => isAbove(path, scope))) {
            if (access.mayWrite(id, kind, above)) expect(access.mayWrite(id, kind, scope)).toBe(true);
          }
        }
        // What lies in a hidden scope is hidden, unless somebody was let in on purpose.
        const own = grantsOver(given, id, scope).some((grant) => grant.read === true);
        for (const above of scopePaths.filter((path) => isAbove(path, scope))) {
          if (own || access.settingsOf(above) === null) continue;
          expect(order.indexOf(access.sightOf(id, scope))).toBeGreaterThanOrEqual(
            order.indexOf(access.sightOf(id, above)),
          );
        }
      }),
    );
  });

  it('P26 a scope cannot be more open than what contains it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...visibilities), fc.constantFrom(...visibilities), (outer, inner) => {
        const define = () =>
          createAccess(
            [
              { path: 'x', visibility: outer },
              { path: 'x/y', visibility: inner },
            ],
            [],
          );
        if (visibilities.indexOf(inner) >= visibilities.indexOf(outer)) expect(define).not.toThrow();
        else expect(define).toThrow(/scope x\/y: cannot be/);
      }),
    );
  });
});

describe('visibility', () => {
  holds('P20, P21 open: anyone reads all; protected: anyone reads metadata; the runtime reads all', (open) =>
    fc.asyncProperty(takingAll, members, async (definitions, given) => {
      await using world = openWorld(await open(), { scopes: definitions, members: given });
      await fill(world, definitions);
      const all = world.marks();
      const shown = scopePaths.flatMap((scope) => world.space.inspect({ scope, superseded: true, minStrength: 0 }));
      expect(new Set(shown.map((view) => view.mark.id))).toEqual(new Set(all.map((mark) => mark.id)));
      expect(shown.every((view) => !view.isProjected)).toBe(true);
      for (const id of agents) {
        for (const scope of scopePaths) {
          const views = await world.as(id).query({ scope, superseded: true, minStrength: 0 });
          const there = all.filter((mark) => mark.scope === scope);
          const sight = expectedSight(definitions, given, id, scope);
          expect(views.map((view) => view.mark.id)).toEqual(sight === 'nothing' ? [] : there.map((mark) => mark.id));
          expect(views.every((view) => view.isProjected === (sight === 'metadata'))).toBe(true);
          if (sight === 'content') expect(views.map((view) => view.mark)).toEqual(there);
        }
      }
    }),
  );

  holds('P24 a projected mark keeps all coordination metadata and loses only content', (open) =>
    fc.asyncProperty(takingAll, async (definitions) => {
      await using world = openWorld(await open(), {
        scopes: definitions.map(({ path }) => ({ path, visibility: 'protected' })),
        members: [{ id: 'p', grants: [] }],
      });
      await fill(world, definitions);
      const byId = new Map(world.marks().map((mark) => [mark.id, mark]));
      for (const scope of scopePaths) {
        const views = await world.as('p').query({ scope, superseded: true, minStrength: 0 });
        const whole = world.space.inspect({ scope, superseded: true, minStrength: 0 });
        expect(JSON.stringify(views)).not.toMatch(/secret/);
        views.forEach((view, i) => {
          const mark = byId.get(view.mark.id)!;
          const lost: Record<Mark['kind'], string[]> = {
            intent: [],
            action: ['result'],
            observation: ['content', 'score'],
            warning: ['reason'],
            need: ['context', 'question'],
          };
          const kept = Object.entries(mark).filter(([key]) => key !== 'payload' && !lost[mark.kind].includes(key));
          expect(view.mark).toEqual(Object.fromEntries(kept));
          const { strength, warnings, supersededBy } = whole[i]!;
          expect(view).toMatchObject({ strength, warnings, supersededBy });
        });
      }
    }),
  );

  holds('P24 what a reader may only know of is not compared with what it can write', (open) =>
    fc.asyncProperty(agent, async (id) => {
      const scopes: ScopeDefinition[] = [{ path: 'x' }, { path: 'x/y', visibility: 'protected' }];
      const given = [{ id, grants: [{ scope: 'x', write: markKinds, source: 'fleet' as const }] }];
      await using world = openWorld(await open(), { scopes, members: given });
      const guess = (scope: string, content = 'secret'): Draft => ({
        ...{ kind: 'observation', scope, topic: 't1' },
        fields: { content, source: 'fleet' },
      });
      await world.as('boss').write(guess('x/y'));
      await world.as(id).write(guess('x'));
      await world.as(id).write(guess('x/y', 'something else'));
      const views = await world.as(id).query({ scope: 'x', below: true });
      expect(views.map((view) => view.isProjected)).toEqual([true, false, true]);
      expect(views.map((view) => view.support)).toEqual(views.map(() => ({ strength: 1, authors: 1 })));
      expect(world.space.inspect({ scope: 'x', below: true })[0]!.support.authors).toBe(2);
    }),
  );

  holds('P22, P25 what is classified looks like what does not exist', (open) =>
    fc.asyncProperty(members, agent, fc.boolean(), async (given, id, below) => {
      // The agent has nothing on `x`; there is no `nowhere` at all.
      const blind = given.map((m) => ({ ...m, grants: m.grants.filter((grant) => !grant.scope.startsWith('x')) }));
      const scopes: ScopeDefinition[] = [{ path: 'x', visibility: 'classified', quota: 2 }, { path: 'w' }];
      await using world = openWorld(await open(), { scopes, members: blind });
      await fill(world, scopes);
      const handle = world.as(id);
      const answers = async (scope: string, mark: string) => {
        const asked: Draft = { kind: 'intent', scope, topic: null, fields: { resource: 'disk', action: 'use' } };
        const tries = [
          () => handle.query({ scope, below, superseded: true, minStrength: 0 }),
          () => handle.write(asked),
          () => handle.write({ ...asked, fields: { ...asked.fields, supersedes: mark } }),
          () => handle.act({ scope, resource: 'disk', action: 'use', tool: () => 1 }),
          () => handle.resolve(mark, 1),
          () => handle.withdraw(mark, 'x'),
          () =>
            handle.write({
              ...{ kind: 'warning', scope: 'w', topic: 't1' },
              fields: { invalidates: mark, reason: 'x', severity: 'low' },
            }),
        ];
        const told: string[] = [];
        for (const attempt of tries) {
          const answer = await attempt().catch((e: Error & { details: object }) => [e.message, e.details]);
          told.push(
            JSON.stringify(answer)
              .replaceAll(mark, 'M')
              .replaceAll(JSON.stringify(JSON.stringify(scope)).slice(1, -1), 'S'),
          );
        }
        return told;
      };
      for (const hidden of world.marks().filter((mark) => mark.scope.startsWith('x'))) {
        expect(await answers(hidden.scope, hidden.id)).toEqual(await answers('nowhere', 'never-was'));
      }
    }),
  );

  holds('P25 a hidden warning weighs on nothing for whoever may not know of it', (open) =>
    fc.asyncProperty(agent, async (id) => {
      const scopes: ScopeDefinition[] = [{ path: 'x' }, { path: 'w', visibility: 'classified' }];
      await using world = openWorld(await open(), { scopes, members: [{ id, grants: [] }] });
      const draft: Draft = { kind: 'observation', scope: 'x', topic: 't1', fields: { content: 1, source: 'fleet' } };
      const { id: mark } = await world.as('boss').write(draft);
      const before = await world.as(id).query({ scope: 'x' });
      const fields = { invalidates: mark, reason: 'secret', severity: 'high' };
      await world.as('boss').write({ kind: 'warning', scope: 'w', topic: 't1', fields });
      expect(await world.as(id).query({ scope: 'x' })).toEqual(before);
      expect(world.space.inspect({ scope: 'x', minStrength: 0 })).toMatchObject([{ strength: 0 }]);
    }),
  );
});
