import { assign, emit, fromPromise, setup } from 'xstate';
import type { RoleActor } from '../src/core/define.ts';
import type { RequestOf, ResultOf, RoleName } from '../src/core/messages.ts';
import { hostJobMachine, notProvided } from './job-actor.ts';

type OneStepEvent = { readonly type: 'job.assigned'; readonly request: unknown } | { readonly type: 'job.cancelled' };
type OneStepEmitted =
  | { readonly type: 'job.finished'; readonly result: unknown }
  | { readonly type: 'job.abandoned'; readonly error: unknown }
  | { readonly type: 'job.refused' };

/**
 * The machine of a role whose job is one operation.
 *
 * I1. At most one job is in hand; any other is answered with `job.refused`.
 * I2. Every accepted job ends in exactly one `job.finished` or `job.abandoned`.
 * I3. Cancelling aborts the operation's signal.
 * I4. Context is plain JSON.
 */
export const oneStepMachine = setup({
  types: {
    context: {} as { readonly request: unknown },
    events: {} as OneStepEvent,
    emitted: {} as OneStepEmitted,
  },
  actors: { perform: fromPromise<unknown, unknown>(notProvided('perform')) },
}).createMachine({
  id: 'one-step',
  context: { request: null },
  initial: 'idle',
  on: { 'job.assigned': { actions: emit({ type: 'job.refused' as const }) } },
  states: {
    idle: {
      entry: assign({ request: null }),
      on: {
        'job.assigned': { target: 'working', actions: assign({ request: ({ event }) => event.request }) },
        'job.cancelled': {},
      },
    },
    working: {
      invoke: {
        src: 'perform',
        input: ({ context }: { context: { readonly request: unknown } }) => context.request,
        onDone: {
          target: 'idle',
          actions: emit(({ event }) => ({ type: 'job.finished' as const, result: event.output })),
        },
        onError: {
          target: 'idle',
          actions: emit(({ event }) => ({ type: 'job.abandoned' as const, error: event.error })),
        },
      },
      on: {
        'job.cancelled': { target: 'idle', actions: emit({ type: 'job.abandoned' as const, error: 'cancelled' }) },
      },
    },
  },
});

/** Hosts a one-step machine as the actor of a role. */
export function hostOneStep<R extends RoleName>(
  role: R,
  perform: (request: RequestOf<R>, signal: AbortSignal) => Promise<ResultOf<R>>,
): RoleActor<R> {
  const machine = oneStepMachine.provide({
    actors: { perform: fromPromise<unknown, unknown>(({ input, signal }) => perform(input as RequestOf<R>, signal)) },
  });
  return hostJobMachine(role, machine, undefined);
}
