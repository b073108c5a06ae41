import { describe, expect, it } from 'vitest';
import type { Draft } from '../../../markspace/check.ts';
import { draftOf, strengthOf, twoAgents } from './two-agents.ts';

const hour = 3_600_000;

describe('suppressing a peer', () => {
  // Tried: a warning on a peer's mark, from where q may warn. Stopped by: a warning needs the right in its target's scope.
  it('does not work by a warning from a corner of its own', async () => {
    await using world = twoAgents();
    const { id } = await world.as('p').write(draftOf('observation'));
    const warning = draftOf('warning', { invalidates: id }, { scope: 'corner' });
    await expect(world.as('q').write(warning)).rejects.toMatchObject({
      details: { check: 'target', rule: 'not-yours' },
    });
    expect(strengthOf(world, id)).toBeCloseTo(0.3);
  });

  // Tried: the same past the guard, straight into the store. Stopped by: such a warning weighs nothing when strength is read.
  it('does not work by a warning that got into the store some other way', async () => {
    await using world = twoAgents();
    const { id } = await world.as('p').write(draftOf('observation'));
    const own = await world.as('q').write(draftOf('warning', {}, { scope: 'corner' }));
    await world.store.append({ ...own, id: 'forged', scope: 'x', invalidates: id } as never);
    expect(strengthOf(world, id)).toBeCloseTo(0.3);
    expect((await world.as('p').query({ scope: 'x' })).find(({ mark }) => mark.id === id)!.warnings).toEqual([]);
  });

  // Tried: a hundred warnings by one who may warn. Stopped by: one author's warnings on a mark weigh as its heaviest.
  it('does not work by warning again and again', async () => {
    const assess = (_agent: string, { kind }: Draft) => ({ strength: kind === 'warning' ? 0.1 : 1, confidence: 0 });
    await using world = twoAgents({ assess });
    const { id } = await world.as('p').write(draftOf('observation', { source: 'fleet' }));
    for (let i = 0; i < 100; i += 1) await world.as('p').write(draftOf('warning', { invalidates: id }));
    expect(strengthOf(world, id)).toBeCloseTo(0.9);
  });

  // Tried: taking a peer's mark's place by its id. Stopped by: only its author or an authority may.
  it.each(['observation', 'intent', 'need'] as const)('does not work by superseding its %s', async (kind) => {
    await using world = twoAgents();
    const { id } = await world.as('p').write(draftOf(kind));
    await expect(world.as('q').write(draftOf(kind, { supersedes: id }))).rejects.toMatchObject({
      details: { rule: 'not-yours' },
    });
    await expect(world.as('q').withdraw(id, 'gone')).rejects.toMatchObject({ details: { rule: 'not-yours' } });
    const [view] = await world.as('p').query({ scope: 'x' });
    expect(view).toMatchObject({ supersededBy: null });
  });

  // Tried: superseding the mark of a peer by a mark of q's own scope. Stopped by: the successor must lie where the target lies.
  it('does not work by superseding it from another scope', async () => {
    await using world = twoAgents();
    const { id } = await world.as('p').write(draftOf('observation'));
    const successor = draftOf('observation', { supersedes: id }, { scope: 'corner' });
    await expect(world.as('q').write(successor)).rejects.toMatchObject({ details: { rule: 'not-yours' } });
    const own = await world.as('q').write(draftOf('observation'));
    await world.store.append({ ...own, id: 'forged', supersedes: id });
    expect(world.space.inspect({ scope: 'x' }).find(({ mark }) => mark.id === id)).toMatchObject({
      supersededBy: null,
    });
  });

  // Tried: answering a peer's blocking need, or one's own, to have the run go on. Stopped by: only who may resolve it does.
  it('does not work by answering needs, its own blocking one included', async () => {
    await using world = twoAgents();
    const theirs = await world.as('p').write(draftOf('need', { blocking: true }));
    const own = await world.as('q').write(draftOf('need', { blocking: true }));
    for (const { id } of [theirs, own]) {
      await expect(world.as('q').resolve(id, 'yes')).rejects.toMatchObject({ details: { rule: 'not-yours' } });
      const harmless = draftOf('need', { blocking: false, supersedes: id });
      await expect(world.as('q').write(harmless)).rejects.toMatchObject({ details: { rule: 'not-yours' } });
    }
    expect(world.space.openNeeds().map(({ id }) => id)).toEqual([theirs.id, own.id]);
  });
});

