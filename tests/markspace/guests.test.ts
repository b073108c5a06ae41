import { expect, it } from 'vitest';
import { guestDesk } from '../../markspace/guests.ts';
import { createMemoryMarkStore } from '../../markspace/stores/memory-store.ts';
import { a, b, openSpace } from './space-fixture.ts';

/** A guard whose store keeps nothing before it is let go on, and what a guest gets to hear. */
async function openDesk() {
  let goOn = () => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const kept = createMemoryMarkStore();
  const store = Object.assign(Object.create(kept) as typeof kept, {
    append: async (mark: Parameters<typeof kept.append>[0]) => {
      await gate;
      return kept.append(mark);
    },
  });
  const { space } = await openSpace({ store });
  const answer = guestDesk(space);
  const ask = async (lineage: typeof a, request: unknown, maxBytes = 1_000_000) =>
    JSON.parse(Buffer.from(await answer(lineage, Buffer.from(JSON.stringify(request)), maxBytes)).toString()) as {
      value?: unknown;
      error?: { code: string };
    };
  return { ask, goOn };
}

const noteOf = (lineage: string, content: unknown = 'said') => ({
  call: 'write',
  draft: {
    ...{ kind: 'observation', scope: `lineages/${lineage}`, topic: 't' },
    fields: { content, source: 'unverified' },
  },
});

it('lets a lineage have so many requests under way, others as many, and more when they are answered', async () => {
  const { ask, goOn } = await openDesk();
  const first = Array.from({ length: 64 }, () => ask(a, noteOf('a')));
  expect(await ask(a, noteOf('a'))).toMatchObject({ error: { code: 'BUSY' } });
  const other = ask(b, noteOf('b'));
  goOn();
  for (const answered of [...(await Promise.all(first)), await other]) expect(answered).toHaveProperty('value');
  expect(await ask(a, noteOf('a'))).toHaveProperty('value');
});

it('says when an answer does not fit into a message', async () => {
  const { ask, goOn } = await openDesk();
  goOn();
  await ask(a, noteOf('a', 'x'.repeat(2_000)));
  const query = { call: 'query', query: { scope: 'lineages/a' } };
  expect(await ask(a, query, 1_000)).toMatchObject({ error: { code: 'TOO_LARGE' } });
  expect(await ask(a, query)).toMatchObject({ value: [{ mark: { author: 'a' } }] });
});

it('says no more than that it could not, when a mark cannot be kept', async () => {
  const kept = createMemoryMarkStore();
  const store = Object.assign(Object.create(kept) as typeof kept, {
    append: () => Promise.reject(new Error('/secret/path is full')),
  });
  const { space } = await openSpace({ store });
  const bytes = await guestDesk(space)(a, Buffer.from(JSON.stringify(noteOf('a'))), 1_000);
  const said = Buffer.from(bytes).toString();
  expect(JSON.parse(said)).toMatchObject({ error: { code: 'FAILED' } });
  expect(said).not.toContain('secret');
});
