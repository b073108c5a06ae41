import { assign, emit, fromPromise, setup } from 'xstate';
import type { RequestOf, ResultOf } from '../../src/core/messages.ts';
import { type JobEmitted, type JobEvent, notProvided } from '../job-actor.ts';

type Request = RequestOf<'meta-agent'>;
type Result = ResultOf<'meta-agent'>;

interface MetaAgentContext {
  readonly request: Request | null;
  readonly edited: Extract<Result, { status: 'edited' }> | null;
}

/**
 * Lets a genome edit itself, once per request.
 *
 * I1. At most one edit is in hand; any other is answered with `job.refused`.
 * I2. Every accepted edit ends in exactly one `job.finished` or `job.abandoned`.
 * I3. A child is reported as `edited` only after both its entry points loaded
 *     in a fresh sandbox; a child that failed on the way is reported with its stage.
 * I4. Leaving `editing` or `checking` aborts the operation's signal.
 * I5. Context is plain JSON.
 */
export const metaAgentMachine = setup({
  types: {
    context: {} as MetaAgentContext,
    events: {} as JobEvent<'meta-agent'>,
    emitted: {} as JobEmitted<'meta-agent'>,
  },
  actors: {
    edit: fromPromise<Result, Request>(notProvided('edit')),
    /** Resolves to the problem, or `null` when the child loads. */
    checkImports: fromPromise<string | null, { request: Request; child: Request['parent']['genome'] }>(
      notProvided('checkImports'),
    ),
  },
  actions: {
    abandon: emit(({ event }) => ({
      type: 'job.abandoned' as const,
      error: (event as { error?: unknown }).error ?? 'cancelled',
    })),
  },
}).createMachine({
  id: 'meta-agent',
  context: { request: null, edited: null },
  initial: 'idle',
  on: { 'job.assigned': { actions: emit({ type: 'job.refused' as const }) } },
  states: {
    idle: {
      entry: assign({ request: null, edited: null }),
      on: {
        'job.assigned': { target: 'editing', actions: assign({ request: ({ event }) => event.request }) },
        'job.cancelled': {},
      },
    },
    editing: {
      invoke: {
        src: 'edit',
        input: ({ context }) => context.request!,
        onDone: [
          {
            guard: ({ event }) => event.output.status === 'edited',
            target: 'checking',
            actions: assign({ edited: ({ event }) => event.output as Extract<Result, { status: 'edited' }> }),
          },
          { target: 'idle', actions: emit(({ event }) => ({ type: 'job.finished' as const, result: event.output })) },
        ],
        onError: { target: 'idle', actions: 'abandon' },
      },
      on: { 'job.cancelled': { target: 'idle', actions: 'abandon' } },
    },
    checking: {
      invoke: {
        src: 'checkImports',
        input: ({ context }) => ({ request: context.request!, child: context.edited!.genome }),
        onDone: {
          target: 'idle',
          actions: emit(({ context, event }) => ({
            type: 'job.finished' as const,
            result: afterCheck(context.edited!, event.output),
          })),
        },
        onError: { target: 'idle', actions: 'abandon' },
      },
      on: { 'job.cancelled': { target: 'idle', actions: 'abandon' } },
    },
  },
});

function afterCheck(edited: Extract<Result, { status: 'edited' }>, problem: string | null): Result {
  if (problem === null) return edited;
  const { adoption: _, ...rest } = edited;
  return { ...rest, status: 'failed', failure: { stage: 'import-check', message: problem } };
}
