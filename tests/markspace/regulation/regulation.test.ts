import { describe, expect, it } from 'vitest';
import { type Draft, markKinds } from '../../../markspace/check.ts';
import { accessOf, createMarkspace } from '../../../markspace/guard.ts';
import type { AgentHandle } from '../../../markspace/markspace.ts';
import { defaultPolicy } from '../../../markspace/policy.ts';
import { claimPolicy } from '../../../markspace/regulation/content/claims.ts';
import { secretPolicy } from '../../../markspace/regulation/content/secrets.ts';
import { createRegulation, type RegulationOptions } from '../../../markspace/regulation/regulation.ts';
import type { Member } from '../../../markspace/scopes/access.ts';
import type { ScopeDefinition } from '../../../markspace/scopes/definition.ts';
import { createMemoryMarkStore } from '../../../markspace/stores/memory-store.ts';
import { SimulatedClock } from '../../../src/core/clock.ts';
import { parseRunId } from '../../../src/core/ids.ts';
import { memoryGenomes, memoryJournal } from '../space-fixture.ts';
import { anObservation, minuteMs } from './operations.ts';

const openScopes: readonly ScopeDefinition[] = [
  { path: 'x' },
  { path: 'w', rate: { perAgent: 20, total: 30, windowMs: minuteMs } },
  { path: 'readings', visibility: 'classified' },
];
const everywhere = ['x', 'w'].map((scope) => ({ scope, read: true, write: markKinds }));
const tops = ['x', 'w', 'readings', 'strategies', 'lineages', 'models'];
const members: readonly Member[] = [
  { id: 'p', grants: [...everywhere, { scope: 'readings/p', read: true }] },
  { id: 'q', grants: everywhere },
  { id: 'planter', grants: [{ scope: 'readings', read: true, write: markKinds, source: 'fleet' }] },
  { id: 'boss', grants: everywhere, authorities: tops.map((scope) => ({ scope, powers: ['lift', 'resolve'] })) },
  { id: 'foreman', grants: everywhere, authorities: [{ scope: 'x', powers: ['lift'] }] },
];

/** A markspace with all of the regulation, as a run would make it. */
function regulated(options: Partial<RegulationOptions> = {}) {
  const clock = new SimulatedClock(0);
  const journal = memoryJournal();
  const store = createMemoryMarkStore();
  const known = { lineages: [], policy: defaultPolicy, scopes: openScopes, members };
  const regulation = createRegulation({ access: accessOf(known), ...options });
  const rest = { run: parseRunId('run-1'), store, journal, clock, genomes: memoryGenomes(), directory: '/nowhere' };
  const space = createMarkspace({ ...known, ...rest, checks: regulation.checks, onMark: regulation.watch.tell });
  const [p, q, boss, planter] = ['p', 'q', 'boss', 'planter'].map(space.memberHandle) as [
    AgentHandle,
    AgentHandle,
    AgentHandle,
    AgentHandle,
  ];
  const denied = () => journal.facts.filter(({ type }) => type === 'guard.denied').map(({ body }) => body);

  /** Writes evenly through the minute, and says how each ended. */
  async function minute(who: AgentHandle, count: number, draft: Draft = anObservation()) {
    const refusals: { code: string; message: string; details: { check: string; rule: string } }[] = [];
    for (let i = 0; i < count; i += 1) {
      await who.write(draft).catch((error) => refusals.push(error));
      clock.increment(minuteMs / count);
    }
    return refusals;
  }
  async function work(who: AgentHandle, minutes = 12) {
    for (let i = 0; i < minutes; i += 1) expect(await minute(who, 5)).toEqual([]);
  }
  return { clock, store, regulation, space, p, q, boss, planter, denied, minute, work };
}

