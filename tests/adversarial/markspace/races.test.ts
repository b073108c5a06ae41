import { describe, expect, it } from 'vitest';
import type { MarkStore } from '../../../markspace/store.ts';
import { createMemoryMarkStore } from '../../../markspace/stores/memory-store.ts';
import { createMemoryBus } from '../../../src/bus/memory-bus.ts';
import { StorageFailedError } from '../../../src/core/errors.ts';
import { parseRunId } from '../../../src/core/ids.ts';
import type { Json } from '../../../src/core/json.ts';
import { subjects } from '../../../src/core/subjects.ts';
import { createAsk } from '../../../src/runtime/ask.ts';
import { openJournal } from '../../../src/runtime/journal.ts';
import { valid } from '../../core/valid-messages.ts';
import { a, aGenome, commitOf, openSpace } from '../../markspace/space-fixture.ts';
import { tempDir } from '../../markspace/temp-dir.ts';
import { draftOf, twoAgents } from './two-agents.ts';

const settled = async (asked: readonly Promise<unknown>[]) => {
  const all = await Promise.allSettled(asked);
  return { done: all.filter(({ status }) => status === 'fulfilled').length, all };
};

/** A store on which an append takes a few turns of the event loop. */
function slowStore(): MarkStore {
  const inner = createMemoryMarkStore();
  const append: MarkStore['append'] = async (mark) => {
    for (let i = 0; i < 5; i += 1) await Promise.resolve();
    return inner.append(mark);
  };
  return new Proxy(inner, { get: (from, key) => (key === 'append' ? append : Reflect.get(from, key, from)) });
}

describe('at once', () => {
  // Tried: publishing two improvements at once, so that both beat the same predecessor. Stopped by: a lineage publishes one at a time.
  it('two publications of a lineage follow each other', async () => {
    const { space, genomes, store } = await openSpace({ store: slowStore() });
    const offers = [0.5, 0.9, 0.7, 0.8].map((score, i) =>
      space
        .handleFor(a)
        .publish({ generation: i + 1, genome: genomes.put(aGenome(`x${i}`)), commit: commitOf(`x${i}`), score }),
    );
    const marks = await Promise.all(offers);
    expect(marks.map((mark) => mark?.score ?? null)).toEqual([0.5, 0.9, null, null]);
    const [first, second] = store.inScope('strategies/a');
    expect([first!.supersedes, second!.supersedes]).toEqual([null, first!.id]);
  });

  // Tried: the same publication with two scores at once, the better one to stand. Stopped by: the first offer of a generation is on record.
  it('two scores for one generation leave the first', async () => {
    const { space, genomes, store } = await openSpace({ store: slowStore() });
    const genome = genomes.put(aGenome('x'));
    const offer = (score: number) =>
      space.handleFor(a).publish({ generation: 1, genome, commit: commitOf('x'), score });
    const { done } = await settled([offer(0.5), offer(0.9)]);
    expect([done, store.size]).toEqual([1, 1]);
    expect(space.snapshot()).toMatchObject([{ score: 0.5 }]);
  });

  // Tried: superseding one mark twice at once, to have two in its place. Stopped by: a mark counts from the moment it is let in.
  it('two successors of a mark are one, and a refusal', async () => {
    await using world = twoAgents();
    const { id } = await world.as('q').write(draftOf('observation'));
    const again = () => world.as('q').write(draftOf('observation', { supersedes: id }));
    const { done } = await settled(Array.from({ length: 8 }, again));
    expect(done).toBe(1);
    expect(await world.as('p').query({ scope: 'x' })).toHaveLength(1);
  });

  // Tried: withdrawing and superseding at once. Stopped by: the same.
  it('a withdrawal and a successor do not both happen', async () => {
    await using world = twoAgents();
    const { id } = await world.as('q').write(draftOf('observation'));
    const q = world.as('q');
    expect(await settled([q.withdraw(id, 'x'), q.write(draftOf('observation', { supersedes: id }))])).toMatchObject({
      done: 1,
    });
  });

  // Tried: more marks than the quota by writing them all at once. Stopped by: marks on their way count.
  it('a burst does not get past a quota', async () => {
    await using world = twoAgents({ scopes: [{ path: 'x', quota: 3 }, { path: 'corner' }] });
    const { done } = await settled(Array.from({ length: 20 }, () => world.as('q').write(draftOf('observation'))));
    expect([done, world.store.size]).toEqual([3, 3]);
  });

  // Tried: announcing the same intent twice at once, to hold two places. Stopped by: the same.
  it('two intents of one agent on one resource are one', async () => {
    await using world = twoAgents();
    const { done } = await settled([1, 2, 3].map(() => world.as('q').write(draftOf('intent'))));
    expect(done).toBe(1);
  });

  // Tried: acting in the very moment in which another acts. Stopped by: one tool at a time works on a resource.
  it('of many agents and many tries one calls its tool', async () => {
    await using world = twoAgents();
    let calls = 0;
    const act = (id: string) =>
      world.as(id).act({ scope: 'x', resource: 'disk', action: 'use', tool: async () => (calls += 1) });
    const { done } = await settled(['q', 'p', 'q', 'p', 'q', 'p'].map(act));
    expect([done, calls]).toEqual([1, 1]);
  });

  // Tried: a tool that acts on its own resource again, to be inside twice. Stopped by: it is busy, for its own agent too.
  it('a tool does not get into its own resource again', async () => {
    await using world = twoAgents();
    const q = world.as('q');
    const request = (tool: () => unknown) => ({ scope: 'x', resource: 'disk', action: 'use', tool });
    const acted = await q.act(request(() => q.act(request(() => 'inside'))));
    expect(acted).toMatchObject({ status: 'done', action: { failed: true } });
    expect(JSON.stringify(acted)).not.toContain('inside');
  });

  // Tried: superseding by a mark whose writing fails, to have the target gone and nothing in its place. Stopped by: what was not kept is forgotten.
  it('a successor that could not be kept leaves its target as it was', async () => {
    const store = createMemoryMarkStore();
    await using world = twoAgents({ store });
    const { id } = await world.as('q').write(draftOf('observation'));
    const { append } = store;
    Object.assign(store, { append: async () => Promise.reject(new StorageFailedError('full')) });
    const lost = world.as('q').write(draftOf('observation', { supersedes: id }));
    await expect(lost).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    Object.assign(store, { append });
    expect(await world.as('p').query({ scope: 'x' })).toMatchObject([{ mark: { id }, supersededBy: null }]);
    await world.as('q').write(draftOf('observation', { supersedes: id }));
  });
});

