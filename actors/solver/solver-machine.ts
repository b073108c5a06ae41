import { assign, emit, fromPromise, setup } from 'xstate';
import { GalapagosError } from '../../src/core/errors.ts';
import type { RequestOf, ResultOf } from '../../src/core/messages.ts';
import { type JobEmitted, type JobEvent, notProvided } from '../job-actor.ts';

interface SolverContext {
  readonly request: RequestOf<'solver'> | null;
  readonly attempts: number;
  readonly maxAttempts: number;
}

/**
 * One solver: takes a situation, runs the task agent on it, reports.
 *
 * I1. At most one situation is in hand; any other is answered with `job.refused`.
 * I2. Every accepted situation ends in exactly one `job.finished` or `job.abandoned`.
 * I3. Leaving `attempting` aborts the attempt's signal.
 * I4. Only a failing sandbox is tried again, at most `maxAttempts` times; a
 *     failing candidate is a result.
 * I5. Context is plain JSON.
 */
export const solverMachine = setup({
  types: {
    input: {} as { readonly maxAttempts: number },
    context: {} as SolverContext,
    events: {} as JobEvent<'solver'>,
    emitted: {} as JobEmitted<'solver'>,
  },
  actors: { runAttempt: fromPromise<ResultOf<'solver'>, RequestOf<'solver'>>(notProvided('runAttempt')) },
  guards: {
    mayTryAgain: ({ context, event }) => {
      const error: unknown = (event as { error?: unknown }).error;
      return error instanceof GalapagosError && error.retryable && context.attempts < context.maxAttempts;
    },
  },
  delays: { backoff: ({ context }) => 100 * 2 ** (context.attempts - 1) },
}).createMachine({
  id: 'solver',
  context: ({ input }) => ({ request: null, attempts: 0, maxAttempts: input.maxAttempts }),
  initial: 'idle',
  on: { 'job.assigned': { actions: emit({ type: 'job.refused' as const }) } },
  states: {
    idle: {
      entry: assign({ request: null, attempts: 0 }),
      on: {
        'job.assigned': { target: 'attempting', actions: assign({ request: ({ event }) => event.request }) },
        'job.cancelled': {},
      },
    },
    attempting: {
      entry: assign({ attempts: ({ context }) => context.attempts + 1 }),
      invoke: {
        src: 'runAttempt',
        input: ({ context }) => context.request!,
        onDone: {
          target: 'idle',
          actions: emit(({ event }) => ({ type: 'job.finished' as const, result: event.output })),
        },
        onError: [
          { guard: 'mayTryAgain', target: 'waiting' },
          { target: 'idle', actions: emit(({ event }) => ({ type: 'job.abandoned' as const, error: event.error })) },
        ],
      },
      on: {
        'job.cancelled': { target: 'idle', actions: emit({ type: 'job.abandoned' as const, error: 'cancelled' }) },
      },
    },
    waiting: {
      after: { backoff: 'attempting' },
      on: {
        'job.cancelled': { target: 'idle', actions: emit({ type: 'job.abandoned' as const, error: 'cancelled' }) },
      },
    },
  },
});
