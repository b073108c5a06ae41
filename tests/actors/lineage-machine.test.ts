import { describe, expect, it } from 'vitest';
import { lineageMachine } from '../../actors/lineage/lineage-machine.ts';
import { advance, emptyState, type LineageState } from '../../actors/lineage/lineage-state.ts';
import type { Generation } from '../../src/core/records.ts';
import { noUsage } from '../../src/core/records.ts';
import { valid } from '../core/valid-messages.ts';
import { type Driven, drive, testCancelling, testEventTable } from './machine-harness.ts';
import { failedEdit, generationOf, genomeId, lineageRequest, measured } from './samples.ts';

const steps = ['select', 'edit', 'compete', 'train', 'evaluate', 'judge', 'record'];
const seeded = advance(emptyState, generationOf(0));
const usage = { ...noUsage, calls: 2 };
const edited = { status: 'edited', genome: genomeId(1), adoption: null, changedFiles: ['task.mjs'], usage };
const evaluated = {
  evaluations: { train: measured(1, 'train'), selection: measured(1), isPartial: false, isOverBudget: false },
  usage: { ...noUsage, calls: 5 },
};
const judgement = { verdict: 'promoted', checks: [{ name: 'improvement', outcome: 'pass', reason: '+1' }] };

function start(state: LineageState = seeded, maxStagnation: number | null = null): Driven {
  return drive(lineageMachine, steps, { input: { state, maxStagnation } });
}

const choice = { parent: 0, rollback: null, meta: 0, isTournament: false, drawn: null, trains: null, weights: null };
const trainsFor = (state: string) => (state === 'working.training' ? 'alone' : null);
const trained = {
  lesson: { status: 'trained', dataset: genomeId(9), examples: 3, generations: [0], firstLoss: 2, lastLoss: 1 },
  weights: { adapter: { id: genomeId(5), tree: genomeId(6) }, model: 'small--alice-g1-00000005' },
};
const untrained = { lesson: { status: 'failed', reason: 'no survivors' }, weights: null };

const competed = {
  ...{ edit: edited, meta: 0, usage: { ...noUsage, calls: 4 }, otherEvaluations: 1 },
  evaluations: { train: measured(1, 'train'), selection: null, isPartial: false, isOverBudget: false },
  tournament: { winner: 'blind', directed: 0, blind: 1 },
};

async function reach(state: string, round = 1, from: LineageState = seeded): Promise<Driven> {
  const driven = start(from);
  if (state === 'idle') return driven;
  driven.send({ type: 'job.assigned', request: lineageRequest(round) });
  const path: readonly [string, string, unknown][] = [
    [
      'working.selecting',
      'select',
      { ...choice, isTournament: state === 'working.competing', trains: trainsFor(state) },
    ],
    ['working.editing', 'edit', edited],
    ['working.evaluating', 'evaluate', evaluated],
    ['working.judging', 'judge', { judgement }],
  ];
  for (const [at, operation, value] of path) {
    if (driven.state() === state) break;
    if (driven.state() === at) await driven.resolve(operation, value);
  }
  return driven;
}

const cancelled = { to: 'idle', emits: ['job.abandoned'], aborts: true } as const;
const busy = { 'job.assigned': 'refused', 'job.cancelled': cancelled } as const;
const working = ['selecting', 'editing', 'competing', 'training', 'evaluating', 'judging', 'recording'].map(
  (s) => `working.${s}`,
);
testEventTable({
  machine: lineageMachine,
  events: {
    'job.assigned': { type: 'job.assigned', request: lineageRequest(1) },
    'job.cancelled': { type: 'job.cancelled' },
  },
  rows: {
    idle: {
      'job.assigned': { to: 'working.selecting', emits: [] },
      'job.cancelled': { ignored: 'nothing is in hand' },
    },
    'working.starting': 'passing',
    'working.selecting': busy,
    'working.editing': busy,
    'working.deciding': 'passing',
    'working.competing': busy,
    'working.edited': 'passing',
    'working.training': busy,
    'working.trained': 'passing',
    'working.evaluating': busy,
    'working.judging': busy,
    'working.recording': busy,
  },
  reach,
});

testCancelling(working, reach, 'I2: cancelling');

it.each(working)('I1: has one round in hand in %s', async (state) => {
  const driven = await reach(state);
  const operations = driven.operations.length;
  driven.send({ type: 'job.assigned', request: lineageRequest(2) });
  expect(driven.emitted).toEqual([{ type: 'job.refused' }]);
  expect(driven.operations).toHaveLength(operations);
  expect(driven.context().draft).toMatchObject({ request: { round: 1 } });
});

it.each(working)('I2 I7: abandons the round with the error thrown in %s, and stands where it stood', async (state) => {
  const driven = await reach(state);
  const error = new Error('boom');
  await driven.reject(driven.operations.at(-1)!.name, error);
  expect(driven.emitted).toEqual([{ type: 'job.abandoned', error }]);
  expect(driven.context()).toEqual({ state: seeded, draft: null, maxStagnation: null });
  driven.send({ type: 'job.assigned', request: lineageRequest(1) });
  expect(driven.state()).toBe('working.selecting');
});

it('I2: finishes a round without a generation when the budget is used up', async () => {
  const driven = await reach('working.selecting');
  await driven.resolve('select', null);
  expect(driven.emitted).toEqual([{ type: 'job.finished', result: { generation: null, stop: 'budget' } }]);
  expect(driven.context().state).toEqual(seeded);
});

it('I3: evaluates and records the seed, and never selects or edits it', async () => {
  const driven = await reach('working.evaluating', 0, emptyState);
  await driven.resolve('evaluate', evaluated);
  await driven.resolve('judge', { judgement: { verdict: 'seed', checks: [] } });
  await driven.resolve('record', generationOf(0));
  expect(driven.operations.map((o) => o.name)).toEqual(['evaluate', 'judge', 'record']);
  expect(driven.emitted).toEqual([{ type: 'job.finished', result: { generation: generationOf(0), stop: null } }]);
});