describe('said again', () => {
  // Tried: the same write again. Stopped by nothing, as it need not be: it is a mark of its own, and weighs no more.
  it('a repeated write is a second mark that adds no weight', async () => {
    await using world = twoAgents();
    const draft = draftOf('observation');
    const [first, second] = [await world.as('q').write(draft), await world.as('q').write(draft)];
    expect(first.id).not.toBe(second.id);
    const views = await world.as('p').query({ scope: 'x' });
    expect(views.map(({ support }) => support.strength)).toEqual([expect.closeTo(0.3), expect.closeTo(0.3)]);
  });

  // Tried: a publication again and again. Stopped by: one generation of one lineage has one mark.
  it('a repeated publication is the first mark', async () => {
    const { space, genomes, store } = await openSpace({ store: slowStore() });
    const genome = genomes.put(aGenome('x'));
    const publish = () => space.handleFor(a).publish({ generation: 1, genome, commit: commitOf('x'), score: 0.5 });
    const marks = await Promise.all([publish(), publish(), publish()]);
    expect([...marks, await publish()].map((mark) => mark!.id)).toEqual(Array(4).fill(marks[0]!.id));
    expect(store.size).toBe(1);
  });

  // Tried: a finished action again, for a second result. Stopped by nothing for its own author, who may do its work again; a peer is refused.
  it("a repeated action of a peer is refused, whatever it calls the resource's use", async () => {
    await using world = twoAgents();
    const act = (id: string, action: string) =>
      world.as(id).act({ scope: 'x', resource: 'disk', action, tool: () => id });
    await act('p', 'use');
    for (const action of ['use', 'reuse', 'use ']) {
      await expect(act('q', action)).rejects.toMatchObject({ details: { check: 'conflict', rule: 'finished' } });
    }
  });

  // Tried: a captured mark under another id, author or scope, appended again. Stopped by: a known id is the first mark, and another author's claim has no effect.
  it('a captured mark changes nothing when it is replayed into the store', async () => {
    await using world = twoAgents();
    const mark = await world.as('p').write(draftOf('need', { blocking: true }));
    const { order } = await world.store.append({ ...mark, blocking: false, author: 'q' } as never);
    expect(order).toBe(mark.order);
    expect(world.space.openNeeds()).toEqual([mark]);
  });

  // Tried: a worker's second, better answer to a job that was answered. Stopped by: the first answer is a fact, and every later asker gets it.
  it('a job answered again over the bus keeps its first answer', async () => {
    await using journal = await openJournal(`${await tempDir()}/journal.jsonl`);
    await using bus = createMemoryBus();
    const run = parseRunId('run-1');
    let answers = 0;
    const { request, result } = valid.gate;
    const answer = result as unknown as Json;
    const work = async () => {
      answers += 1;
      return answers === 1 ? answer : ({ ...(answer as object), verdict: 'refused' } as Json);
    };
    const ask = createAsk({ run, bus, journal, actorName: () => 'gate', onReplay: () => {} });
    await using _worker = await bus.work(subjects.jobs(run, 'gate', request.lineage), work, { concurrency: 1 });
    await using _accomplice = await bus.work(subjects.jobs(run, 'gate', request.lineage), work, { concurrency: 1 });
    const { signal } = new AbortController();
    const asked = await Promise.all([ask('gate', request, signal), ask('gate', request, signal)]);
    expect(asked).toEqual([answer, answer]);
    // The same job on the queue again, past the asker.
    const queue = subjects.jobs(run, 'gate', request.lineage);
    await bus.submit(queue, { key: 'forged', body: request as unknown as Json }, { signal });
    expect(await ask('gate', request, signal)).toEqual(answer);
    expect(journal.length).toBe(1);
    expect(answers).toBe(2);
  });
});
