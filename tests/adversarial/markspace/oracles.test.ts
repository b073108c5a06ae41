import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accessOf } from '../../../markspace/guard.ts';
import { defaultPolicy } from '../../../markspace/policy.ts';
import { createRegulation } from '../../../markspace/regulation/regulation.ts';
import { createMemoryMarkStore } from '../../../markspace/stores/memory-store.ts';
import { monotonicMs } from '../../../src/core/clock.ts';
import { listTree } from '../../markspace/list-tree.ts';
import { a, aMountRequest, b, commitOf, manifest, openSpace, treeOf } from '../../markspace/space-fixture.ts';
import { draftOf, refusalOf, strengthOf, twoAgents } from './two-agents.ts';

/** What was asked about is named in an answer; beyond that two answers must not differ. */
const same = (text: string, name: string) => text.replaceAll(name, 'NAME');

describe('a denial as an oracle', () => {
  // Tried: telling a classified scope from none by what a refusal says. Stopped by: one answer for both, before anything else is looked at.
  it('does not tell a classified scope from one that does not exist', async () => {
    await using world = twoAgents();
    await world.as('p').write(draftOf('observation', {}, { scope: 'hidden' }));
    const q = world.as('q');
    const asks = [
      (scope: string) => q.write(draftOf('observation', {}, { scope })),
      (scope: string) => q.write(draftOf('warning', {}, { scope })),
      (scope: string) => q.write(draftOf('need', { supersedes: 'x' }, { scope })),
      (scope: string) => q.act({ scope, resource: 'disk', action: 'use', tool: () => 1 }),
      (scope: string) => q.query({ scope, below: true, superseded: true, minStrength: 0 }),
    ];
    for (const ask of asks) {
      for (const [real, made] of [
        ['hidden', 'absent'],
        ['hidden/below', 'absent/below'],
      ] as const) {
        expect(same(await refusalOf(ask(real)), real)).toBe(same(await refusalOf(ask(made)), made));
      }
    }
  });

  // Tried: telling a hidden mark's id from none by naming it. Stopped by: one answer for what is not there and what is not q's.
  it("does not tell a hidden mark's id from one that does not exist", async () => {
    await using world = twoAgents();
    const seen = await world.as('p').write(draftOf('observation', {}, { scope: 'hidden' }));
    const need = await world.as('p').write(draftOf('need', {}, { scope: 'hidden' }));
    const q = world.as('q');
    const asks = [
      (id: string) => q.write(draftOf('observation', { supersedes: id })),
      (id: string) => q.write(draftOf('warning', { invalidates: id }, { scope: 'corner' })),
      (id: string) => q.resolve(id, 'yes'),
      (id: string) => q.withdraw(id, 'no'),
    ];
    for (const ask of asks) {
      for (const { id } of [seen, need]) {
        const absent = `${id.slice(0, -4)}0000`;
        expect(same(await refusalOf(ask(id)), id)).toBe(same(await refusalOf(ask(absent)), absent));
      }
    }
  });

  // Tried: telling a full, busy or restricted hidden scope from none. Stopped by: limits are asked after whether the scope may be known.
  it('does not tell a hidden scope by its limits', async () => {
    const rate = { perAgent: null, total: 1, windowMs: 1_000 };
    const hidden = {
      path: 'hidden',
      visibility: 'classified' as const,
      quota: 1,
      verbs: ['observation'] as const,
      rate,
    };
    const scopes = [{ path: 'x' }, { path: 'corner' }, hidden];
    const p = { id: 'p', grants: [{ scope: 'hidden', read: true, write: ['observation'] as const }] };
    const members = [p, { id: 'q', grants: [] }];
    const access = accessOf({ lineages: [], policy: defaultPolicy, scopes, members });
    await using world = twoAgents({ scopes, members, checks: createRegulation({ access }).checks });
    await world.as('p').write(draftOf('observation', {}, { scope: 'hidden' }));
    // Its rate is used up, and so is its quota.
    for (const kind of ['observation', 'intent', 'warning', 'need'] as const) {
      const ask = (scope: string) => refusalOf(world.as('q').write(draftOf(kind, {}, { scope })));
      expect(same(await ask('hidden'), 'hidden')).toBe(same(await ask('absent'), 'absent'));
    }
  });

  // Tried: telling them apart by time. Stopped by: what is asked of either is the same small work, however much lies there.
  it('does not tell a hidden scope with 20 000 marks from none by how long a refusal takes', async () => {
    const store = createMemoryMarkStore();
    await using world = twoAgents({ store });
    const mark = await world.as('p').write(draftOf('observation', {}, { scope: 'hidden' }));
    for (let i = 0; i < 20_000; i += 1) await store.append({ ...mark, id: `m-${i}` });
    const q = world.as('q');
    const times = { hidden: [] as number[], absent: [] as number[] };
    for (let i = 0; i < 400; i += 1) {
      for (const scope of ['hidden', 'absent'] as const) {
        const start = monotonicMs();
        await refusalOf(q.write(draftOf('observation', {}, { scope })));
        times[scope].push(monotonicMs() - start);
      }
    }
    const median = (list: number[]) => list.sort((m, n) => m - n)[200]!;
    const ratio = median(times.hidden) / median(times.absent);
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  });

  // Tried: learning of hidden warnings by what they take from a mark. Stopped by: a warning that may not be known weighs nothing for that reader.
  it('does not show a hidden warning by the strength of what it is on', async () => {
    await using world = twoAgents();
    const { id } = await world.as('p').write(draftOf('observation', { source: 'fleet' }));
    await world.as('p').write(draftOf('warning', { invalidates: id }, { scope: 'hidden' }));
    expect(await world.as('q').query({ scope: 'x' })).toMatchObject([{ strength: 1, warnings: [] }]);
    expect(strengthOf(world, id)).toBe(0);
  });

  // Tried: learning who holds a hidden resource from a lost conflict. Stopped by: whoever may not see the scope is told that it lost, and no more.
  it('does not name a winner that the loser may not know of', async () => {
    const blind = { id: 'q', grants: [{ scope: 'hidden', write: ['intent', 'action'] as const }] };
    const p = { id: 'p', grants: [{ scope: 'hidden', read: true, write: ['intent', 'action'] as const }] };
    await using world = twoAgents({ members: [p, blind] });
    const act = (id: string) =>
      world.as(id).act({ scope: 'hidden', resource: 'disk', action: 'secret-plan', tool: () => 1 });
    const intent = await world.as('p').write(draftOf('intent', { action: 'secret-plan' }, { scope: 'hidden' }));
    const done = async () =>
      refusalOf(world.as('q').act({ scope: 'hidden', resource: 'disk', action: 'use', tool: () => 1 }));
    const lost = await done();
    await act('p');
    const finished = await done();
    for (const told of [lost, finished]) {
      expect(told).toContain('MARKSPACE_DENIED');
      for (const secret of [intent.id, 'secret-plan', '"p"', ' p ']) expect(told).not.toContain(secret);
    }
  });
});

