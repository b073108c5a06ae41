import { expect, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import { solverMachine } from '../../actors/solver/solver-machine.ts';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { valid } from '../core/valid-messages.ts';
import { type Driven, drive, settled, testCancelling, testEventTable } from './machine-harness.ts';

const { request, result } = valid.solver;
const assigned = { type: 'job.assigned', request };
const gone = () => new SandboxUnavailableError('gone');

function start(maxAttempts = 3): Driven & { readonly clock: SimulatedClock } {
  const clock = new SimulatedClock();
  return { ...drive(solverMachine, ['runAttempt'], { input: { maxAttempts }, clock }), clock };
}

async function reach(state: string) {
  const driven = start();
  if (state !== 'idle') driven.send(assigned);
  if (state === 'waiting') await driven.reject('runAttempt', gone());
  return driven;
}

testEventTable({
  machine: solverMachine,
  events: { 'job.assigned': assigned, 'job.cancelled': { type: 'job.cancelled' } },
  rows: {
    idle: {
      'job.assigned': { to: 'attempting', emits: [] },
      'job.cancelled': { ignored: 'nothing is in hand' },
    },
    attempting: {
      'job.assigned': 'refused',
      'job.cancelled': { to: 'idle', emits: ['job.abandoned'], aborts: true },
    },
    waiting: { 'job.assigned': 'refused', 'job.cancelled': { to: 'idle', emits: ['job.abandoned'] } },
  },
  reach,
});

testCancelling(['attempting'], reach);

it('I1: has one situation in hand, while it waits too', async () => {
  const driven = await reach('waiting');
  driven.send(assigned);
  expect(driven.emitted).toEqual([{ type: 'job.refused' }]);
  expect(driven.operations).toHaveLength(1);
});

it('I2: answers once for a situation that took several attempts', async () => {
  const driven = await reach('waiting');
  driven.clock.increment(100);
  await driven.resolve('runAttempt', result);
  expect(driven.emitted).toEqual([{ type: 'job.finished', result }]);
});

it('I2: a situation cancelled while it waits is never attempted again', async () => {
  const driven = await reach('waiting');
  driven.send({ type: 'job.cancelled' });
  driven.clock.increment(1_000_000);
  await settled();
  expect(driven.emitted).toEqual([{ type: 'job.abandoned', error: 'cancelled' }]);
  expect(driven.operations).toHaveLength(1);
});

it('I3: a new attempt has a signal of its own', async () => {
  const driven = await reach('waiting');
  driven.clock.increment(100);
  driven.send({ type: 'job.cancelled' });
  expect(driven.operations.map((o) => o.signal.aborted)).toEqual([false, true]);
});

it('I4: tries a failing sandbox again at most maxAttempts times, waiting twice as long each time', async () => {
  const driven = start(4);
  driven.send(assigned);
  for (const waitMs of [100, 200, 400]) {
    await driven.reject('runAttempt', gone());
    const attempts = driven.operations.length;
    driven.clock.increment(waitMs - 1);
    await settled();
    expect(driven.operations.length, `before ${waitMs} ms`).toBe(attempts);
    driven.clock.increment(1);
    expect(driven.operations.length).toBe(attempts + 1);
  }
  expect(driven.emitted).toEqual([]);
  const last = gone();
  await driven.reject('runAttempt', last);
  expect(driven.emitted).toEqual([{ type: 'job.abandoned', error: last }]);
  expect(driven.operations).toHaveLength(4);
});

it('I4: counts attempts anew for every situation', async () => {
  const driven = start(2);
  for (let job = 0; job < 3; job += 1) {
    driven.send(assigned);
    await driven.reject('runAttempt', gone());
    expect(driven.state()).toBe('waiting');
    driven.clock.increment(100);
    await driven.resolve('runAttempt', result);
  }
  expect(driven.emitted.map((e) => e.type)).toEqual(['job.finished', 'job.finished', 'job.finished']);
});

it.each([
  ['an error of no known kind', new Error('boom')],
  ['an error that a second try would repeat', Object.assign(gone(), { retryable: false })],
])('I4: does not try again after %s', async (_, error) => {
  const driven = await reach('attempting');
  await driven.reject('runAttempt', error);
  expect(driven.emitted).toEqual([{ type: 'job.abandoned', error }]);
});

it('I4: takes a failing candidate for a result', async () => {
  const driven = await reach('attempting');
  await driven.resolve('runAttempt', { ...result, exitCode: 1 });
  expect(driven.emitted).toEqual([{ type: 'job.finished', result: { ...result, exitCode: 1 } }]);
});

it('I5: forgets situation and attempts when it is done', async () => {
  const driven = await reach('attempting');
  await driven.resolve('runAttempt', result);
  expect(driven.context()).toEqual({ request: null, attempts: 0, maxAttempts: 3 });
});
