import { expect, it } from 'vitest';
import { runMachine } from '../../actors/run/run-machine.ts';
import { type Driven, drive, testEventTable } from './machine-harness.ts';
import { alice, generationOf, genomeId } from './samples.ts';

const steps = ['openRound', 'runRound', 'closeRound', 'test'];
const member = { lineage: alice, model: 'm', stop: null, best: null };
const round = { members: [member], generations: [generationOf(0)] };

function start(input: { round?: number; rounds?: number; members?: readonly unknown[] } = {}): Driven {
  return drive(runMachine, steps, { input: { members: [member], round: 0, rounds: 1, ...input } });
}

async function reach(state: string): Promise<Driven> {
  const driven = start({ rounds: 0 });
  const path: readonly [string, string, unknown][] = [
    ['opening', 'openRound', []],
    ['running', 'runRound', round],
    ['closing', 'closeRound', undefined],
    ['testing', 'test', undefined],
  ];
  if (state === 'failed') await driven.reject('openRound', new Error('boom'));
  if (state === 'stopped') driven.send({ type: 'run.cancelled' });
  for (const [at, operation, value] of path) {
    if (driven.state() === state) break;
    if (driven.state() === at) await driven.resolve(operation, value);
  }
  return driven;
}

const stays = (to: string) => ({ 'run.cancelled': { to, emits: [] } });
testEventTable({
  machine: runMachine,
  events: { 'run.cancelled': { type: 'run.cancelled' } },
  rows: {
    deciding: 'passing',
    opening: stays('opening'),
    running: stays('running'),
    closing: stays('closing'),
    testing: stays('testing'),
    done: 'final',
    stopped: 'final',
    failed: 'final',
  },
  reach,
  contextBeyondJson: { failed: 'it hands the thrown error to the caller, and is never resumed' },
});

it('I1: takes the snapshot before anybody moves, and gives it to the round', async () => {
  const driven = await reach('opening');
  const snapshot = [{ lineage: alice, generation: 0, genome: genomeId(0), score: 1 }];
  await driven.resolve('openRound', snapshot);
  expect(driven.operations.map((o) => o.name)).toEqual(['openRound', 'runRound']);
  expect(driven.operation('runRound').input).toMatchObject({ snapshot, round: 0 });
});

it('I2: opens the next round only after the notes of the one before are written', async () => {
  const driven = start({ rounds: 1 });
  for (const expected of [0, 1]) {
    expect(driven.operation('openRound').input).toMatchObject({ round: expected });
    await driven.resolve('openRound', []);
    await driven.resolve('runRound', round);
    expect(driven.operation('closeRound').input).toMatchObject({ round: expected, generations: round.generations });
    await driven.resolve('closeRound', undefined);
  }
  expect(driven.operations.map((o) => o.name)).toEqual([
    ...['openRound', 'runRound', 'closeRound'],
    ...['openRound', 'runRound', 'closeRound', 'test'],
  ]);
});

it.each(['opening', 'running', 'closing'])('I3: cancelled in %s, finishes the round and stops', async (state) => {
  const driven = start({ rounds: 5 });
  if (state !== 'opening') await driven.resolve('openRound', []);
  if (state === 'closing') await driven.resolve('runRound', round);
  driven.send({ type: 'run.cancelled' });
  expect(driven.operations.some((o) => o.signal.aborted)).toBe(false);
  if (state === 'opening') await driven.resolve('openRound', []);
  if (state !== 'closing') await driven.resolve('runRound', round);
  await driven.resolve('closeRound', undefined);
  expect(driven.state()).toBe('stopped');
  expect(driven.context()).toMatchObject({ stop: 'cancelled', round: 1, generations: round.generations });
});

it('I4: tests once, after the last round', async () => {
  const driven = await reach('testing');
  expect(driven.operations.filter((o) => o.name === 'test')).toHaveLength(1);
  await driven.resolve('test', undefined);
  expect(driven.state()).toBe('done');
});

it('I4: tests when the budget ended the rounds, and when every lineage has stopped', async () => {
  const overBudget = start({ rounds: 5 });
  await overBudget.resolve('openRound', null);
  expect(overBudget.state()).toBe('testing');
  expect(overBudget.context().stop).toBe('budget');
  const allStopped = start({ rounds: 5, members: [{ ...member, stop: 'stagnation' }] });
  expect(allStopped.state()).toBe('testing');
});

it('I4: never tests a run that was stopped on the way', async () => {
  const driven = start({ rounds: 0 });
  await driven.resolve('openRound', []);
  driven.send({ type: 'run.cancelled' });
  await driven.resolve('runRound', round);
  await driven.resolve('closeRound', undefined);
  expect(driven.state()).toBe('stopped');
  expect(driven.operations.map((o) => o.name)).not.toContain('test');
});

it.each([
  ['opening', 'openRound'],
  ['running', 'runRound'],
  ['closing', 'closeRound'],
  ['testing', 'test'],
])('I5: fails with the error that was thrown in %s, and does nothing more', async (state, operation) => {
  const driven = await reach(state);
  const error = new Error('boom');
  const before = driven.operations.length;
  await driven.reject(operation, error);
  expect(driven.state()).toBe('failed');
  expect(driven.context().error).toBe(error);
  expect(driven.actor.getSnapshot().status).toBe('done');
  expect(driven.operations).toHaveLength(before);
});

it.each(['done', 'stopped', 'failed'])('I5: %s is an end', async (state) => {
  const driven = await reach(state);
  expect(driven.actor.getSnapshot().status).toBe('done');
});
