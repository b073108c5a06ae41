import { createActor, fromPromise, waitFor } from 'xstate';
import type { RunId } from '../../src/core/ids.ts';
import { experimentMachine, type PlannedRun, type RunStatus } from './experiment-machine.ts';

export interface ExperimentPorts {
  readonly runs: readonly PlannedRun[];
  /** Runs at one time. */
  readonly concurrency: number;
  /** Executes one run to its end. It must not throw: a failed run is a status. */
  readonly execute: (run: RunId) => Promise<RunStatus>;
}

export interface ExperimentActor {
  /** Starts no further run. */
  cancel(): void;
  readonly ended: Promise<readonly { readonly run: RunId; readonly status: RunStatus }[]>;
}

export function startExperiment(ports: ExperimentPorts): ExperimentActor {
  const machine = experimentMachine.provide({
    actors: {
      executeRun: fromPromise(async ({ input }) => {
        const status = await ports.execute(input.run);
        actor.send({ type: 'run.ended', run: input.run, status });
        return status;
      }),
    },
  });
  const actor = createActor(machine, { input: { runs: ports.runs, concurrency: ports.concurrency } });
  actor.start();
  const ended = waitFor(actor, (s) => s.status !== 'active', { timeout: Number.POSITIVE_INFINITY }).then(
    (s) => s.context.ended,
  );
  return { cancel: () => actor.send({ type: 'experiment.cancelled' }), ended };
}
