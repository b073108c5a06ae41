import fc from 'fast-check';
import { describe, expect } from 'vitest';
import type { Check } from '../../../markspace/check.ts';
import type { MarkspaceOptions } from '../../../markspace/guard.ts';
import type { MarkStore } from '../../../markspace/store.ts';
import { createMemoryMarkStore } from '../../../markspace/stores/memory-store.ts';
import type { GuardEvent } from '../../../markspace/telemetry.ts';
import { agent, draftOf, type Step, scopeDefinitions, scopePaths, timeline } from './arbitraries.ts';
import { holds, type Outcome, openWorld, type Played, play, type World } from './world.ts';

const outcomes = (played: readonly Played[]): readonly Outcome[] => played.map(({ outcome }) => outcome);

/** All that can be seen of a space, without the ids. */
function stateOf(world: World): unknown {
  const marks = world.marks();
  const numbers = new Map(marks.map(({ id }, i) => [id, i]));
  const anonymous = (value: unknown) =>
    JSON.parse(JSON.stringify(value).replace(/[a-z]+-[0-9a-f-]{36}/g, (id) => `#${numbers.get(id)}`));
  return anonymous(scopePaths.map((scope) => world.space.inspect({ scope, superseded: true, minStrength: 0 })));
}

/** The same but for a millionth of strength, and for warnings that weigh no more than that. */
function roughly(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(roughly);
  if (value === null || typeof value !== 'object') return value;
  const members = Object.entries(value).map(([key, inner]) => {
    if (key === 'warnings') return [key, expect.any(Array)];
    return [key, key === 'strength' ? expect.closeTo(inner, 5) : roughly(inner)];
  });
  return Object.fromEntries(members);
}

async function run(store: MarkStore, steps: readonly Step[], changes: Partial<MarkspaceOptions> = {}) {
  await using world = openWorld(store, changes);
  const played = await play(world, steps);
  return { outcomes: outcomes(played), state: stateOf(world) };
}

/** Refuses every third operation of an agent that it was told of. */
function countingCheck(): Check {
  const seen = new Map<string, number>();
  return {
    name: 'third',
    judge: ({ agent: id, draft }) =>
      (seen.get(id) ?? 0) % 3 === 2
        ? { allowed: false, check: 'third', rule: 'third', message: 'wait for the next one' }
        : { allowed: true, draft, flags: ['counted'] },
    observe: ({ agent: id }) => seen.set(id, (seen.get(id) ?? 0) + 1),
  };
}

