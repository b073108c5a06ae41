import { describe, expect, it } from 'vitest';
import type { NewMark, Observation } from '../../markspace/mark.ts';
import { defaultPolicy } from '../../markspace/policy.ts';
import type { MarkStore } from '../../markspace/store.ts';
import { createMemoryMarkStore } from '../../markspace/stores/memory-store.ts';
import { StorageFailedError } from '../../src/core/errors.ts';
import { parseGenomeId, parseLineageId } from '../../src/core/ids.ts';
import { a, aGenome, b, c, commitOf, openSpace } from './space-fixture.ts';

describe('publishing', () => {
  it('writes author, scope, score and time itself', async () => {
    const { space, genomes, store } = await openSpace();
    const genome = genomes.put(aGenome('x'));
    const mark = await space.handleFor(a).publish({ generation: 3, genome, commit: commitOf('x'), score: 0.5 });
    expect(mark).toMatchObject({
      author: 'a',
      scope: 'strategies/a',
      confidence: 1,
      score: 0.5,
      createdAtMs: 5_000,
      payload: genome,
      content: { generation: 3, commit: commitOf('x') },
    });
    expect(store.get(mark!.id)).toBe(mark);
  });

  it('publishes only what strictly improves on its own lineage', async () => {
    const { space, publishAll, store } = await openSpace();
    await publishAll({ a: 0.5, b: 0.9 }, 1);
    await publishAll({ a: 0.5 }, 2);
    await publishAll({ a: 0.4 }, 3);
    expect(store.size).toBe(2);
    await publishAll({ a: 0.6 }, 4);
    const marks = await space.handleFor(a).read('strategies/a');
    expect(marks).toMatchObject([{ score: 0.5 }, { score: 0.6 }]);
    expect(marks[1]!.supersedes).toBe(marks[0]!.id);
  });

  it('gives the first mark when asked again, also when both ask at once', async () => {
    const { space, genomes, store } = await openSpace();
    const request = { generation: 1, genome: genomes.put(aGenome('x')), commit: commitOf('x'), score: 1 };
    const made = await Promise.all(Array.from({ length: 8 }, () => space.handleFor(a).publish({ ...request })));
    expect(new Set(made.map((m) => m!.id)).size).toBe(1);
    expect(store.size).toBe(1);
  });

  it('lets one of two concurrent equal improvements win', async () => {
    const { publishAll, store } = await openSpace();
    await Promise.all(Array.from({ length: 8 }, (_, i) => publishAll({ a: 0.5 }, i + 1)));
    expect(store.size).toBe(1);
  });

  it('makes no mark for a genome that cannot be read', async () => {
    const { space, store } = await openSpace();
    const genome = parseGenomeId('0'.repeat(64));
    await expect(
      space.handleFor(a).publish({ generation: 1, genome, commit: commitOf('x'), score: 1 }),
    ).rejects.toMatchObject({ code: 'LINEAGE_CORRUPT' });
    expect(store.size).toBe(0);
  });

  it('shows nothing of a mark that could not be stored, and publishes it on the next try', async () => {
    const good = createMemoryMarkStore();
    let failures = 1;
    const store = Object.assign(Object.create(good) as MarkStore, {
      append: async (mark: NewMark) => {
        if (failures-- > 0) throw new StorageFailedError('no space left');
        return good.append(mark);
      },
    });
    const { space, publishAll } = await openSpace({ store });
    await expect(publishAll({ a: 1 })).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(space.snapshot()).toEqual([]);
    await publishAll({ a: 1 });
    expect(space.snapshot()).toHaveLength(1);
  });
});

describe('the snapshot', () => {
  it('names the best strategy of every lineage that has one, sorted by lineage', async () => {
    const { space, publishAll } = await openSpace();
    await publishAll({ b: 0.1, a: -2 }, 1);
    await publishAll({ b: 0.7 }, 2);
    expect(space.snapshot()).toMatchObject([
      { lineage: 'a', generation: 1, score: -2 },
      { lineage: 'b', generation: 2, score: 0.7, commit: commitOf('b2') },
    ]);
  });

  it('takes the oldest of equally good ones, whoever wrote into the store', async () => {
    const { space, store, publishAll } = await openSpace();
    await publishAll({ a: 0.5 }, 1);
    const [first] = store.inScope('strategies/a');
    await store.append({ ...(first as Observation), id: 'later', content: { generation: 9, commit: commitOf('z') } });
    await store.append({ ...(first as Observation), id: 'foreign', author: 'b', score: 99 });
    expect(space.snapshot()).toMatchObject([{ lineage: 'a', generation: 1 }]);
  });
});

describe('reading', () => {
  it('gives peers what is published and nobody else what is private', async () => {
    const { space, publishAll, store } = await openSpace();
    await publishAll({ b: 0.5 });
    const [mark] = store.inScope('strategies/b');
    await store.append({ ...mark!, id: 'private', scope: 'lineages/b/notes' });
    expect(await space.handleFor(a).read('strategies/b')).toHaveLength(1);
    expect(await space.handleFor(b).read('lineages/b/notes')).toHaveLength(1);
    await expect(space.handleFor(a).read('lineages/b/notes')).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
  });

  it('answers alike for a closed scope that exists and one that does not', async () => {
    const { space, publishAll } = await openSpace({ policy: { ...defaultPolicy, openScopes: [] } });
    await publishAll({ b: 0.5 });
    const messageOf = async (scope: string) =>
      space
        .handleFor(a)
        .read(scope)
        .catch((e: Error) => e.message);
    const [real, made] = [await messageOf('strategies/b'), await messageOf('strategies/q')];
    expect(real).toBe(String(made).replace('strategies/q', 'strategies/b'));
    expect(await space.handleFor(b).read('strategies/b')).toHaveLength(1);
  });
});

describe('handles', () => {
  it('exist for the lineages of the run only', async () => {
    const { space } = await openSpace();
    expect(space.handleFor(c)).toBe(space.handleFor(c));
    expect(() => space.handleFor(parseLineageId('stranger'))).toThrow(/not a lineage of this run/);
  });

  it('do nothing once the markspace is closed, which waits for what is under way', async () => {
    const { space, publishAll, store } = await openSpace();
    const publishing = publishAll({ a: 1 });
    await space[Symbol.asyncDispose]();
    await publishing;
    expect(store.size).toBe(1);
    await expect(space.handleFor(a).read('strategies/a')).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
  });
});
