import { describe, expect, it } from 'vitest';
import type { NewMark } from '../../markspace/mark.ts';
import type { MarkStore } from '../../markspace/store.ts';

export function aMark(id: string, changes: Partial<NewMark> = {}): NewMark {
  return {
    kind: 'observation',
    id,
    scope: 'strategies/a',
    author: 'a',
    createdAtMs: 1_000,
    topic: 'strategy',
    content: { generation: 1, note: 'naïve 🦎\nsecond line' },
    confidence: 0.5,
    supersedes: null,
    payload: null,
    ...changes,
  };
}

/** The contract of `MarkStore`, for any adapter. `open` gives an empty store. */
export function markStoreSuite(name: string, open: () => Promise<MarkStore>): void {
  describe(`MarkStore contract: ${name}`, () => {
    it('gives back what was appended, with its place in the order', async () => {
      await using store = await open();
      const first = await store.append(aMark('m1'));
      const second = await store.append(aMark('m2', { scope: 'strategies/b' }));
      expect(first).toEqual({ ...aMark('m1'), order: 0 });
      expect(second.order).toBe(1);
      expect(store.get('m1')).toEqual(first);
      expect(store.size).toBe(2);
    });

    it('keeps the first mark when an id comes again with other content', async () => {
      await using store = await open();
      const first = await store.append(aMark('m1', { confidence: 0.5 }));
      const again = await store.append(aMark('m1', { confidence: 99, author: 'b', scope: 'strategies/b' }));
      expect(again).toEqual(first);
      expect(store.size).toBe(1);
      expect(store.inScope('strategies/b')).toEqual([]);
    });

    it('makes one mark of eight concurrent appends of one id', async () => {
      await using store = await open();
      const made = await Promise.all(Array.from({ length: 8 }, (_, i) => store.append(aMark('m1', { confidence: i }))));
      expect(new Set(made.map((m) => m.confidence)).size).toBe(1);
      expect(store.size).toBe(1);
    });

    it('orders concurrent appends totally, without gaps', async () => {
      await using store = await open();
      const made = await Promise.all(Array.from({ length: 64 }, (_, i) => store.append(aMark(`m${i}`))));
      expect(made.map((m) => m.order).sort((x, y) => x - y)).toEqual(Array.from({ length: 64 }, (_, i) => i));
      expect(store.inScope('strategies/a').map((m) => m.order)).toEqual(Array.from({ length: 64 }, (_, i) => i));
    });

    it('lists one scope in order and leaves subscopes and look-alikes out', async () => {
      await using store = await open();
      for (const scope of ['a', 'a/b', 'a', 'ab', 'a/']) await store.append(aMark(`m${store.size}`, { scope }));
      expect(store.inScope('a').map((m) => m.id)).toEqual(['m0', 'm2']);
      expect(store.inScope('nothing-here')).toEqual([]);
    });

    it('freezes marks all the way down', async () => {
      await using store = await open();
      const mark = await store.append(aMark('m1', { content: { deep: [{ er: 1 }] } }));
      expect(() => Object.assign(mark, { confidence: 9 })).toThrow(TypeError);
      const { deep } = mark.content as { deep: { er: number }[] };
      expect(() => deep.push({ er: 2 })).toThrow(TypeError);
      expect(() => Object.assign(deep[0]!, { er: 2 })).toThrow(TypeError);
    });

    it('is not changed by later changes of what the caller holds', async () => {
      await using store = await open();
      const content = { score: 1 };
      const mine = aMark('m1', { content });
      const appended = store.append(mine);
      content.score = 2;
      Object.assign(mine, { confidence: 9 });
      await appended;
      expect(store.get('m1')).toMatchObject({ content: { score: 1 }, confidence: 0.5 });
      (store.inScope('strategies/a') as unknown[]).length = 0;
      expect(store.inScope('strategies/a')).toHaveLength(1);
    });

    it.each([
      ['a confidence that is no number', { confidence: Number.NaN }],
      ['an infinite confidence', { confidence: Number.POSITIVE_INFINITY }],
      ['an unknown kind', { kind: 'rumour' }],
      ['a field of its own', { trust: 1 }],
    ])('refuses %s and stores nothing', async (_what, changes) => {
      await using store = await open();
      await expect(store.append(aMark('m1', changes as Partial<NewMark>))).rejects.toMatchObject({
        code: 'MESSAGE_INVALID',
      });
      expect(store.get('m1')).toBeNull();
      expect(store.size).toBe(0);
    });

    it('refuses appends once it is closed, and closes twice without harm', async () => {
      const store = await open();
      const last = store.append(aMark('m1'));
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      expect((await last).order).toBe(0);
      await expect(store.append(aMark('m2'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    });
  });
}