it('I4: records a child that failed to edit, never evaluates it, and never makes it a parent', async () => {
  const driven = await reach('working.editing');
  await driven.resolve('edit', valid['meta-agent'].result);
  await driven.resolve('judge', { judgement: { verdict: 'failed', checks: [] } });
  await driven.resolve('record', failedEdit(1));
  expect(driven.operations.map((o) => o.name)).toEqual(['select', 'edit', 'judge', 'record']);
  expect(archiveOf(driven)).toEqual([0]);
});

it('I4: in a tournament goes on with the child that won, and records what the other one cost', async () => {
  const driven = await reach('working.competing');
  await driven.resolve('compete', { ...competed, edit: { ...edited, genome: genomeId(7) } });
  const winner = { edit: { genome: genomeId(7) }, meta: 0, usage: competed.usage, tournament: { winner: 'blind' } };
  expect(driven.operation('evaluate').input).toMatchObject({ draft: { ...winner, otherEvaluations: 1 } });
});

it('I4: in a tournament that nobody survived evaluates nobody', async () => {
  const driven = await reach('working.competing');
  await driven.resolve('compete', { ...competed, edit: valid['meta-agent'].result });
  expect(driven.state()).toBe('working.judging');
});

it('I5: asks for a verdict before it records, and reports only what was recorded', async () => {
  const driven = await reach('working.judging');
  expect(driven.operations.map((o) => o.name)).toEqual(['select', 'edit', 'evaluate', 'judge']);
  await driven.resolve('judge', { judgement });
  expect(driven.operation('record').input).toMatchObject({ draft: { judgement, evaluations: evaluated.evaluations } });
  expect(driven.emitted).toEqual([]);
  const recorded = generationOf(1, { verdict: 'promoted' });
  await driven.resolve('record', recorded);
  expect(driven.emitted).toEqual([{ type: 'job.finished', result: { generation: recorded, stop: null } }]);
});

it.each([
  ['alone', ['select', 'train', 'evaluate']],
  ['beside-edit', ['select', 'edit', 'train', 'evaluate']],
] as const)('I6: trains %s, and evaluates what came of it', async (trains, operations) => {
  const driven = await reach('working.selecting');
  await driven.resolve('select', { ...choice, trains });
  if (trains === 'beside-edit') await driven.resolve('edit', edited);
  await driven.resolve('train', trained);
  expect(driven.operations.map((o) => o.name)).toEqual(operations);
  expect(driven.operation('evaluate').input).toMatchObject({ draft: trained });
});

it('I6: judges without evaluating when a training alone came to nothing, and evaluates the code beside one', async () => {
  const alone = await reach('working.training');
  await alone.resolve('train', untrained);
  expect(alone.state()).toBe('working.judging');
  const beside = await reach('working.selecting');
  await beside.resolve('select', { ...choice, trains: 'beside-edit' });
  await beside.resolve('edit', edited);
  await beside.resolve('train', untrained);
  expect(beside.state()).toBe('working.evaluating');
});

it('I7: its state after each round is the fold over the generations it recorded', async () => {
  const driven = start(emptyState);
  const recorded: Generation[] = [];
  for (const generation of [generationOf(0), failedEdit(1), generationOf(2, { verdict: 'promoted' })]) {
    driven.send({ type: 'job.assigned', request: lineageRequest(generation.round) });
    if (driven.state() === 'working.selecting') await driven.resolve('select', { parent: 0, meta: 0 });
    if (driven.state() === 'working.editing') await driven.resolve('edit', edited);
    await driven.resolve('evaluate', evaluated);
    await driven.resolve('judge', { judgement });
    await driven.resolve('record', generation);
    recorded.push(generation);
    expect(driven.context().state).toEqual(recorded.reduce(advance, emptyState));
  }
});

it('counts what edit and evaluation cost in the draft that is recorded', async () => {
  const driven = await reach('working.evaluating');
  expect(driven.context().draft).toMatchObject({ usage });
  await driven.resolve('evaluate', evaluated);
  expect(driven.context().draft).toMatchObject({ usage: evaluated.usage });
});

describe('why a lineage stops', () => {
  async function stopAfter(generation: Generation, maxStagnation: number | null) {
    const driven = start(advance(seeded, generationOf(1, { selection: measured(-1) })), maxStagnation);
    driven.send({ type: 'job.assigned', request: lineageRequest(2) });
    await driven.resolve('select', { parent: 0, meta: 0 });
    await driven.resolve('edit', edited);
    await driven.resolve('evaluate', evaluated);
    await driven.resolve('judge', { judgement });
    await driven.resolve('record', generation);
    return (driven.emitted[0] as unknown as { result: { stop: string | null } }).result.stop;
  }
  const worse = generationOf(2, { selection: measured(-1) });

  it.each([
    ['goes on without a limit', worse, null, null],
    ['stops after so many rounds without improvement', worse, 2, 'stagnation'],
    ['goes on before that', worse, 3, null],
    ['goes on after an improvement', generationOf(2, { selection: measured(9) }), 2, null],
    [
      'stops when its budget ended the edit',
      failedEdit(2, { failure: { stage: 'budget', message: 'used up' } }),
      null,
      'budget',
    ],
    ['goes on when only the edit failed', failedEdit(2), null, null],
  ])('%s', async (_, generation, maxStagnation, stop) => {
    expect(await stopAfter(generation, maxStagnation)).toBe(stop);
  });
});

function archiveOf(driven: Driven): number[] {
  return (driven.context().state as LineageState).archive.map((a) => a.generation);
}
