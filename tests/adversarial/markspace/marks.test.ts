import { expect, it } from 'vitest';
import type { Observation } from '../../../markspace/mark.ts';
import type { LineageHandle, Published } from '../../../markspace/markspace.ts';
import { a, aGenome, aMountRequest, b, commitOf, openSpace } from '../../markspace/space-fixture.ts';

const offer = (genome: Published['genome'], changes: Partial<Published> = {}): Published => ({
  generation: 1,
  genome,
  commit: commitOf('x'),
  score: 0.5,
  ...changes,
});

it('takes the author from the handle, whatever the published object says', async () => {
  const { space, genomes, store } = await openSpace();
  const forged = {
    author: 'b',
    lineage: 'b',
    scope: 'strategies/b',
    id: 'chosen',
    confidence: 99,
    strength: 99,
    order: -1,
  };
  const mark = await space.handleFor(a).publish({ ...offer(genomes.put(aGenome('x'))), ...forged });
  expect(mark).toMatchObject({ author: 'a', scope: 'strategies/a', score: 0.5, confidence: 1, strength: 1, order: 0 });
  expect(mark!.id).not.toBe('chosen');
  expect(store.inScope('strategies/b')).toEqual([]);
});

it('does not publish for another lineage through a handle that was tampered with', async () => {
  const { space, genomes, store } = await openSpace();
  const handle = space.handleFor(a);
  expect(() => Object.assign(handle, { lineage: b })).toThrow(TypeError);
  const disguised = Object.create(handle, { lineage: { value: b } }) as LineageHandle;
  const { publish } = { ...handle, lineage: b } as LineageHandle;
  await disguised.publish(offer(genomes.put(aGenome('x'))));
  await publish(offer(genomes.put(aGenome('y')), { generation: 2, score: 0.6 }));
  expect(store.inScope('strategies/b')).toEqual([]);
  expect(store.inScope('strategies/a').map((m) => m.author)).toEqual(['a', 'a']);
});

it.each([Number.NaN, Number.POSITIVE_INFINITY, '1e9', null, { valueOf: () => 9 }])(
  'does not publish under the score %s',
  async (score) => {
    const { space, genomes, store, denied } = await openSpace();
    const publishing = space.handleFor(a).publish(offer(genomes.put(aGenome('x')), { score: score as number }));
    await expect(publishing).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
    expect(denied()).toEqual(['malformed']);
    expect(store.size).toBe(0);
  },
);

it('does not let a score be raised by offering the same generation again', async () => {
  const { space, genomes, denied } = await openSpace();
  const genome = genomes.put(aGenome('x'));
  await space.handleFor(a).publish(offer(genome));
  await expect(space.handleFor(a).publish(offer(genome, { score: 0.9 }))).rejects.toMatchObject({
    code: 'MARKSPACE_DENIED',
  });
  expect(space.snapshot()).toMatchObject([{ score: 0.5 }]);
  expect(denied()).toEqual(['already-offered']);
});

it('does not let a lower score be followed by a higher one for the same generation', async () => {
  const { space, genomes, denied } = await openSpace();
  const genome = genomes.put(aGenome('x'));
  await space.handleFor(a).publish(offer(genome));
  expect(await space.handleFor(a).publish(offer(genome, { generation: 2, score: 0.1 }))).toBeNull();
  await expect(space.handleFor(a).publish(offer(genome, { generation: 2, score: 0.9 }))).rejects.toThrow(/offered/);
  expect(space.snapshot()).toMatchObject([{ generation: 1, score: 0.5 }]);
  expect(denied()).toEqual(['already-offered']);
});

it('does not let a published generation change its genome or its commit', async () => {
  const { space, genomes, store } = await openSpace();
  const genome = genomes.put(aGenome('x'));
  await space.handleFor(a).publish(offer(genome));
  for (const changes of [{ genome: genomes.put(aGenome('evil')) }, { commit: commitOf('other') }]) {
    await expect(space.handleFor(a).publish(offer(genome, changes))).rejects.toThrow(/offered/);
  }
  expect(store.inScope('strategies/a')).toMatchObject([{ payload: genome }]);
});

it.each(['../lineages/b', 'strategies/../lineages/b', '/lineages/b', 'lineages//b', 'lineages/b/', 'LINEAGES/b', ''])(
  'does not read a private scope by the spelling %j',
  async (scope) => {
    const { space, denied } = await openSpace();
    await expect(space.handleFor(a).read(scope)).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
    expect(denied()).toEqual(['scope']);
  },
);

it.each(['lineages/b', 'lineages', 'strategies-of-mine', 'lineages/ab', 'lineages/a\0', 'lineages/а'])(
  'does not read the foreign or look-alike scope %j',
  async (scope) => {
    const { space } = await openSpace();
    await expect(space.handleFor(a).read(scope)).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
  },
);

it('does not give a reader a way to change what others read', async () => {
  const { space, publishAll } = await openSpace();
  await publishAll({ b: 0.5 });
  const marks = await space.handleFor(a).read('strategies/b');
  expect(() => Object.assign(marks[0]!, { confidence: 9 })).toThrow(TypeError);
  const [mark] = marks as Observation[];
  expect(() => Object.assign(mark!.content as object, { commit: 'x' })).toThrow(TypeError);
  (marks as unknown[]).length = 0;
  expect(await space.handleFor(a).read('strategies/b')).toHaveLength(1);
});

it.each([
  ['a better score', { score: 99 }],
  ['another genome', { genome: 'f'.repeat(64) }],
  ['another lineage', { lineage: 'c' }],
  ['a generation that was never published', { generation: 7 }],
  ['a field of its own', { path: '/etc' }],
])('does not mount a strategy whose reference was forged with %s', async (_what, forgery) => {
  const fixture = await openSpace();
  await fixture.publishAll({ b: 0.5 });
  const snapshot = fixture.space.snapshot().map((ref) => ({ ...ref, ...forgery })) as never;
  await expect(fixture.space.handleFor(a).mounts(aMountRequest(fixture, { snapshot }))).rejects.toMatchObject({
    code: 'MARKSPACE_DENIED',
  });
  expect(fixture.denied()).toEqual(['unpublished']);
});