describe('weighing more than measured', () => {
  // Tried: fields that only the runtime writes. Stopped by: a draft has the fields of its kind, and no other is taken.
  it.each([
    'confidence',
    'strength',
    'score',
    'flags',
    'payload',
    'author',
    'id',
    'order',
    'createdAtMs',
    'kind',
    'scope',
  ])("does not work by writing one's own %s", async (field) => {
    await using world = twoAgents();
    for (const draft of [draftOf('observation', { [field]: 1 }), draftOf('intent', { [field]: 1 })]) {
      await expect(world.as('q').write(draft)).rejects.toMatchObject({ details: { check: 'kind' } });
    }
    await expect(world.as('q').write(draftOf('observation', {}, { [field]: 1 }))).rejects.toMatchObject({
      code: 'MARKSPACE_DENIED',
    });
    expect(world.store.size).toBe(0);
  });

  // Tried: speaking as a source that is trusted more. Stopped by: the source check, by what q was granted there.
  it.each(['fleet', 'verified'])('does not work by speaking as %s', async (source) => {
    await using world = twoAgents();
    await expect(world.as('q').write(draftOf('observation', { source }))).rejects.toMatchObject({
      details: { check: 'source' },
    });
  });

  // Tried: the same words a hundred times. Stopped by: one author's equal marks count as its strongest.
  it('does not work by saying it again and again', async () => {
    await using world = twoAgents();
    for (let i = 0; i < 100; i += 1) await world.as('q').write(draftOf('observation'));
    for (const { support } of await world.as('p').query({ scope: 'x' })) {
      expect(support).toEqual({ strength: expect.closeTo(0.3), authors: 1 });
    }
  });

  // Tried: many authors of one mind. Stopped by: support is at most twice the strongest, which trust has bounded.
  it('does not work by many accomplices', async () => {
    const many = Array.from({ length: 40 }, (_, i) => `sock-${i}`);
    const grants = [{ scope: 'x', read: true, write: ['observation'] as const, source: 'unverified' as const }];
    await using world = twoAgents({ members: many.map((id) => ({ id, grants })) });
    for (const id of many) await world.as(id).write(draftOf('observation'));
    const [view] = await world.as('sock-0').query({ scope: 'x' });
    expect(view!.support).toEqual({ strength: expect.closeTo(0.6), authors: 40 });
  });

  // Tried: keeping a mark fresh by superseding oneself, all copies counting. Stopped by: what was replaced supports nothing.
  it('does not work by replacing oneself again and again', async () => {
    await using world = twoAgents();
    let supersedes: string | null = null;
    for (let i = 0; i < 30; i += 1) supersedes = (await world.as('q').write(draftOf('observation', { supersedes }))).id;
    const views = await world.as('p').query({ scope: 'x', superseded: true });
    expect(views.at(-1)!.support).toEqual({ strength: expect.closeTo(0.3), authors: 1 });
    expect(views.filter(({ supersededBy }) => supersededBy === null)).toHaveLength(1);
  });

  // Tried: agreeing with oneself from another scope. Stopped by: support counts authors, wherever they wrote.
  it('does not work by repeating it in other scopes', async () => {
    await using world = twoAgents();
    await world.as('q').write(draftOf('observation'));
    await world.as('q').write(draftOf('observation', {}, { scope: 'x' }));
    const [view] = await world.as('p').query({ scope: 'x', below: true });
    expect(view!.support.authors).toBe(1);
  });

  // Tried: a number presented as a score. Stopped by: no agent's observation has a score, so it is no strategy and no best.
  it('does not work by talking of scores', async () => {
    await using world = twoAgents();
    const content = { score: 1e9, confidence: 1, generation: 9 };
    expect(await world.as('q').write(draftOf('observation', { content }))).toMatchObject({
      score: null,
      confidence: 0,
    });
    expect(world.space.snapshot()).toEqual([]);
  });

  // Tried: winning by confidence. Stopped by: confidence comes from the runtime's assessment alone.
  it('does not win a resource by claiming to be sure', async () => {
    const assess = (agent: string) => ({ strength: 1, confidence: agent === 'p' ? 0.9 : 0.1 });
    await using world = twoAgents({
      scopes: [{ path: 'x', conflicts: 'highest-confidence' }, { path: 'corner' }],
      assess,
    });
    await world.as('p').write(draftOf('intent'));
    const request = { scope: 'x', resource: 'disk', action: 'use', confidence: 1, tool: () => 1 };
    await expect(world.as('q').act(request)).rejects.toMatchObject({ details: { check: 'resolution', rule: 'lost' } });
  });
});

