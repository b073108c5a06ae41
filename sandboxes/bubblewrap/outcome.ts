import { SandboxUnavailableError } from '../../src/core/errors.ts';
import type { CommandEnd } from '../run-command.ts';
import type { ExecResult, StopReason } from '../sandbox.ts';
import { statusOf } from '../shell-status.ts';

type Outcome = Pick<ExecResult, 'exitCode' | 'signal' | 'stoppedBy' | 'stdout' | 'stderr'>;

/**
 * How a command ended, by what bubblewrap reported of it.
 * @throws {SandboxUnavailableError} when bubblewrap could not start it, for a reason that is not the command's.
 */
export function outcomeOf(end: CommandEnd, hadOomKill: boolean): Outcome {
  const stoppedBy: StopReason = end.stoppedBy === 'exit' && hadOomKill ? 'memory' : end.stoppedBy;
  const output = { stdout: end.stdout, stderr: end.stderr };
  const reported = /"exit-code": (\d+)/.exec(end.status)?.[1];
  if (reported !== undefined) return { ...statusOf(Number(reported)), stoppedBy, ...output };
  if (stoppedBy !== 'exit') return { exitCode: null, signal: 'SIGKILL', stoppedBy, ...output };
  // Without a report the command never ran, so what is on stderr is bubblewrap's.
  const cannotRun = /^bwrap: execvp (.*)$/m.exec(end.stderr);
  if (cannotRun !== null) return { exitCode: 127, signal: null, stoppedBy, ...output };
  throw new SandboxUnavailableError(`a command could not be started: ${describeFailure(end)}`, {
    cause: end.startError,
  });
}

function describeFailure(end: CommandEnd): string {
  return end.startError?.message ?? (end.stderr.trim().slice(0, 500) || `exit ${end.exitCode ?? end.signal}`);
}