const note = 'the-answer-is-42';

describe('a hidden channel', () => {
  // Tried: a message in the id of a mark. Stopped by: the runtime makes ids, at random.
  it("is not in ids: they are the runtime's", async () => {
    await using world = twoAgents();
    const marks = await Promise.all([1, 2, 3].map(() => world.as('q').write(draftOf('observation'))));
    for (const { id } of marks) expect(id).toMatch(/^observation-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  // Tried: a message in the name of a scope made up for it. Stopped by: scopes below a hidden one are hidden, and their names with them.
  it('is not in names of scopes below a hidden one', async () => {
    await using world = twoAgents();
    await world.as('p').write(draftOf('observation', {}, { scope: `hidden/${note}` }));
    expect(JSON.stringify(await world.as('q').query({ scope: 'x', below: true }))).not.toContain(note);
    await expect(world.as('q').query({ scope: 'hidden', below: true })).resolves.toEqual([]);
  });

  // Tried: a message in what a reader of metadata sees. Stopped by: content, results, reasons, questions and contexts are left out.
  it('is not in the content of what is seen without content', async () => {
    await using world = twoAgents();
    const p = world.as('p');
    const at = { scope: 'half' };
    await p.write(draftOf('observation', { content: { [note]: note } }, at));
    await p.write(draftOf('warning', { reason: note }, at));
    await p.write(draftOf('need', { question: note, context: note }, at));
    await p.act({ ...at, resource: 'disk', action: 'use', tool: () => note });
    const views = await world.as('q').query(at);
    expect(views.length).toBeGreaterThanOrEqual(4);
    expect(JSON.stringify(views)).not.toContain(note);
  });

  // Tried: the same in what metadata has: topics, resources, actions, names of scopes below, priorities. Stopped by: they are few and short.
  it('is as narrow in the metadata of a protected scope as is declared', async () => {
    await using world = twoAgents();
    const letters = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
    const short = fc.stringMatching(/^[a-z0-9./-]{1,34}$/);
    const name = fc.oneof(letters, short, fc.constantFrom('disk', 'packing', note));
    const scope = fc.oneof(
      fc.constant('half'),
      fc.stringMatching(/^[a-z0-9]{1,40}$/).map((tail) => `half/${tail}`),
    );
    const attempt = fc.oneof(
      fc.record({ scope, topic: name }).map((at) => draftOf('observation', {}, at)),
      fc.record({ scope, topic: name }).map((at) => draftOf('warning', {}, at)),
      fc
        .record({ scope, resource: name, action: name })
        .map(({ scope, ...says }) => draftOf('intent', says, { scope })),
      fc
        .record({ scope, priority: fc.double({ min: 0, max: 1, noNaN: true }) })
        .map(({ scope, priority }) =>
          draftOf('need', { priority: priority > 0.5 ? priority : Math.round(10 * priority) / 10 }, { scope }),
        ),
    );
    const tries = fc.sample(attempt, { numRuns: 2_000, seed: 1 });
    const taken = (await Promise.allSettled(tries.map((draft) => world.as('p').write(draft)))).filter(
      ({ status }) => status === 'fulfilled',
    );
    expect(taken.length).toBeGreaterThan(50);
    const seen = (await world.as('q').query({ scope: 'half', below: true, minStrength: 0 })).map(({ mark }) => mark);
    expect(seen).toHaveLength(taken.length);
    const shown = (key: string) => new Set(seen.flatMap((mark) => (mark as Record<string, unknown>)[key] ?? []));
    const names = ['topic', 'resource', 'action'].flatMap((key) => [...shown(key)] as string[]);
    const tails = [...shown('scope')]
      .map((path) => (path as string).slice('half/'.length))
      .filter((tail) => tail !== '');
    const all = new Set([...names, ...tails]);
    expect(all.size).toBe(16);
    for (const one of all) expect(one).toMatch(/^[a-z0-9./-]{1,32}$/);
    expect(shown('priority').size).toBeLessThanOrEqual(11);
    // All that the author has a say in, besides which of its marks a mark takes the place of or warns against.
    expect([...new Set(seen.flatMap(Object.keys))].sort()).toEqual(
      // biome-ignore format: the first line is the author's, the second the guard's.
      ['kind', 'scope', 'topic', 'resource', 'action', 'priority', 'blocking', 'severity', 'source', 'supersedes', 'invalidates',
       'id', 'author', 'createdAtMs', 'order', 'strength', 'confidence', 'flags'].sort(),
    );
  });

  // Tried: more names by withdrawing, waiting, or asking a guard that was opened anew. Stopped by: names count as long as their marks are there.
  it('does not get wider by time, nor by a guard opened anew', async () => {
    const store = createMemoryMarkStore();
    await using world = twoAgents({ store });
    const say = (topic: string) => draftOf('observation', {}, { scope: 'half', topic });
    const first = await world.as('p').write(say('name-0'));
    for (let i = 1; i < 16; i += 1) await world.as('p').write(say(`name-${i}`));
    await world.as('p').withdraw(first.id, 'gone');
    world.clock.increment(1e9);
    expect(await refusalOf(world.as('p').write(say('one-more')))).toContain('too-many');
    await using anew = twoAgents({ store });
    expect(await refusalOf(anew.as('p').write(say('one-more')))).toContain('too-many');
    expect(await refusalOf(anew.as('p').write(say('name-0')))).toBe('not refused');
  });

  // Tried: one's own topic where the scope lists them. Stopped by: only those are taken.
  it('is in no topic where the scope lists them', async () => {
    const half = { path: 'half', visibility: 'protected' as const, topics: ['t'] };
    await using world = twoAgents({ scopes: [{ path: 'x' }, { path: 'corner' }, half] });
    const draft = draftOf('observation', {}, { scope: 'half', topic: note });
    await expect(world.as('p').write(draft)).rejects.toMatchObject({ details: { check: 'topic' } });
  });

  // Tried: a message in the names of a genome's files, to a peer that sees no peers. Stopped by: nothing of a peer is mounted, names included.
  it('is not in names of files where peers are invisible', async () => {
    const fixture = await openSpace();
    await publishNamed(fixture);
    const [mount] = await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { strategies: 'none' }));
    expect(listTree(mount!.source)).toEqual({});
    expect(mount!.source).not.toContain(note);
  });

  // Tried: the same to a peer of the sham arm, where contents are replaced. Stopped by: names are replaced, too.
  it('is not in a sham strategy, neither in names of files nor in their contents nor in the manifest', async () => {
    const fixture = await openSpace();
    await publishNamed(fixture);
    const [mount] = await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { strategies: 'sham' }));
    const shown = listTree(mount!.source);
    expect(Object.keys(shown).filter((path) => path.startsWith('b_gen1/') && path.endsWith('.txt'))).toHaveLength(1);
    expect(JSON.stringify(shown)).not.toContain(note);
  });

  // Tried: a message in what the journal says of a refusal, which reports show. Stopped by: it is quoted, cut and without control characters.
  it('is not opened by words of an agent in a refusal: they are quoted and cut', async () => {
    await using world = twoAgents();
    const loud = `\u001b[2J${'x'.repeat(5_000)}`;
    await refusalOf(world.as('q').resolve(loud, 'yes'));
    await refusalOf(world.as('q').query({ scope: loud }));
    for (const { body } of world.journal.facts) {
      const { message } = body as { message: string };
      expect(message.length).toBeLessThan(500);
      expect(message).not.toMatch(/\p{Cc}/u);
    }
  });
});

