import { expect, it } from 'vitest';
import { metaAgentMachine } from '../../actors/meta-agent/meta-agent-machine.ts';
import { parseResult } from '../../src/core/messages.ts';
import { valid } from '../core/valid-messages.ts';
import { type Driven, drive, testCancelling, testEventTable } from './machine-harness.ts';
import { genomeId } from './samples.ts';

const request = valid['meta-agent'].request;
const failed = valid['meta-agent'].result;
const assigned = { type: 'job.assigned', request };
const { changedFiles, bytes, files, reads, usage, wallMs } = failed;
const edited = {
  ...{ changedFiles, bytes, files, reads, usage, wallMs },
  status: 'edited',
  genome: genomeId(9),
  adoption: null,
};

async function reach(state: string): Promise<Driven> {
  const driven = drive(metaAgentMachine, ['edit', 'checkImports']);
  if (state !== 'idle') driven.send(assigned);
  if (state === 'checking') await driven.resolve('edit', edited);
  return driven;
}

const cancelled = { to: 'idle', emits: ['job.abandoned'], aborts: true } as const;
testEventTable({
  machine: metaAgentMachine,
  events: { 'job.assigned': assigned, 'job.cancelled': { type: 'job.cancelled' } },
  rows: {
    idle: { 'job.assigned': { to: 'editing', emits: [] }, 'job.cancelled': { ignored: 'nothing is in hand' } },
    editing: { 'job.assigned': 'refused', 'job.cancelled': cancelled },
    checking: { 'job.assigned': 'refused', 'job.cancelled': cancelled },
  },
  reach,
});

testCancelling(['editing', 'checking'], reach, 'I2 I4: cancelling');

it('I1: has one edit in hand, while it is checked too', async () => {
  const driven = await reach('checking');
  driven.send(assigned);
  expect(driven.emitted).toEqual([{ type: 'job.refused' }]);
  expect(driven.operations.map((o) => o.name)).toEqual(['edit', 'checkImports']);
});

it.each(['editing', 'checking'])(
  'I2: abandons the edit with the error when the operation of %s throws',
  async (state) => {
    const driven = await reach(state);
    const error = new Error('boom');
    await driven.reject(state === 'editing' ? 'edit' : 'checkImports', error);
    expect(driven.emitted).toEqual([{ type: 'job.abandoned', error }]);
    expect(driven.state()).toBe('idle');
  },
);

it('I3: reports a child as edited only after its imports were checked', async () => {
  const driven = await reach('editing');
  await driven.resolve('edit', edited);
  expect(driven.emitted).toEqual([]);
  expect(driven.operation('checkImports').input).toEqual({ request, child: edited.genome });
  await driven.resolve('checkImports', null);
  expect(driven.emitted).toEqual([{ type: 'job.finished', result: edited }]);
});

it('I3: reports a child that does not import as failed, with its tree and the stage', async () => {
  const driven = await reach('checking');
  await driven.resolve('checkImports', 'task.mjs: SyntaxError');
  const { adoption: _, ...rest } = edited;
  const result = { ...rest, status: 'failed', failure: { stage: 'import-check', message: 'task.mjs: SyntaxError' } };
  expect(driven.emitted).toEqual([{ type: 'job.finished', result }]);
  expect(() => parseResult('meta-agent', result)).not.toThrow();
});

it('I3: reports a failed edit as it is, without a check', async () => {
  const driven = await reach('editing');
  await driven.resolve('edit', failed);
  expect(driven.emitted).toEqual([{ type: 'job.finished', result: failed }]);
  expect(driven.operations).toHaveLength(1);
});

it('I4: aborts only the operation under way', async () => {
  const driven = await reach('checking');
  driven.send({ type: 'job.cancelled' });
  expect(driven.operations.map((o) => [o.name, o.signal.aborted])).toEqual([
    ['edit', false],
    ['checkImports', true],
  ]);
});

it('I5: forgets request and child when it is done', async () => {
  const driven = await reach('checking');
  await driven.resolve('checkImports', null);
  expect(driven.context()).toEqual({ request: null, edited: null });
});
