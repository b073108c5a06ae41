import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commitOf } from '../../actors/archivist/create-archivist.ts';
import { advance, emptyState } from '../../actors/lineage/lineage-state.ts';
import { SimulatedClock } from '../../src/core/clock.ts';
import { parseAdapterId, parseLineageId } from '../../src/core/ids.ts';
import type { Generation } from '../../src/core/records.ts';
import { generationSchema, noUsage } from '../../src/core/records.ts';
import { openJournal, scanJournal } from '../../src/runtime/journal.ts';
import { RunState } from '../../src/runtime/run-state.ts';
import { commitId, failedEdit, generationOf, measured } from '../actors/samples.ts';
import { manifest } from './run-sample.ts';
import { scratch } from './scratch.ts';

const usage = { ...noUsage, calls: 1, promptTokens: 10, costUsd: 0.5 };
const bob = (g: Generation): Generation => ({ ...g, lineage: parseLineageId('bob'), usage });
const rounds = [
  [generationOf(0), bob(generationOf(0))],
  [generationOf(1, { verdict: 'promoted', usage }), bob(failedEdit(1))],
  [generationOf(2, { selection: measured(0.5), parent: 1 }), bob(generationOf(2))],
];

/** Writes two closed rounds and an open one, the clock moving a second a fact; the state that was kept live. */
async function play(options: { readonly checkpoint?: number } = {}) {
  const path = join(await scratch(), 'journal.jsonl');
  const live = new RunState(manifest);
  const clock = new SimulatedClock(1_000);
  await using journal = await openJournal(path, { clock, onFact: (fact) => live.apply(fact) });
  const append = async (type: string, key: string, body: unknown) => {
    await journal.append(type, key, body);
    clock.increment(1_000);
  };
  await append('session.opened', '0', { pid: 1 });
  for (const [round, generations] of rounds.entries()) {
    await append('round.opened', String(round), { round, snapshot: [] });
    for (const generation of generations) {
      await append('lineage.finished', `${generation.lineage}/${round}`, { generation, stop: null });
    }
    if (round < 2) await append('round.closed', String(round), { round });
    if (round === options.checkpoint) await append('lineage.checkpointed', String(round), { round });
  }
  return { path, live, clock };
}

async function folded(path: string): Promise<RunState> {
  const state = new RunState(manifest);
  await scanJournal(path, (fact) => state.apply(fact));
  return state;
}

const visible = (state: RunState) => ({
  ...{ round: state.round, ended: state.ended, wallMs: state.wallMs, unsafe: state.unsafeRounds },
  lineages: state.lineages,
});

describe('the state of a run', () => {
  it('folded from its journal is the state that was kept live', async () => {
    const { path, live } = await play();
    expect(visible(await folded(path))).toEqual(visible(live));
  });

  it('knows the first round that is not closed, and every lineage as its actor would', async () => {
    const { live } = await play();
    expect(live.round).toBe(2);
    const known = live.lineages.get(parseLineageId('alice'))!;
    expect(known.state).toEqual(rounds.map(([alice]) => alice!).reduce(advance, emptyState));
    expect(known.member).toMatchObject({ best: { generation: 1, score: 1 }, stop: null });
    expect(known.evaluations).toBe(6);
    expect(live.lineages.get(parseLineageId('bob'))!.spent).toEqual({
      ...usage,
      calls: 3,
      promptTokens: 30,
      costUsd: 1.5,
    });
  });

  it('given to somebody does not change under them, and goes on as if nobody had looked', async () => {
    const { path, live } = await play();
    const seen: { readonly state: unknown; readonly copy: unknown }[] = [];
    const state = new RunState(manifest);
    await scanJournal(path, (fact) => {
      state.apply(fact);
      const given = [...state.lineages.values()].map((known) => known.state);
      seen.push({ state: given, copy: structuredClone(given) });
    });
    for (const { state: given, copy } of seen) expect(given).toEqual(copy);
    expect(visible(state)).toEqual(visible(live));
  });

  it('keeps what may have to be written again: every round since the last checkpoint', async () => {
    expect((await play()).live.unsafeRounds.map((r) => [r.round, r.isClosed])).toEqual([
      [0, true],
      [1, true],
      [2, false],
    ]);
    const { unsafeRounds } = (await play({ checkpoint: 1 })).live;
    expect(unsafeRounds.map((r) => r.round)).toEqual([2]);
    expect(unsafeRounds[0]!.records).toMatchObject([
      { kind: 'record', lineage: 'alice', generation: 2, parentCommit: commitId(1), isBest: false },
      {
        kind: 'record',
        lineage: 'bob',
        generation: 2,
        parentCommit: commitId(0),
        isBest: true,
        model: 'mutator:structural',
      },
    ]);
  });

  it('says which generation is missing in a damaged journal, and what to do', () => {
    const state = new RunState(manifest);
    const generation = generationOf(2, { parent: 1 });
    state.apply({ seq: 0, at: 0, type: 'lineage.finished', key: 'alice/2', body: { generation, stop: null } });
    expect(() => state.unsafeRounds).toThrow(
      expect.objectContaining({
        code: 'JOURNAL_CORRUPT',
        message: 'the journal of demo-paired-1 lacks generation 1 of lineage alice, the parent of its generation 2',
        details: { next: expect.stringContaining('journal.jsonl') },
      }),
    );
  });

  it('counts the time of sessions, not the time between them', async () => {
    const { path, clock } = await play();
    const before = await folded(path);
    expect(before.wallMs).toBe(11_000);
    clock.increment(3_600_000);
    const after = new RunState(manifest);
    await using journal = await openJournal(path, { clock, onFact: (fact) => after.apply(fact) });
    await journal.append('session.opened', 'again', { pid: 2 });
    expect(after.wallMs).toBe(11_000);
    clock.increment(500);
    await journal.append('run.ended', 'x', { status: 'done', reason: null });
    expect(after.wallMs).toBe(11_500);
    expect(after.ended).toBe('done');
  });

  it('has not ended when a session was stopped or failed', async () => {
    const state = new RunState(manifest);
    for (const [seq, status] of ['stopped', 'failed'].entries()) {
      state.apply({ seq, at: 0, type: 'run.ended', key: String(seq), body: { status } });
    }
    expect(state.ended).toBeNull();
  });

  it('writes again, after a crash, which weights a generation had', () => {
    const state = new RunState(manifest);
    const adapter = { id: parseAdapterId('ef'.repeat(32)), tree: generationOf(0).genome };
    const generation = generationSchema.parse(generationOf(0, { adapter }));
    state.apply({ seq: 0, at: 0, type: 'lineage.finished', key: 'alice/0', body: { generation, stop: null } });
    expect(commitOf(state.unsafeRounds[0]!.records[0]!, 0)).toMatchObject({ adapter: adapter.tree });
  });

  it('remembers why a lineage takes no further part, with or without a last generation', () => {
    const state = new RunState(manifest);
    const finish = (seq: number, key: string, body: unknown) =>
      state.apply({ seq, at: 0, type: 'lineage.finished', key, body });
    finish(0, 'alice/0', { generation: generationOf(0), stop: 'stagnation' });
    finish(1, 'bob/1', { generation: null, stop: 'budget' });
    expect([...state.lineages.values()].map((l) => l.member.stop)).toEqual(['stagnation', 'budget']);
  });
});