describe('playing with time', () => {
  // Tried: a clock that goes back, to be young again. Stopped by: time in the space never goes back.
  it('does not make a mark younger, nor one that is written before those it follows', async () => {
    await using world = twoAgents();
    world.clock.increment(10 * hour);
    const first = await world.as('q').write(draftOf('observation'));
    world.clock.increment(-9 * hour);
    const second = await world.as('q').write(draftOf('observation', { content: 'later' }));
    expect(second.createdAtMs).toBeGreaterThanOrEqual(first.createdAtMs);
    expect(strengthOf(world, first.id)).toBeLessThanOrEqual(0.3);
  });

  // Tried: holding a resource for ever by a clock that stands still or goes back. Stopped by: its intent ends by the latest time seen.
  it('does not keep an intent alive', async () => {
    await using world = twoAgents();
    await world.as('q').write(draftOf('intent'));
    world.clock.increment(2 * hour);
    await world.as('p').query({ scope: 'x' });
    world.clock.increment(-2 * hour);
    const acted = await world.as('p').act({ scope: 'x', resource: 'disk', action: 'use', tool: () => 1 });
    expect(acted).toMatchObject({ status: 'done' });
  });

  // Tried: a date of one's own choosing. Stopped by: the guard stamps; nothing in the content is taken for a date.
  it('does not take a date from what is said', async () => {
    await using world = twoAgents();
    world.clock.increment(hour);
    const content = { createdAtMs: 9e15, at: '2999-01-01' };
    expect(await world.as('q').write(draftOf('observation', { content }))).toMatchObject({ createdAtMs: hour });
  });

  // Tried: a mark from the future, past the guard, so that everybody's marks are old at once. Stopped by: time is the guard's clock.
  it("does not move everybody's time on by a mark from the future", async () => {
    await using world = twoAgents();
    const theirs = await world.as('p').write(draftOf('observation'));
    await world.store.append({ ...theirs, author: 'q', id: 'future', createdAtMs: 100 * hour });
    const next = await world.as('p').write(draftOf('observation', { content: 'later' }));
    expect(next.createdAtMs).toBe(0);
    expect(strengthOf(world, theirs.id)).toBeCloseTo(0.3);
  });

  // Tried: the same in small steps, each within what clocks of guards may differ. Stopped by: they are all measured from the clock.
  it("does not move everybody's time on by many marks, each a little ahead", async () => {
    await using world = twoAgents();
    const theirs = await world.as('p').write(draftOf('observation'));
    for (let i = 1; i <= 100; i += 1) {
      await world.store.append({ ...theirs, author: 'q', id: `ahead-${i}`, createdAtMs: (i * hour) / 60 });
      await world.as('p').query({ scope: 'x' });
    }
    expect((await world.as('p').write(draftOf('observation'))).createdAtMs).toBeLessThanOrEqual((5 * hour) / 60);
  });

  // Tried: claims of marks from the future, which would outlive all others. Stopped by: what is not of this time is not there.
  it.each<[string, object]>([
    ['take the place of others', { supersedes: 'target' }],
    ['warn', { kind: 'warning', invalidates: 'target', topic: 't', reason: 'no', severity: 'high' }],
    ['support others', { content: 'said' }],
    ['announce', { kind: 'intent', resource: 'disk', action: 'hold' }],
    ['say that all is done', { kind: 'action', resource: 'disk', action: 'use', result: 1, failed: false }],
    ['stop everybody', { kind: 'need', question: 'q', context: null, priority: 1, blocking: true }],
  ])('does not let a mark from the future %s, before its time has come', async (_what, fields) => {
    await using world = twoAgents();
    const own = await world.as('p').write(draftOf('observation'));
    await world.store.append({ ...own, id: 'target' });
    await world.store.append({ ...own, ...fields, id: 'future', createdAtMs: 2 * hour } as never);
    const shown = await world.as('q').query({ scope: 'x', superseded: true, minStrength: 0 });
    expect(shown.map(({ mark }) => mark.id)).toEqual([own.id, 'target']);
    expect(shown[1]).toMatchObject({ supersededBy: null, warnings: [], strength: expect.closeTo(0.3) });
    expect(shown[1]!.support.authors).toBe(1);
    expect(world.space.inspect({ scope: 'x', minStrength: 0 })).toHaveLength(2);
    expect(world.space.openNeeds()).toEqual([]);
    const acted = await world.as('q').act({ scope: 'x', resource: 'disk', action: 'use', tool: () => 1 });
    expect(acted).toMatchObject({ status: 'done' });
    world.clock.increment(2 * hour);
    const later = await world.as('q').query({ scope: 'x', superseded: true });
    expect(later.map(({ mark }) => mark.id)).toContain('future');
  });
});
