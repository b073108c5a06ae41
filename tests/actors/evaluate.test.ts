import { expect, it } from 'vitest';
import { createLineage, type LineagePorts } from '../../actors/lineage/create-lineage.ts';
import { emptyState } from '../../actors/lineage/lineage-state.ts';
import type { Ask } from '../../src/core/ask.ts';
import { randomStream } from '../../src/core/random.ts';
import { createBudget } from '../../src/runtime/run-budget.ts';
import { valid } from '../core/valid-messages.ts';
import { measured } from './samples.ts';

it('keeps the training evaluation that was paid for when the budget ends before the selection', async () => {
  const asked: string[] = [];
  const ask = (async (role: string, request: { split?: string }) => {
    asked.push(`${role} ${request.split ?? ''}`.trim());
    if (role === 'environment')
      return { ...valid.environment.result, evaluation: { ...measured(1), split: request.split } };
    return valid.archivist.result;
  }) as unknown as Ask;
  const ports: LineagePorts = {
    ask,
    budget: createBudget('lineage a', { evaluations: 1 }),
    select: () => 0,
    draws: (generation) => ({ ...randomStream(1, generation), drawn: null }),
    annealing: null,
    metaFrom: 'parent',
    rollback: null,
    publish: async () => false,
    model: 'm',
    taskModel: 'm',
    learning: null,
    seedGenome: { genome: valid.lineage.result.generation!.genome, bytes: 1, files: 1 },
    items: { train: 1, selection: 1 },
    gatePolicy: 'strict-improvement',
    showsTrain: true,
    showsSelection: false,
    maxStagnation: null,
    state: emptyState,
  };
  await using lineage = createLineage(ports);
  const { generation, stop } = await lineage.handle(
    { ...valid.lineage.request, round: 0 },
    new AbortController().signal,
  );
  expect(asked).toEqual(['environment train', 'archivist']);
  expect(generation).toMatchObject({
    failure: { stage: 'budget' },
    train: { status: 'measured', score: 1 },
    selection: null,
  });
  expect(stop).toBe('budget');
  expect(ports.budget.spent.evaluations).toBe(1);
});
