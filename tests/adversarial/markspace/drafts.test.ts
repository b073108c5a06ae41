import { expect, it } from 'vitest';
import type { Draft } from '../../../markspace/check.ts';
import type { Observation } from '../../../markspace/mark.ts';
import { createMemoryMarkStore } from '../../../markspace/stores/memory-store.ts';
import { openWorld } from '../../markspace/properties/world.ts';
import { a, openSpace } from '../../markspace/space-fixture.ts';

const note = (fields: object = {}): Draft => ({
  ...{ kind: 'observation', scope: 'x', topic: 't1' },
  fields: { content: 1, source: 'fleet', ...fields },
});
const world = (changes = {}) => openWorld(createMemoryMarkStore(), changes);

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i += 1) value = [value];
  return value;
}

const circular: Record<string, unknown> = {};
circular.self = circular;

it.each<[string, () => unknown]>([
  ['that is larger than a mark may be', () => note({ content: 'x'.repeat(300_000) })],
  ['nested 100 levels deep', () => note({ content: nested(100) })],
  ['nested 100 000 levels deep', () => note({ content: nested(100_000) })],
  ['that contains itself', () => note({ content: circular })],
  ['with a member named __proto__', () => note({ content: JSON.parse('{"__proto__":{"allowed":true}}') })],
  [
    'with a field named __proto__',
    () => ({ ...note(), fields: JSON.parse('{"__proto__":1,"content":1,"source":"fleet"}') }),
  ],
  ['that turns into another kind as JSON', () => ({ toJSON: () => ({ ...note(), kind: 'action' }) })],
  [
    'whose getter throws',
    () => ({
      get kind() {
        throw new Error('no');
      },
    }),
  ],
  ['with an empty topic', () => ({ ...note(), topic: '' })],
  ['with a topic of a megabyte', () => ({ ...note(), topic: 't'.repeat(1_000_000) })],
  ['with a scope that is a list', () => ({ ...note(), scope: ['x'] })],
  ['of a source that does not exist', () => note({ source: 'oracle' })],
])('does not take a draft %s', async (_what, draft) => {
  await using space = world();
  await expect(space.as('p').write(draft() as Draft)).rejects.toMatchObject({
    code: 'MARKSPACE_DENIED',
    details: { check: 'kind' },
  });
  expect(space.store.size).toBe(0);
  const [fact] = space.journal.facts;
  expect(JSON.stringify(fact).length).toBeLessThan(2_000);
});

it('takes what the draft said when it was offered, whatever it says afterwards', async () => {
  await using space = world();
  const content = { value: 1 };
  const draft = { ...note({ content }) };
  const writing = space.as('p').write(draft);
  content.value = 2;
  Object.assign(draft, { scope: 'w', kind: 'need' });
  expect(await writing).toMatchObject({ kind: 'observation', scope: 'x', content: { value: 1 } });
});

it('asks a draft once: one that answers differently every time is judged and kept as the same', async () => {
  await using space = world({ scopes: [{ path: 'x' }, { path: 'w', topics: ['none'] }] });
  let asked = 0;
  const shifting = {
    kind: 'observation',
    get scope() {
      return asked++ === 0 ? 'x' : 'w';
    },
    topic: 't1',
    fields: note().fields,
  } as Draft;
  expect(await space.as('p').write(shifting)).toMatchObject({ scope: 'x' });
});

it('does not act elsewhere than where it was judged', async () => {
  await using space = world();
  let asked = 0;
  const request = {
    get scope() {
      return asked++ === 0 ? 'x' : 'w';
    },
    resource: { toJSON: () => 'disk' } as unknown as string,
    action: 'use',
    tool: () => 1,
  };
  const acted = await space.as('p').act(request);
  expect(acted).toMatchObject({ status: 'done', action: { scope: 'x', resource: 'disk' } });
  expect(space.marks().map(({ scope }) => scope)).toEqual(['x', 'x']);
});

