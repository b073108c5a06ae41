import { expect, it } from 'vitest';
import { environmentMachine } from '../../actors/environment/environment-machine.ts';
import { noUsage } from '../../src/core/records.ts';
import { valid } from '../core/valid-messages.ts';
import { type Driven, drive, testCancelling, testEventTable } from './machine-harness.ts';

const request = { ...valid.environment.request, count: 3 };
const assigned = { type: 'job.assigned', request };
const situations = ['s1', 's2', 's3'].map((id) => ({ id, split: 'selection', input: null }));
const usage = { ...noUsage, calls: 1 };
const scored = (situation: string, score: number) => ({
  item: { situation, consequence: { status: 'measured', score, details: null }, wallMs: 1 },
  usage,
});
const broken = (situation: string) => ({
  item: { situation, consequence: { status: 'failed', reason: 'crash', message: 'exit 1' }, wallMs: 1 },
  usage,
});

async function reach(state: string): Promise<Driven> {
  const driven = drive(environmentMachine, ['propose', 'measureAll']);
  if (state === 'idle') return driven;
  driven.send(assigned);
  if (state === 'proposing') return driven;
  await driven.resolve('propose', situations);
  if (state === 'smoking') return driven;
  await driven.resolve('measureAll', [scored('s1', 1)]);
  return driven;
}

const cancelled = { to: 'idle', emits: ['job.abandoned'], aborts: true } as const;
const busy = { 'job.assigned': 'refused', 'job.cancelled': cancelled } as const;
testEventTable({
  machine: environmentMachine,
  events: { 'job.assigned': assigned, 'job.cancelled': { type: 'job.cancelled' } },
  rows: {
    idle: { 'job.assigned': { to: 'proposing', emits: [] }, 'job.cancelled': { ignored: 'nothing is in hand' } },
    proposing: busy,
    smoking: busy,
    deciding: 'passing',
    measuring: busy,
  },
  reach,
});

testCancelling(['proposing', 'smoking', 'measuring'], reach, 'I2: cancelling');

it.each(['proposing', 'smoking', 'measuring'])('I1: has one evaluation in hand in %s', async (state) => {
  const driven = await reach(state);
  const operations = driven.operations.length;
  driven.send({ type: 'job.assigned', request: { ...request, split: 'test' } });
  expect(driven.emitted).toEqual([{ type: 'job.refused' }]);
  expect(driven.operations).toHaveLength(operations);
  expect(driven.context().request).toEqual(request);
});

it.each(['proposing', 'smoking', 'measuring'])(
  'I2: abandons the evaluation with the error thrown in %s',
  async (state) => {
    const driven = await reach(state);
    const error = new Error('boom');
    await driven.reject(state === 'proposing' ? 'propose' : 'measureAll', error);
    expect(driven.emitted).toEqual([{ type: 'job.abandoned', error }]);
  },
);

it('I3: runs the first situation alone, and no other when it fails', async () => {
  const driven = await reach('smoking');
  expect(driven.operation('measureAll').input).toEqual({ request, situations: situations.slice(0, 1) });
  await driven.resolve('measureAll', [broken('s1')]);
  expect(driven.operations.map((o) => o.name)).toEqual(['propose', 'measureAll']);
  expect(driven.emitted).toMatchObject([
    { type: 'job.finished', result: { evaluation: { status: 'failed', reason: 'crash', message: 's1: exit 1' } } },
  ]);
});

it('I3: runs all others at once when it does not', async () => {
  const driven = await reach('measuring');
  expect(driven.operation('measureAll').input).toEqual({ request, situations: situations.slice(1) });
});

it('I4: gives the mean when every situation was measured, with what they cost together', async () => {
  const driven = await reach('measuring');
  await driven.resolve('measureAll', [scored('s2', 2), scored('s3', 6)]);
  expect(driven.emitted).toMatchObject([
    {
      type: 'job.finished',
      result: { evaluation: { status: 'measured', score: 3, n: 3 }, usage: { ...noUsage, calls: 3 } },
    },
  ]);
});

it('I4: gives no score when one situation failed', async () => {
  const driven = await reach('measuring');
  await driven.resolve('measureAll', [scored('s2', 2), broken('s3')]);
  expect(driven.emitted).toMatchObject([{ result: { evaluation: { status: 'failed', message: 's3: exit 1' } } }]);
});

it('I4: one situation is the whole evaluation', async () => {
  const driven = drive(environmentMachine, ['propose', 'measureAll']);
  driven.send({ type: 'job.assigned', request: { ...request, count: 1 } });
  await driven.resolve('propose', situations.slice(0, 1));
  await driven.resolve('measureAll', [scored('s1', 4)]);
  expect(driven.emitted).toMatchObject([{ result: { evaluation: { status: 'measured', score: 4, n: 1 } } }]);
});

it('I5: forgets everything when it is done', async () => {
  const driven = await reach('measuring');
  await driven.resolve('measureAll', [scored('s2', 2), scored('s3', 6)]);
  expect(driven.context()).toEqual({ request: null, situations: [], measured: [] });
});
