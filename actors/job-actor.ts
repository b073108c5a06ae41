import { type AnyStateMachine, createActor, type InputFrom } from 'xstate';
import type { RoleActor } from '../src/core/define.ts';
import { GalapagosError, RunCancelledError } from '../src/core/errors.ts';
import type { RequestOf, ResultOf, RoleName } from '../src/core/messages.ts';

/** What every job machine accepts. */
export type JobEvent<R extends RoleName> =
  | { readonly type: 'job.assigned'; readonly request: RequestOf<R> }
  | { readonly type: 'job.cancelled' };

/** What every job machine emits: exactly one of these per assignment. */
export type JobEmitted<R extends RoleName> =
  | { readonly type: 'job.finished'; readonly result: ResultOf<R> }
  | { readonly type: 'job.abandoned'; readonly error: unknown }
  | { readonly type: 'job.refused' };

/** What a machine abandons a job with when it was told to. */
const cancelled = 'cancelled';

/**
 * Runs a job machine as the actor of a role: an assignment goes in as an
 * event, and the first emitted event is its answer.
 */
export function hostJobMachine<R extends RoleName, M extends AnyStateMachine>(
  role: R,
  machine: M,
  input: InputFrom<M>,
): RoleActor<R> {
  const actor = createActor(machine, { input } as never);
  actor.start();
  return {
    handle: (request, signal) =>
      new Promise<ResultOf<R>>((resolve, reject) => {
        let isAssigned = false;
        let isAnswered = false;
        const cancel = () => actor.send({ type: 'job.cancelled' } as never);
        const answers = (actor.on as (type: '*', listener: (event: JobEmitted<R>) => void) => { unsubscribe(): void })(
          '*',
          (event) => {
            // A refusal comes while its job is being assigned; it is no answer to the job in hand.
            if (event.type === 'job.refused' && isAssigned) return;
            isAnswered = true;
            answers.unsubscribe();
            signal.removeEventListener('abort', cancel);
            if (event.type === 'job.finished') resolve(event.result);
            else if (event.type === 'job.refused') reject(new GalapagosError('JOB_ABANDONED', true, `${role} is busy`));
            else if (signal.aborted || event.error === cancelled)
              reject(new RunCancelledError(`${role} was cancelled`, { cause: event.error }));
            else reject(event.error);
          },
        );
        actor.send({ type: 'job.assigned', request } as never);
        isAssigned = true;
        if (isAnswered) return;
        if (signal.aborted) cancel();
        else signal.addEventListener('abort', cancel, { once: true });
      }),
    async [Symbol.asyncDispose]() {
      // Nobody may wait for an answer that will not come.
      actor.send({ type: 'job.cancelled' } as never);
      actor.stop();
    },
  };
}

/** Stands where an operation will be provided; a machine run without it says so. */
export function notProvided(name: string): () => Promise<never> {
  return () => Promise.reject(new Error(`${name} is not provided`));
}
