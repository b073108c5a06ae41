import fc from 'fast-check';
import { describe, expect } from 'vitest';
import type { Mark, Observation, Unplaced } from '../../markspace/mark.ts';
import type { MarkStore } from '../../markspace/store.ts';
import type { Json } from '../../src/core/json.ts';
import type { MarkStoreKind } from '../support/mark-stores.ts';
import { itNeeds } from '../support/require-service.ts';

export function aMark(id: string, changes: Partial<Unplaced<Observation>> = {}): Unplaced<Observation> {
  return {
    kind: 'observation',
    id,
    scope: 'strategies/a',
    author: 'a',
    createdAtMs: 1_000,
    supersedes: null,
    payload: null,
    strength: 1,
    flags: [],
    topic: 'strategy',
    content: { generation: 1, note: 'naïve 🦎\nsecond line' },
    confidence: 0.5,
    source: 'fleet',
    score: 47.4375,
    ...changes,
  };
}

/** The contract of `MarkStore`, for any adapter. `open` gives an empty store. */
export function markStoreSuite({ name, open, missing }: MarkStoreKind): void {
  const it = itNeeds(name, missing);
  describe(`MarkStore contract: ${name}`, () => {
    it('gives back what was appended, with its place in the order', async () => {
      await using store = await open();
      const first = await store.append(aMark('m1'));
      const second = await store.append(aMark('m2', { scope: 'strategies/b' }));
      expect(first).toEqual({ ...aMark('m1'), order: expect.any(Number) });
      expect(second.order).toBeGreaterThan(first.order);
      expect(store.get('m1')).toEqual(first);
      expect(store.size).toBe(2);
    });

    it('keeps the first mark when an id comes again with other content', async () => {
      await using store = await open();
      const first = await store.append(aMark('m1', { confidence: 0.5 }));
      const again = await store.append(aMark('m1', { confidence: 0.9, author: 'b', scope: 'strategies/b' }));
      expect(again).toEqual(first);
      expect(store.size).toBe(1);
      expect(store.inScope('strategies/b')).toEqual([]);
    });

    it('makes one mark of eight concurrent appends of one id', async () => {
      await using store = await open();
      const made = await Promise.all(Array.from({ length: 8 }, (_, i) => store.append(aMark('m1', { score: i }))));
      expect(new Set(made.map((m) => (m as Observation).score)).size).toBe(1);
      expect(store.size).toBe(1);
    });

    it('orders concurrent appends totally', async () => {
      await using store = await open();
      const made = await Promise.all(Array.from({ length: 64 }, (_, i) => store.append(aMark(`m${i}`))));
      expect(new Set(made.map((m) => m.order)).size).toBe(64);
      const inOrder = made.toSorted((x, y) => x.order - y.order);
      expect(store.inScope('strategies/a')).toEqual(inOrder);
      expect(store.since(0)).toEqual(inOrder);
    });

    it('orders by cause, over all scopes', async () => {
      await using store = await open();
      const orders: number[] = [];
      for (let i = 0; i < 20; i += 1) orders.push((await store.append(aMark(`m${i}`, { scope: `s${i % 3}` }))).order);
      expect(orders).toEqual(orders.toSorted((x, y) => x - y));
      expect(new Set(orders).size).toBe(20);
    });

    it('shows a mark to every reader as soon as its append has resolved', async () => {
      await using store = await open();
      const seen = Array.from({ length: 16 }, async (_, i) => {
        const mark = await store.append(aMark(`m${i}`));
        return store.get(mark.id) === mark && store.inScope(mark.scope).includes(mark);
      });
      expect(await Promise.all(seen)).toEqual(Array(16).fill(true));
    });

    it('lists one scope in order and leaves subscopes and look-alikes out', async () => {
      await using store = await open();
      for (const scope of ['a', 'a/b', 'a', 'ab', 'b/a']) await store.append(aMark(`m${store.size}`, { scope }));
      expect(store.inScope('a').map((m) => m.id)).toEqual(['m0', 'm2']);
      expect(store.inScope('nothing-here')).toEqual([]);
    });

    it('lists a scope with all below it in the one order, also where only what is below has marks', async () => {
      await using store = await open();
      for (const scope of ['a/b/c', 'b', 'a', 'a/b', 'ab', 'a/d/e', 'a/b']) {
        await store.append(aMark(`m${store.size}`, { scope }));
      }
      expect(store.under('a').map((m) => m.id)).toEqual(['m0', 'm2', 'm3', 'm5', 'm6']);
      expect(store.under('a/d').map((m) => m.id)).toEqual(['m5']);
      expect(store.under('a/b/c/d')).toEqual([]);
      (store.under('a') as unknown[]).length = 0;
      expect(store.under('a')).toHaveLength(5);
    });

    it('lists what came from a place in the order on', async () => {
      await using store = await open();
      const orders: number[] = [];
      for (const scope of ['a', 'b', 'a']) {
        orders.push((await store.append(aMark(`m${store.size}`, { scope }))).order);
      }
      expect(store.since(0).map((m) => m.id)).toEqual(['m0', 'm1', 'm2']);
      const tail = store.since(orders[1]! + 1);
      await store.append(aMark('m3'));
      expect(tail.map((m) => m.id)).toEqual(['m2']);
      expect(store.since(store.get('m3')!.order + 1)).toEqual([]);
    });

    it('freezes marks all the way down', async () => {
      await using store = await open();
      const mark = await store.append(aMark('m1', { content: { deep: [{ er: 1 }] } }));
      expect(() => Object.assign(mark, { confidence: 9 })).toThrow(TypeError);
      const { deep } = (mark as Observation).content as unknown as { deep: { er: number }[] };
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

    it('holds what the JSON of a mark would be read back as', async () => {
      await using store = await open();
      let n = 0;
      await fc.assert(
        fc.asyncProperty(fc.jsonValue({ maxDepth: 6 }), async (content) => {
          const mine = aMark(`m${(n += 1)}`, { content: content as Json });
          const held = (await store.append(mine)) as Observation;
          expect(held.content).toStrictEqual(JSON.parse(JSON.stringify(content)));
          expect(JSON.stringify(held.content)).toBe(JSON.stringify(content));
        }),
        { examples: [[JSON.parse('{"__proto__":{"order":7}}')], [{ at: [-0, { b: undefined }] }]] },
      );
    });

    const loop: unknown[] = [];
    loop.push(loop);
    it.each<[string, object]>([
      ['a number that is none', { confidence: Number.NaN }],
      ['an infinite number', { content: [{ deep: Number.POSITIVE_INFINITY }] }],
      ['a hole in a list', { content: [1, undefined] }],
      ['a date', { content: new Date(0) }],
      ['a map', { content: new Map() }],
      ['an object that says what its JSON is', { content: { toJSON: () => 1 } }],
      ['a list within itself', { content: loop }],
      ['an id that is no token', { id: 'a/b' }],
      ['an id in capitals', { id: 'M1' }],
      ['no id', { id: undefined }],
      ['a scope with an empty part', { scope: 'a/' }],
      ['a scope that climbs', { scope: 'a/../b' }],
    ])('refuses %s and stores nothing', async (_what, changes) => {
      await using store = await open();
      await expect(store.append(aMark('m1', changes))).rejects.toMatchObject({ code: 'MESSAGE_INVALID' });
      await store.append(aMark('m2'));
      expect(store.since(0).map((m) => m.id)).toEqual(['m2']);
      expect(store.size).toBe(1);
    });

    describe('compaction', () => {
      const few = async (store: MarkStore) => {
        for (let i = 0; i < 9; i += 1) await store.append(aMark(`m${i}`, { scope: `s/${i % 2}`, score: i }));
      };
      const isThird = (mark: Mark) => Number(mark.id.slice(1)) % 3 === 0;

      it('drops what is not needed and leaves the rest where it was', async () => {
        await using store = await open();
        await few(store);
        const before = store.since(0);
        expect(await store.compact(isThird)).toEqual({ kept: 3, dropped: 6 });
        const needed = before.filter(isThird);
        expect(store.since(0)).toEqual(needed);
        expect(store.under('s')).toEqual(needed);
        expect(store.inScope('s/1').map((m) => m.id)).toEqual(['m3']);
        expect(store.size).toBe(3);
        expect(store.get('m1')).toBeNull();
        expect((await store.append(aMark('m9'))).order).toBeGreaterThan(before.at(-1)!.order);
      });

      it('does not bring a dropped mark back when it is appended again', async () => {
        await using store = await open();
        await few(store);
        const { order } = store.get('m4')!;
        await store.compact(isThird);
        await store.compact(() => true);
        expect(await store.append(aMark('m4', { score: 77 }))).toMatchObject({ id: 'm4', order });
        expect(store.get('m4')).toBeNull();
        expect(store.size).toBe(3);
      });

      it('asks about each mark once, in order, and about none that came later', async () => {
        await using store = await open();
        await few(store);
        const asked: string[] = [];
        const appends: Promise<Mark>[] = [];
        const { kept } = await store.compact((mark) => {
          asked.push(mark.id);
          appends.push(store.append(aMark(`n${appends.length}`)));
          return false;
        });
        expect(kept).toBe(0);
        expect(asked).toEqual(Array.from({ length: 9 }, (_, i) => `m${i}`));
        const added = await Promise.all(appends);
        expect(store.since(0)).toEqual(added.toSorted((x, y) => x.order - y.order));
      });

      it('drops nothing when the rule fails', async () => {
        await using store = await open();
        await few(store);
        const rule = (mark: Mark) => {
          if (mark.id === 'm5') throw new RangeError('undecided');
          return false;
        };
        await expect(store.compact(rule)).rejects.toThrow('undecided');
        expect(store.size).toBe(9);
        expect(await store.compact(isThird)).toEqual({ kept: 3, dropped: 6 });
      });

      it('is done one at a time', async () => {
        await using store = await open();
        await few(store);
        const [first, second] = await Promise.all([store.compact(isThird), store.compact(() => false)]);
        expect(first).toEqual({ kept: 3, dropped: 6 });
        expect(second).toEqual({ kept: 0, dropped: 3 });
        expect(store.since(0)).toEqual([]);
      });
    });

    it('refuses appends once it is closed, and closes twice without harm', async () => {
      const store = await open();
      const last = store.append(aMark('m1'));
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      expect((await last).id).toBe('m1');
      await expect(store.append(aMark('m2'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
      await expect(store.compact(() => true)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    });
  });
}