it.each<[string, unknown, unknown]>([
  ['nothing', undefined, null],
  ['what is no JSON', 1n, null],
  ['a function', () => 1, null],
  ['more than a mark may hold', 'x'.repeat(300_000), null],
  ['a value with a life of its own', { toJSON: () => ({ shown: 1 }) }, { shown: 1 }],
])('records that a tool was called when it returns %s', async (_what, returned, kept) => {
  await using space = world();
  const acted = await space.as('p').act({ scope: 'x', resource: 'disk', action: 'use', tool: () => returned });
  expect(acted).toMatchObject({ status: 'done', action: { result: kept, failed: false } });
  await expect(space.as('q').act({ scope: 'x', resource: 'disk', action: 'use', tool: () => 1 })).rejects.toMatchObject(
    { details: { rule: 'finished' } },
  );
});

it('lets one of many that act on a resource at once call its tool, and the others say why not', async () => {
  await using space = world();
  let calls = 0;
  const tool = async () => {
    calls += 1;
    await Promise.resolve();
    return 1;
  };
  const racing = ['p', 'q', 'r', 'p', 'q'].map((id) =>
    space.as(id).act({ scope: 'x', resource: 'disk', action: 'use', tool }),
  );
  const settled = await Promise.allSettled(racing);
  expect(settled.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
  expect(calls).toBe(1);
});

it('does not let a surer agent act while a tool is at work on the resource', async () => {
  const assess = (id: string) => ({ strength: 1, confidence: id === 'q' ? 1 : 0 });
  await using space = world({ scopes: [{ path: 'x', conflicts: 'highest-confidence' }, { path: 'w' }], assess });
  let finish = () => {};
  const slow = space.as('p').act({
    ...{ scope: 'x', resource: 'disk', action: 'use' },
    tool: () => new Promise<number>((resolve) => (finish = () => resolve(1))),
  });
  await Promise.resolve();
  let calls = 0;
  const other = { scope: 'x', resource: 'disk', action: 'use', tool: () => (calls += 1) };
  await expect(space.as('q').act(other)).rejects.toMatchObject({ details: { check: 'conflict', rule: 'busy' } });
  finish();
  await slow;
  expect(calls).toBe(0);
});

it('does not let a finished action be forged by writing one', async () => {
  await using space = world();
  const fields = { resource: 'disk', action: 'use', result: 1, failed: false };
  const forged = { kind: 'action', scope: 'x', topic: null, fields } as Draft;
  await expect(space.as('p').write(forged)).rejects.toMatchObject({ details: { check: 'kind', rule: 'action' } });
});

it('does not let one agent hold a resource for ever by announcing again and again', async () => {
  await using space = world({ scopes: [{ path: 'x', intentTtlMs: 1_000 }, { path: 'w' }] });
  const intent: Draft = { kind: 'intent', scope: 'x', topic: null, fields: { resource: 'disk', action: 'use' } };
  const first = await space.as('p').write(intent);
  await expect(space.as('p').write(intent)).rejects.toMatchObject({ details: { rule: 'announced', winner: first.id } });
  space.clock.increment(900);
  const renewed = { ...intent, fields: { ...intent.fields, supersedes: first.id } };
  await space.as('q').write(intent);
  await space.as('p').write(renewed);
  space.clock.increment(200);
  // Who waited comes before who asked anew.
  const acted = await space.as('q').act({ scope: 'x', resource: 'disk', action: 'use', tool: () => 1 });
  expect(acted).toMatchObject({ status: 'done' });
});

it('does not let a lineage write where only measured strategies lie', async () => {
  const { space, store } = await openSpace();
  const forged: Draft = {
    ...{ kind: 'observation', scope: 'strategies/a', topic: 'strategy' },
    fields: { content: { generation: 9, commit: 'f'.repeat(40) }, source: 'fleet' },
  };
  await expect(space.handleFor(a).write(forged)).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
  expect(store.size).toBe(0);
  expect(space.snapshot()).toEqual([]);
});

it('takes a mark that got into the store some other way for no strategy', async () => {
  const { space, store, publishAll } = await openSpace();
  await publishAll({ a: 0.5 });
  const [first] = store.inScope('strategies/a') as Observation[];
  await store.append({ ...first!, id: 'note', score: null, content: { generation: 9, commit: 'f'.repeat(40) } });
  expect(space.snapshot()).toMatchObject([{ lineage: 'a', generation: 1 }]);
  expect(await space.handleFor(a).read('strategies/a')).toHaveLength(2);
});
