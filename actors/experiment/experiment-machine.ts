import { assertEvent, assign, enqueueActions, fromPromise, setup } from 'xstate';
import type { RunId } from '../../src/core/ids.ts';
import { notProvided } from '../job-actor.ts';

export type RunStatus = 'done' | 'stopped' | 'failed';

/** A run, and the runs that must have ended before it starts; those that are not of this experiment are not waited for. */
export interface PlannedRun {
  readonly run: RunId;
  readonly after: readonly RunId[];
}

interface ExperimentContext {
  readonly pending: readonly PlannedRun[];
  readonly active: readonly RunId[];
  readonly ended: readonly { readonly run: RunId; readonly status: RunStatus }[];
  readonly concurrency: number;
  readonly isCancelled: boolean;
}

type ExperimentEvent = { type: 'run.ended'; run: RunId; status: RunStatus } | { type: 'experiment.cancelled' };

/** What waits for nobody any more. */
function ready({ pending, active }: ExperimentContext): readonly PlannedRun[] {
  const unfinished = [...pending.map(({ run }) => run), ...active];
  return pending.filter(({ after }) => !after.some((run) => unfinished.includes(run)));
}

/**
 * An experiment: every arm and seed as a run, a bounded number at a time.
 *
 * I1. At most `concurrency` runs are active.
 * I2. Every run is started at most once and ends in exactly one status; a run
 *     that fails does not stop the others.
 * I3. After `experiment.cancelled` no further run starts; active ones end by themselves.
 * I4. Context is plain JSON.
 * I5. A run starts after those that it waits for have ended, however they did.
 */
export const experimentMachine = setup({
  types: {
    input: {} as { readonly runs: readonly PlannedRun[]; readonly concurrency: number },
    context: {} as ExperimentContext,
    events: {} as ExperimentEvent,
  },
  actors: { executeRun: fromPromise<RunStatus, { run: RunId }>(notProvided('executeRun')) },
  actions: {
    startRuns: enqueueActions(({ context, enqueue }) => {
      const starting = ready(context).slice(0, context.concurrency - context.active.length);
      for (const { run } of starting) {
        enqueue.spawnChild('executeRun', { id: run, input: { run } });
      }
      enqueue.assign({
        pending: context.pending.filter((planned) => !starting.includes(planned)),
        active: [...context.active, ...starting.map(({ run }) => run)],
      });
    }),
    settleRun: assign(({ context, event }) => {
      assertEvent(event, 'run.ended');
      return {
        active: context.active.filter((run) => run !== event.run),
        ended: [...context.ended, { run: event.run, status: event.status }],
      };
    }),
  },
  guards: {
    isActive: ({ context, event }) => event.type === 'run.ended' && context.active.includes(event.run),
    mayStart: ({ context }) =>
      !context.isCancelled && ready(context).length > 0 && context.active.length < context.concurrency,
    isFinished: ({ context }) => context.active.length === 0 && (context.isCancelled || context.pending.length === 0),
  },
}).createMachine({
  id: 'experiment',
  context: ({ input }) => ({
    pending: input.runs,
    active: [],
    ended: [],
    concurrency: input.concurrency,
    isCancelled: false,
  }),
  initial: 'running',
  states: {
    running: {
      always: [
        { guard: 'isFinished', target: 'ended' },
        { guard: 'mayStart', actions: 'startRuns' },
      ],
      on: {
        'run.ended': { guard: 'isActive', actions: 'settleRun' },
        'experiment.cancelled': { actions: assign({ isCancelled: true }) },
      },
    },
    ended: { type: 'final' },
  },
});
