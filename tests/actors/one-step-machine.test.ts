import { describe, expect, it } from 'vitest';
import type { RecordRequest } from '../../actors/archivist/create-archivist.ts';
import { createArchivist } from '../../actors/archivist/create-archivist.ts';
import { createGate } from '../../actors/gate/create-gate.ts';
import { hostOneStep, oneStepMachine } from '../../actors/one-step-machine.ts';
import { createProposer } from '../../actors/proposer/create-proposer.ts';
import { gateSchema } from '../../src/core/config/gate-schema.ts';
import { textFile } from '../../src/core/file-tree.ts';
import type { ResultOf } from '../../src/core/messages.ts';
import type { Split } from '../../src/core/niche.ts';
import { createMemoryGenomeStore } from '../../src/lineage/genome-store.ts';
import { createMemoryLineage } from '../../src/lineage/memory-lineage.ts';
import { valid } from '../core/valid-messages.ts';
import { type Driven, drive, settled, testCancelling, testEventTable } from './machine-harness.ts';

const request = valid.proposer.request;
const assigned = { type: 'job.assigned', request };

async function reach(state: string): Promise<Driven> {
  const driven = drive(oneStepMachine, ['perform']);
  if (state === 'working') driven.send(assigned);
  return driven;
}

testEventTable({
  machine: oneStepMachine,
  events: { 'job.assigned': assigned, 'job.cancelled': { type: 'job.cancelled' } },
  rows: {
    idle: {
      'job.assigned': { to: 'working', emits: [] },
      'job.cancelled': { ignored: 'nothing is in hand' },
    },
    working: {
      'job.assigned': 'refused',
      'job.cancelled': { to: 'idle', emits: ['job.abandoned'], aborts: true },
    },
  },
  reach,
});

testCancelling(['working'], reach);

it('I1: has one job in hand and refuses any other', async () => {
  const driven = await reach('working');
  driven.send({ type: 'job.assigned', request: { ...request, count: 2 } });
  expect(driven.emitted).toEqual([{ type: 'job.refused' }]);
  expect(driven.operations).toHaveLength(1);
  expect(driven.context()).toEqual({ request });
});

it('I2: ends every accepted job in one answer: finished or abandoned', async () => {
  const driven = await reach('working');
  await driven.resolve('perform', { situations: [] });
  driven.send(assigned);
  const error = new Error('boom');
  await driven.reject('perform', error);
  expect(driven.emitted).toEqual([
    { type: 'job.finished', result: { situations: [] } },
    { type: 'job.abandoned', error },
  ]);
});

it('I3: aborts the operation when the job is cancelled, and only then', async () => {
  const driven = await reach('working');
  await driven.resolve('perform', {});
  driven.send(assigned);
  driven.send({ type: 'job.cancelled' });
  expect(driven.operations.map((o) => o.signal.aborted)).toEqual([false, true]);
});

it('I4: forgets the request when it is done', async () => {
  const driven = await reach('working');
  await driven.resolve('perform', {});
  expect(driven.context()).toEqual({ request: null });
});

