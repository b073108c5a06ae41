import { assign, emit, fromPromise, setup } from 'xstate';
import type { RequestOf } from '../../src/core/messages.ts';
import type { Situation } from '../../src/core/niche.ts';
import { type JobEmitted, type JobEvent, notProvided } from '../job-actor.ts';
import { evaluationOf, type MeasuredItem, usageOf } from './measure-item.ts';

type Request = RequestOf<'environment'>;

interface EnvironmentContext {
  readonly request: Request | null;
  readonly situations: readonly Situation[];
  readonly measured: readonly MeasuredItem[];
}

/**
 * Owns the niche: evaluates one genome on one split, in stages.
 *
 * I1. At most one evaluation is in hand; any other is answered with `job.refused`.
 * I2. Every accepted evaluation ends in exactly one `job.finished` or `job.abandoned`.
 * I3. The first situation is the smoke stage: when it fails, no other is run.
 * I4. An evaluation has a score only when every situation was measured.
 * I5. Context is plain JSON.
 */
export const environmentMachine = setup({
  types: {
    context: {} as EnvironmentContext,
    events: {} as JobEvent<'environment'>,
    emitted: {} as JobEmitted<'environment'>,
  },
  actors: {
    propose: fromPromise<readonly Situation[], Request>(notProvided('propose')),
    measureAll: fromPromise<readonly MeasuredItem[], { request: Request; situations: readonly Situation[] }>(
      notProvided('measureAll'),
    ),
  },
  actions: {
    report: emit(({ context }) => ({
      type: 'job.finished' as const,
      result: {
        evaluation: evaluationOf(
          context.request!.split,
          context.measured.map((m) => m.item),
        ),
        usage: usageOf(context.measured),
      },
    })),
    abandon: emit(({ event }) => ({
      type: 'job.abandoned' as const,
      error: (event as { error?: unknown }).error ?? 'cancelled',
    })),
  },
  guards: {
    isComplete: ({ context }) => context.measured.length === context.situations.length,
    hasFailed: ({ context }) => context.measured.some((m) => m.item.consequence.status === 'failed'),
  },
}).createMachine({
  id: 'environment',
  context: { request: null, situations: [], measured: [] },
  initial: 'idle',
  on: { 'job.assigned': { actions: emit({ type: 'job.refused' as const }) } },
  states: {
    idle: {
      entry: assign({ request: null, situations: [], measured: [] }),
      on: {
        'job.assigned': { target: 'proposing', actions: assign({ request: ({ event }) => event.request }) },
        'job.cancelled': {},
      },
    },
    proposing: {
      invoke: {
        src: 'propose',
        input: ({ context }) => context.request!,
        onDone: { target: 'smoking', actions: assign({ situations: ({ event }) => event.output }) },
        onError: { target: 'idle', actions: 'abandon' },
      },
      on: { 'job.cancelled': { target: 'idle', actions: 'abandon' } },
    },
    smoking: {
      invoke: {
        src: 'measureAll',
        input: ({ context }) => ({ request: context.request!, situations: context.situations.slice(0, 1) }),
        onDone: { target: 'deciding', actions: assign({ measured: ({ event }) => event.output }) },
        onError: { target: 'idle', actions: 'abandon' },
      },
      on: { 'job.cancelled': { target: 'idle', actions: 'abandon' } },
    },
    deciding: {
      always: [
        { guard: 'hasFailed', target: 'idle', actions: 'report' },
        { guard: 'isComplete', target: 'idle', actions: 'report' },
        { target: 'measuring' },
      ],
    },
    measuring: {
      invoke: {
        src: 'measureAll',
        input: ({ context }) => ({ request: context.request!, situations: context.situations.slice(1) }),
        onDone: {
          target: 'deciding',
          actions: assign({ measured: ({ context, event }) => [...context.measured, ...event.output] }),
        },
        onError: { target: 'idle', actions: 'abandon' },
      },
      on: { 'job.cancelled': { target: 'idle', actions: 'abandon' } },
    },
  },
});