describe('verdicts', () => {
  holds('P36 the same state gives the same verdict', (open) =>
    fc.asyncProperty(timeline, async (steps) => {
      const changes = () => ({ checks: [countingCheck()] });
      expect(await run(await open(), steps, changes())).toEqual(await run(createMemoryMarkStore(), steps, changes()));
    }),
  );

  holds('P36 a guard opened anew on the same marks decides like the old one', (open) =>
    fc.asyncProperty(timeline, timeline, scopeDefinitions, async (before, after, definitions) => {
      const defined = new Set(definitions.map(({ path }) => path));
      const scopes = [...definitions, ...['x', 'w'].filter((p) => !defined.has(p)).map((path) => ({ path }))].map(
        (scope) => ({ ...scope, visibility: 'open' as const, deferred: { everyMs: 600_000, maxPending: 2 } }),
      );
      const store = await open();
      const first = openWorld(store, { scopes });
      await play(first, before);
      const second = openWorld(store, { scopes, clock: first.clock });
      const continued = outcomes(await play(second, after));
      const control = await run(createMemoryMarkStore(), [...before, ...after], { scopes });
      expect(continued).toEqual(control.outcomes.slice(before.length));
      expect(stateOf(second)).toEqual(control.state);
      await second[Symbol.asyncDispose]();
    }),
  );

  holds('compaction changes no answer and no verdict, for the same guard and for one opened anew', (open) =>
    fc.asyncProperty(timeline, timeline, async (before, after) => {
      const scopes = [{ path: 'x', deferred: { everyMs: 600_000, maxPending: 2 } }, { path: 'w' }];
      const shown = (world: World) => [
        scopePaths.flatMap((scope) => world.space.inspect({ scope })),
        world.space.openNeeds(),
      ];
      const store = await open();
      const first = openWorld(store, { scopes });
      await play(first, before);
      const actions = first.marks().filter((mark) => mark.kind === 'action');
      const seen = roughly(shown(first));
      await first.space.compact();
      expect(shown(first)).toEqual(seen);
      expect(first.marks().filter((mark) => mark.kind === 'action')).toEqual(actions);
      const anew = openWorld(store, { scopes, clock: first.clock });
      expect(shown(anew)).toEqual(seen);
      // Steps that point at a mark by its number would mean another one now.
      const steps = after.filter((step) => step.type === 'wait' || step.type === 'write' || step.type === 'act');
      const control = openWorld(createMemoryMarkStore(), { scopes });
      await play(control, before);
      expect(outcomes(await play(anew, steps))).toEqual(outcomes(await play(control, steps)));
      await anew[Symbol.asyncDispose]();
    }),
  );

  holds('P37 a blocked tool is never called, an allowed one exactly once', (open) =>
    fc.asyncProperty(timeline, async (steps) => {
      await using world = openWorld(await open(), { checks: [countingCheck()] });
      for (const { step, outcome, toolCalls } of await play(world, steps)) {
        expect(toolCalls).toBe(step.type === 'act' && outcome.ok ? 1 : 0);
      }
    }),
  );

  holds('P38 a refusal says what is needed to do something else', (open) =>
    fc.asyncProperty(timeline, async (steps) => {
      await using world = openWorld(await open(), { checks: [countingCheck()] });
      for (const { step, error } of await play(world, steps)) {
        if (error === null) continue;
        const { check, rule, winner, lineage } = error.details;
        expect(check).toMatch(/^[a-z-]+$/);
        expect(rule).toMatch(/^[a-z-]+$/);
        expect(lineage).toBe('agent' in step ? step.agent : null);
        // What was wrong, and after the colon what to do.
        expect(error.message).toMatch(/.{10,}[:].{3,}|wait for the next one/s);
        const isContest = check === 'conflict' || (check === 'resolution' && rule === 'lost');
        if (isContest) expect(world.marks().map(({ id }) => id)).toContain(winner);
        const recorded = world.journal.facts.map((fact) => (fact.body as { message: string }).message);
        expect(recorded).toContain(error.message);
      }
    }),
  );

  holds('P42 a refused write stores nothing', (open) =>
    fc.asyncProperty(timeline, async (steps) => {
      await using world = openWorld(await open(), { checks: [countingCheck()] });
      for (const step of steps) {
        const before = stateOf(world);
        const [{ outcome, sizes }] = (await play(world, [step])) as [Played];
        if (!outcome.ok) expect(stateOf(world)).toEqual(before);
        if (!outcome.ok) expect(sizes[1]).toBe(sizes[0]);
        else if (step.type === 'write') expect(sizes[1]).toBe(sizes[0] + 1);
      }
    }),
  );

  holds('P42 what could not be kept leaves nothing behind, neither a quota nor an intent', (open) =>
    fc.asyncProperty(agent, agent, async (id, other) => {
      const store = await open();
      let isFull = true;
      const full = new Proxy(store, {
        get(target, name) {
          if (name === 'append' && isFull) return () => Promise.reject(new Error('disk full'));
          const member = Reflect.get(target, name);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      });
      await using world = openWorld(full, { scopes: [{ path: 'x', quota: 2 }, { path: 'w' }] });
      const request = { scope: 'x', resource: 'disk', action: 'use', tool: () => 1 };
      await expect(world.as(id).act(request)).rejects.toThrow('disk full');
      expect(world.space.inspect({ scope: 'x', superseded: true, minStrength: 0 })).toEqual([]);
      isFull = false;
      expect(await world.as(other).act(request)).toMatchObject({ status: 'done' });
    }),
  );

  holds('a quota is held by concurrent writes, too', (open) =>
    fc.asyncProperty(
      fc.array(draftOf(['observation']), { maxLength: 10 }),
      fc.integer({ min: 1, max: 4 }),
      async (drafts, quota) => {
        const scopes = [{ path: 'x', quota }, { path: 'x/y', quota: 1 }, { path: 'w' }];
        await using world = openWorld(await open(), { scopes });
        await Promise.allSettled(drafts.map((draft) => world.as('p').write(draft)));
        const inside = (path: string) => world.marks().filter((mark) => `${mark.scope}/`.startsWith(`${path}/`)).length;
        const wanted = (path: string) => drafts.filter((draft) => `${draft.scope}/`.startsWith(`${path}/`)).length;
        expect(inside('x/y')).toBeLessThanOrEqual(1);
        expect(inside('x')).toBeLessThanOrEqual(quota);
        expect(inside('w')).toBe(wanted('w'));
        if (wanted('x/y') === 0) expect(inside('x')).toBe(Math.min(quota, wanted('x')));
      },
    ),
  );
});

describe('who watches', () => {
  holds('P33 a failing hook harms nobody', (open) =>
    fc.asyncProperty(timeline, async (steps) => {
      const onMark = () => {
        throw new Error('the hook broke');
      };
      const plain = await run(createMemoryMarkStore(), steps);
      expect(await run(await open(), steps, { onMark })).toEqual(plain);
    }),
  );

  holds('P57 telemetry cannot change a verdict', (open) =>
    fc.asyncProperty(timeline, async (steps) => {
      const meddling = (event: GuardEvent) => {
        Object.assign(event, { outcome: 'accepted', agent: 'boss', scope: 'w' });
        throw new Error('the sink broke');
      };
      const plain = await run(createMemoryMarkStore(), steps);
      expect(await run(await open(), steps, { telemetry: meddling })).toEqual(plain);
    }),
  );

  holds('P58 every guarded call emits one event, accepted or not', (open) =>
    fc.asyncProperty(timeline, async (steps) => {
      const events: GuardEvent[] = [];
      await using world = openWorld(await open(), { telemetry: (event) => events.push(event) });
      const calls = { write: ['write'], supersede: ['write'], warn: ['write'], act: ['act'], query: ['query'] };
      for (const { step, outcome } of await play(world, steps)) {
        if (step.type === 'wait') continue;
        const event = events.shift()!;
        const expected = step.type === 'close' ? ['resolve', 'withdraw'] : calls[step.type];
        expect(expected).toContain(event.call);
        const { check, rule } = outcome.ok ? { check: null, rule: null } : outcome;
        expect(event).toMatchObject({ agent: step.agent, outcome: outcome.ok ? 'accepted' : 'refused', check, rule });
        expect(JSON.stringify(event)).not.toMatch(/secret/);
      }
      expect(events).toEqual([]);
    }),
  );
});

describe('Q7 a guard failure fails closed', () => {
  const common = { scope: 'x', topic: null } as const;
  const anIntent = { kind: 'intent' as const, ...common, fields: { resource: 'disk', action: 'use' } };
  const asked = { question: '?', context: 1, priority: 0, blocking: false };
  const aNeed = { kind: 'need' as const, ...common, fields: asked };

  const broken: Record<string, Check> = {
    'throws when it judges': {
      name: 'broken',
      judge() {
        throw new Error('secret of the check');
      },
    },
    'gives no verdict': { name: 'broken', judge: () => undefined as never },
    'gives half a verdict': { name: 'broken', judge: () => ({ allowed: true }) as never },
    'moves a mark to another scope': {
      name: 'broken',
      judge: ({ draft }) => ({ allowed: true, draft: { ...draft, scope: 'w' }, flags: [] }),
    },
    'makes a whole mark of another kind': {
      name: 'broken',
      judge: ({ draft }) => ({ allowed: true, draft: draft.kind === 'need' ? anIntent : aNeed, flags: [] }),
    },
    'rewrites fields to what no mark has': {
      name: 'broken',
      judge: ({ draft }) => ({
        allowed: true,
        draft: { ...draft, fields: { ...draft.fields, strength: 1 } },
        flags: [],
      }),
    },
  };

  for (const [what, check] of Object.entries(broken)) {
    holds(`Q7 when a check ${what}`, (open) =>
      fc.asyncProperty(draftOf(undefined, fc.constant('x')), agent, async (draft, id) => {
        const events: GuardEvent[] = [];
        await using world = openWorld(await open(), { checks: [check], telemetry: (event) => events.push(event) });
        let calls = 0;
        const tool = () => (calls += 1);
        const details = { check: 'broken', rule: 'check-failed' };
        const failing = expect.objectContaining({ details: expect.objectContaining(details) });
        await expect(world.as(id).write(draft)).rejects.toEqual(failing);
        const acting = world.as(id).act({ scope: 'x', resource: 'disk', action: 'use', tool });
        await expect(acting).rejects.toEqual(failing);
        await acting.catch((error: Error) => expect(error.message).not.toMatch(/secret/));
        expect([calls, world.store.size]).toEqual([0, 0]);
        expect(events.map(({ problem }) => typeof problem)).toEqual(['string', 'string']);
      }),
    );
  }

  holds('Q7 when a check could not take note of an operation, it lets nothing more pass', (open) =>
    fc.asyncProperty(draftOf(), agent, async (draft, id) => {
      const blind: Check = {
        name: 'blind',
        judge: (operation) => ({ allowed: true, draft: operation.draft, flags: [] }),
        observe() {
          throw new Error('no room');
        },
      };
      await using world = openWorld(await open(), { checks: [blind] });
      await world.as(id).write(draft);
      const details = { check: 'blind', rule: 'check-failed' };
      await expect(world.as(id).write(draft)).rejects.toMatchObject({ details });
      const request = { scope: 'x', resource: 'disk', action: 'use', tool: () => 1 };
      await expect(world.as(id).act(request)).rejects.toMatchObject({ details });
      expect(world.store.size).toBe(1);
    }),
  );

  holds('Q7 when the runtime cannot say what a mark weighs', (open) =>
    fc.asyncProperty(draftOf(), agent, async (draft, id) => {
      const assess = () => {
        throw new Error('no measurement');
      };
      await using world = openWorld(await open(), { assess });
      await expect(world.as(id).write(draft)).rejects.toMatchObject({ details: { check: 'assessment' } });
      let calls = 0;
      const request = { scope: 'x', resource: 'disk', action: 'use', tool: () => (calls += 1) };
      await expect(world.as(id).act(request)).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
      expect([calls, world.store.size]).toEqual([0, 0]);
    }),
  );
});
