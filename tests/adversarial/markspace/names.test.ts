import { describe, expect, it } from 'vitest';
import type { Query } from '../../../markspace/reading/query.ts';
import { draftOf, twoAgents } from './two-agents.ts';

/** Another spelling of a scope that q may use, or a way from it to one that q may not. */
const spellings: readonly (readonly [string, unknown])[] = [
  ['a parent directory', 'x/../hidden'],
  ['a dot', './x'],
  ['a doubled slash', 'x//y'],
  ['a trailing slash', 'x/'],
  ['a leading slash', '/hidden'],
  ['capitals', 'X'],
  ['a space', 'x '],
  ['a NUL byte', 'x\0/hidden'],
  ['a line feed', 'x\nhidden'],
  ['a backslash', 'x\\hidden'],
  ['percent encoding', '%68idden'],
  ['a wildcard', '*'],
  ['a wildcard of the broker', 'x.>'],
  ['nothing', ''],
  ['a name of 300 characters', `${'x/'.repeat(150)}x`],
  ['a Cyrillic letter', 'х'],
  ['a full-width letter', 'ｘ'],
  ['a zero-width space', 'x\u200b'],
  ['a zero-width joiner inside', 'hid\u200dden'],
  ['a byte-order mark', '\ufeffx'],
  ['a direction override', '\u202eneddih'],
  ['a combining mark', 'x\u0301'],
  ['a letter that folds to another', 'hıdden'],
  ['a lone surrogate', 'x\ud800'],
  ['an object that says it is one', { toString: () => 'hidden' }],
  ['a list', ['hidden']],
  ['the prototype', '__proto__'],
];

// Tried: reaching a scope by another name. Stopped by: a scope has one spelling, of lower-case words of ASCII.
describe.each(spellings)('a scope spelled with %s', (_what, scope) => {
  it('is nothing to write to, to act in or to query', async () => {
    await using world = twoAgents();
    await world.as('p').write(draftOf('observation', {}, { scope: 'hidden' }));
    const q = world.as('q');
    await expect(q.write(draftOf('observation', {}, { scope }))).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
    const act = { scope: scope as string, resource: 'disk', action: 'use', tool: () => 1 };
    await expect(q.act(act)).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
    await expect(q.query({ scope, below: true } as Query)).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
    expect(world.store.size).toBe(1);
    expect(world.journal.facts.length).toBeGreaterThanOrEqual(3);
  });
});

// Tried: passing for an allowed topic, or for another's. Stopped by: topics are compared as they are.
it.each([
  ['a look-alike letter', 'strаtegy'],
  ['a zero-width space', 'strategy\u200b'],
  ['capitals', 'Strategy'],
  ['full-width letters', 'ｓtrategy'],
  ['a direction override', '\u202estrategy'],
])('does not take a topic with %s for the one that a scope takes', async (_what, topic) => {
  await using world = twoAgents({ scopes: [{ path: 'x', topics: ['strategy'] }, { path: 'corner' }] });
  await expect(world.as('q').write(draftOf('observation', {}, { topic }))).rejects.toMatchObject({
    details: { check: 'topic' },
  });
  expect(world.store.size).toBe(0);
});

// Tried: lending a peer's mark support, or taking part in it, by a topic that looks the same. Stopped by: the same.
it('does not let a topic that only looks like another be found by it or weigh with it', async () => {
  await using world = twoAgents();
  await world.as('p').write(draftOf('observation', {}, { topic: 'caf\u00e9' }));
  await world.as('q').write(draftOf('observation', {}, { topic: 'cafe\u0301' }));
  const found = await world.as('p').query({ scope: 'x', topic: 'caf\u00e9' });
  expect(found.map(({ mark, support }) => [mark.author, support.authors])).toEqual([['p', 1]]);
});

// Tried: naming another's mark by an id that only looks like it, or that a table holds by itself. Stopped by: ids are looked up as they are.
it.each(['__proto__', 'constructor', 'toString', '', ' ', '../x', '\u200b', 'x'.repeat(10_000)])(
  'finds no mark by the id %j',
  async (id) => {
    await using world = twoAgents();
    const q = world.as('q');
    for (const asked of [
      q.write(draftOf('observation', { supersedes: id })),
      q.write(draftOf('warning', { invalidates: id }, { scope: 'corner' })),
      q.resolve(id, 'yes'),
      q.withdraw(id, 'no'),
    ]) {
      await expect(asked).rejects.toMatchObject({ code: 'MARKSPACE_DENIED', details: { rule: 'not-yours' } });
    }
    expect(world.store.size).toBe(0);
  },
);

// Tried: an id with invisible characters added, to have it pass a look by eye and mean the real one. Stopped by: the same.
it('does not take an id with something invisible in it for the one without', async () => {
  await using world = twoAgents();
  const { id } = await world.as('q').write(draftOf('need'));
  for (const near of [`${id}\u200b`, ` ${id}`, id.toUpperCase(), id.replace('-', '\u2010')]) {
    await expect(world.as('q').withdraw(near, 'x')).rejects.toMatchObject({ details: { rule: 'not-yours' } });
  }
  expect(world.store.size).toBe(1);
});

// Tried: being somebody else by a name that is nearly theirs. Stopped by: handles exist for known names only.
it.each(['p ', 'P', 'р', 'p\u200b', '__proto__', 'constructor', '', 'boss\0'])('has no handle for %j', (id) => {
  const world = twoAgents();
  expect(() => world.space.memberHandle(id)).toThrow(expect.objectContaining({ code: 'MARKSPACE_DENIED' }));
  expect(() => world.space.handleFor(id as never)).toThrow(expect.objectContaining({ code: 'MARKSPACE_DENIED' }));
});