describe('as the actor of a role', () => {
  const never = new AbortController().signal;
  type Proposed = ResultOf<'proposer'>;

  it('answers the second of two callers that it is busy, and still answers the first', async () => {
    let finish: (result: Proposed) => void = () => {};
    await using actor = hostOneStep(
      'proposer',
      () =>
        new Promise<Proposed>((resolve) => {
          finish = resolve;
        }),
    );
    const second = new AbortController();
    const first = actor.handle(request, never);
    await expect(actor.handle(request, second.signal)).rejects.toMatchObject({
      code: 'JOB_ABANDONED',
      retryable: true,
    });
    // The refused caller has no say in the job in hand.
    second.abort();
    await settled();
    finish(valid.proposer.result);
    expect(await first).toEqual(valid.proposer.result);
  });

  it.each([['before'], ['while']])('rejects with RUN_CANCELLED when its signal aborts %s it works', async (when) => {
    const signals: AbortSignal[] = [];
    await using actor = hostOneStep('proposer', (_request, signal) => {
      signals.push(signal);
      return new Promise<Proposed>(() => {});
    });
    const controller = new AbortController();
    if (when === 'before') controller.abort();
    const answer = actor.handle(request, controller.signal);
    controller.abort();
    await expect(answer).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
    expect(signals.every((s) => s.aborted)).toBe(true);
  });

  it('rejects the job in hand when it is disposed of, and aborts its operation', async () => {
    const signals: AbortSignal[] = [];
    const actor = hostOneStep('proposer', (_request, signal) => {
      signals.push(signal);
      return new Promise<Proposed>(() => {});
    });
    const answer = actor.handle(request, never);
    const rejected = expect(answer).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
    await actor[Symbol.asyncDispose]();
    await rejected;
    expect(signals.map((s) => s.aborted)).toEqual([true]);
  });

  it('passes on what its operation threw, and takes the next job', async () => {
    let tries = 0;
    await using actor = hostOneStep('proposer', async () => {
      tries += 1;
      if (tries === 1) throw new Error('boom');
      return valid.proposer.result;
    });
    await expect(actor.handle(request, never)).rejects.toThrow('boom');
    expect(await actor.handle(request, never)).toEqual(valid.proposer.result);
  });

  it('proposes what the niche hands out for split, seed and count', async () => {
    const situations = ({ split, seed, count }: { split: Split; seed: number; count: number }) =>
      Array.from({ length: count }, (_, i) => ({ id: `s${i}`, split, input: seed }));
    const niche = {
      name: 'n',
      version: '1',
      situations,
      measure: () => ({ status: 'measured' as const, score: 0, details: null }),
    };
    await using proposer = createProposer({ niche });
    const result = await proposer.handle({ ...request, split: 'test', seed: 7, count: 2 }, never);
    expect(result.situations).toEqual([
      { id: 's0', split: 'test', input: 7 },
      { id: 's1', split: 'test', input: 7 },
    ]);
  });

  it('judges by evidence alone', async () => {
    const unread = { get: () => Promise.reject(new Error('no constraint asks for files')) };
    await using gate = createGate({ settings: gateSchema.parse({}), genomes: unread });
    const result = await gate.handle(valid.gate.request, never);
    expect(result).toMatchObject({ verdict: 'archived' });
    expect(result).not.toHaveProperty('memory');
  });

  it('records a generation, writes the notes of a round, and makes them safe when it is time', async () => {
    const facts: unknown[] = [];
    const journal = {
      once: async <T>(_type: string, _key: string, effect: () => Promise<T>) => effect(),
      append: async (...fact: unknown[]) => void facts.push(fact),
    };
    const due = [false, true];
    const genomes = createMemoryGenomeStore();
    const genome = await genomes.put(new Map([['genome.json', textFile('{}')]]));
    await using lineage = createMemoryLineage({ genomes });
    await using archivist = createArchivist({
      lineage,
      secondsOf: (round) => 1_000 + round,
      journal,
      isCheckpointDue: () => due.shift()!,
    });
    const sample = valid.archivist.request as RecordRequest;
    const record: RecordRequest = { ...sample, genome, parentCommit: null, adoption: null, reads: [] };
    const { commit } = await archivist.handle(record, never);
    const again = await archivist.handle(record, never);
    expect(again.commit).toBe(commit);
    const generations = [{ ...valid.lineage.result.generation!, commit: commit! }];
    const close = { kind: 'close-round' as const, run: record.run, seed: 1, generations };
    expect(await archivist.handle({ ...close, round: 1 }, never)).toEqual({ commit: null });
    expect(facts).toEqual([]);
    await archivist.handle({ ...close, round: 2 }, never);
    expect(facts).toEqual([['lineage.checkpointed', '2', { round: 2 }]]);
  });
});
