import { fromPromise } from 'xstate';
import type { RoleActor } from '../../src/core/define.ts';
import { hostJobMachine } from '../job-actor.ts';
import { runAttempt, type SolverPorts } from './run-attempt.ts';
import { solverMachine } from './solver-machine.ts';

export type { SolverPorts } from './run-attempt.ts';

/** One solver; the runtime starts as many as the experiment asks for. */
export function createSolver(ports: SolverPorts): RoleActor<'solver'> {
  const machine = solverMachine.provide({
    actors: { runAttempt: fromPromise(({ input, signal }) => runAttempt(ports, input, signal)) },
  });
  return hostJobMachine('solver', machine, { maxAttempts: ports.maxAttempts });
}