describe('a regulated markspace', () => {
  it('restricts an agent that bursts, says who can lift that, and lets it go on when they do', async () => {
    const { regulation, p, q, denied, minute, work, store } = regulated();
    await work(p);
    const refusals = await minute(p, 100);
    const by = (check: string) => refusals.filter(({ details }) => details.check === check);
    const [envelope, barrier] = [by('envelope'), by('barrier')];
    expect(envelope).toMatchObject([{ code: 'MARKSPACE_DENIED', details: { check: 'envelope', rule: 'burst' } }]);
    expect(barrier.length).toBeGreaterThan(50);
    expect(barrier.at(-1)).toMatchObject({ details: { check: 'barrier', rule: 'closed' } });
    expect(barrier.at(-1)!.message).toMatch(/x has been closed to you since \d+.*: an authority over x can lift that/);
    expect(denied()).toContainEqual(expect.objectContaining({ lineage: 'p', rule: 'barrier/closed' }));
    expect(store.size).toBe(12 * 5 + 100 - refusals.length);

    expect(await minute(q, 1)).toEqual([]);
    expect(regulation.barriers.list()).toMatchObject([{ agent: 'p', scope: 'x', by: null, refused: barrier.length }]);
    for (const nobody of ['p', 'q']) {
      expect(() => regulation.pardon('p', 'x', nobody)).toThrow('an authority over x');
    }
    expect(regulation.pardon('p', 'x', 'foreman')).toBe(1);
    expect(regulation.pardon('p', 'x', 'foreman')).toBe(0);
    await work(p, 3);
  });

  it('lets the envelope see what a rate limit refuses', async () => {
    const { regulation, p, minute } = regulated();
    const slow = anObservation('it is so', 't', 'w');
    for (let i = 0; i < 12; i += 1) expect(await minute(p, 5, slow)).toEqual([]);
    const refusals = await minute(p, 60, slow);
    const checks = refusals.map(({ details }) => `${details.check} ${details.rule}`);
    expect([...new Set(checks)]).toEqual(['rate rate-per-agent', 'envelope burst', 'barrier closed']);
    expect(regulation.barriers.list()).toMatchObject([{ agent: 'p', scope: 'w' }]);
  });

  it('closes everything to an agent that goes on elsewhere, and only who is over everything opens it again', async () => {
    const { regulation, clock, p, q, minute } = regulated();
    const scopes = ['x/a', 'x/b', 'x/c', 'x/d'];
    for (let i = 0; i < 48; i += 1) expect(await minute(p, 5, anObservation('a', 't', scopes[i % 4]))).toEqual([]);
    for (const scope of scopes) {
      for (let i = 0; i < 60; i += 1) await p.write(anObservation('a', 't', scope)).catch(() => {});
    }
    clock.increment(minuteMs);
    expect(regulation.barriers.list().map(({ scope }) => scope)).toEqual(['x/a', 'x/b', 'x/c', null]);
    await expect(p.write(anObservation('a', 't', 'w'))).rejects.toThrow('an authority over the whole space');
    await expect(q.write(anObservation('a', 't', 'x/a'))).resolves.toBeDefined();
    expect(() => regulation.pardon('p', null, 'foreman')).toThrow('the whole space');
    expect(regulation.barriers.list()).toHaveLength(4);
    expect(regulation.pardon('p', null, 'boss')).toBe(4);
    await expect(p.write(anObservation('a', 't', 'w'))).resolves.toBeDefined();
  });

  it('lifts all that an authority asked for, or nothing', () => {
    const { regulation } = regulated();
    const flag = { agent: 'p', source: 'envelope', atMs: 0, reason: 'r' } as const;
    for (const scope of ['x', 'w']) regulation.barriers.flag({ ...flag, scope });
    expect(() => regulation.pardon('p', null, 'foreman')).toThrow('the barrier on w');
    expect(regulation.barriers.list()).toHaveLength(2);
    expect(regulation.pardon('p', null, 'boss')).toBe(2);
  });

  it('calls no tool behind a barrier, and leaves reading open', async () => {
    const { regulation, p } = regulated();
    await p.write(anObservation());
    regulation.barriers.narrow({ scope: 'x', agent: null }, 'foreman', 'maintenance', 0);
    let calls = 0;
    const tool = () => (calls += 1);
    await expect(p.act({ scope: 'x/y', resource: 'disk', action: 'use', tool })).rejects.toThrow('closed to everybody');
    expect(calls).toBe(0);
    expect(await p.query({ scope: 'x' })).toHaveLength(1);
    await expect(p.write(anObservation('a', 't', 'w'))).resolves.toBeDefined();
  });

  it('finds an agent that reports what it was not shown', async () => {
    const options = { scope: 'readings', planter: 'planter', seed: 3, answerMs: minuteMs };
    const { regulation, p, q, planter } = regulated({ probes: options });
    const { probe, marks } = regulation.probes!.plant('p', 0);
    for (const draft of marks) await planter.write(draft);
    const [seen] = await p.query({ scope: 'readings/p', kinds: ['observation'] });
    expect(seen).toMatchObject({ mark: { content: { reading: probe.shown } } });
    expect(await q.query({ scope: 'readings/p' })).toEqual([]);
    await expect(p.write(anObservation('mine', 't', 'readings/p'))).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
    await p.write(anObservation({ reading: 111_111 }, probe.topic));
    expect(regulation.probes!.verdicts(1)).toMatchObject([{ agent: 'p', verdict: 'dishonest' }]);
    await expect(p.write(anObservation())).rejects.toMatchObject({ details: { check: 'barrier' } });
  });

  it('stops an agent whose budget is used up, until it is raised', async () => {
    const { regulation, p, q } = regulated({ budgets: { p: [{ dimension: 'tokens', limit: 100 }] } });
    const [warning] = regulation.budgets.use('p', { tokens: 90 });
    const need: Draft = { kind: 'need', scope: 'x', topic: null, fields: warning!.need };
    await expect(p.write(need)).resolves.toMatchObject({ kind: 'need', blocking: false });
    regulation.budgets.use('p', { tokens: 10 });
    await expect(p.write(anObservation())).rejects.toMatchObject({ details: { check: 'budget', rule: 'used-up' } });
    await expect(q.write(anObservation())).resolves.toBeDefined();
    regulation.budgets.raise('p', 'tokens', 200);
    await expect(p.write(anObservation())).resolves.toBeDefined();
  });

  it('marks a claim that was not measured, and stores no secret', async () => {
    const { p, store } = regulated({ content: [secretPolicy(['hunter2-hunter2']), claimPolicy(() => [0.5])] });
    await expect(p.write(anObservation({ accuracy: 0.5 }))).resolves.toMatchObject({ flags: [] });
    await expect(p.write(anObservation({ accuracy: 0.99 }))).resolves.toMatchObject({ flags: ['untrusted'] });
    await expect(p.write(anObservation('it is hunter2-hunter2'))).rejects.toMatchObject({
      details: { rule: 'secret' },
    });
    expect(store.size).toBe(2);
  });

  it('tells a watcher what it may know of, once', async () => {
    const { regulation, p, q, planter } = regulated();
    regulation.watch.subscribe('q', [{ scope: 'x' }, { scope: 'readings' }]);
    const { id } = await p.write(anObservation('a', 't', 'x/y'));
    await q.write(anObservation('a', 't', 'w'));
    await planter.write(anObservation('a', 't', 'readings/p'));
    expect(regulation.watch.poll('q')).toMatchObject({ notices: [{ id, author: 'p' }], lost: 0 });
    expect(regulation.watch.poll('q')).toEqual({ notices: [], lost: 0 });
  });

  it('takes nobody for another, whatever a draft says', async () => {
    const { regulation, p, q } = regulated();
    regulation.barriers.narrow({ scope: 'x', agent: 'p' }, 'boss', 'enough', 0);
    const forged = { ...anObservation(), author: 'q', agent: 'q' } as Draft;
    await expect(p.write(forged)).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
    await expect(p.write({ ...anObservation(), fields: { ...anObservation().fields, author: 'q' } })).rejects.toThrow();
    await expect(q.write(anObservation())).resolves.toMatchObject({ author: 'q' });
  });

  it('goes on after a restart as if there had been none', async () => {
    const first = regulated({ budgets: { p: [{ dimension: 'tokens', limit: 10 }] } });
    await first.work(first.p);
    await first.minute(first.p, 100);
    first.regulation.budgets.use('p', { tokens: 9 });
    first.regulation.watch.subscribe('q', [{}]);
    const saved = JSON.parse(JSON.stringify(first.regulation.snapshot()));
    const second = regulated({ budgets: { p: [{ dimension: 'tokens', limit: 10 }] } });
    second.regulation.restore(saved);
    expect(second.regulation.snapshot()).toEqual(saved);
    await expect(second.p.write(anObservation())).rejects.toMatchObject({ details: { check: 'barrier' } });
    expect(second.regulation.budgets.use('p', { tokens: 1 })).toEqual([]);
    expect(second.regulation.pardon('p', 'x', 'boss')).toBe(1);
    await expect(second.p.write(anObservation())).rejects.toMatchObject({ details: { check: 'budget' } });
  });
});