async function publishNamed({ space, genomes }: Awaited<ReturnType<typeof openSpace>>): Promise<void> {
  const telling = manifest.replace('task.mjs', `${note}.txt`);
  const genome = genomes.put(treeOf({ 'genome.json': telling, [`${note}.txt`]: `${note} and more words\n` }));
  await space.handleFor(b).publish({ generation: 1, genome, commit: commitOf('n'), score: 0.5 });
}

describe('an oversize payload', () => {
  // Tried: filling the disk or the memory through one field. Stopped by: every field of a mark has a largest size.
  it.each<[string, object]>([
    ['a resource', draftOf('intent', { resource: 'r'.repeat(257) })],
    ['an action', draftOf('intent', { action: 'r'.repeat(257) })],
    ['a reason', draftOf('warning', { reason: 'r'.repeat(4_097) }, { scope: 'corner' })],
    ['a question', draftOf('need', { question: 'r'.repeat(4_097) })],
    ['a context', draftOf('need', { context: 'r'.repeat(300_000) })],
    [
      'ten thousand unknown fields',
      draftOf('need', Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`f${i}`, 1]))),
    ],
  ])('is not taken in %s', async (_what, draft) => {
    await using world = twoAgents();
    await expect(world.as('q').write(draft as never)).rejects.toMatchObject({ details: { check: 'kind' } });
    expect(world.store.size).toBe(0);
    expect(JSON.stringify(world.journal.facts).length).toBeLessThan(2_000);
  });

  // Tried: the same by what a withdrawal says. Stopped by: the statement must be what a mark can keep.
  it('is not taken in the reason of a withdrawal, which then did not happen', async () => {
    await using world = twoAgents();
    const { id } = await world.as('q').write(draftOf('observation'));
    await expect(world.as('q').withdraw(id, 'x'.repeat(300_000))).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
    expect(await world.as('p').query({ scope: 'x' })).toMatchObject([{ supersededBy: null }]);
  });
});
