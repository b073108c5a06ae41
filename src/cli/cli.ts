import { CommanderError } from 'commander';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import type { Io } from './io.ts';
import { createProgram } from './program.ts';
import { reportError } from './report-error.ts';
import { createSession } from './session.ts';

/**
 * Runs one command. Results go to `io.stdout`, everything else to `io.stderr`.
 * @param argv - Arguments after the program's name.
 * @returns the exit code. Never throws.
 */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  const session = createSession(io, argv);
  const program = createProgram(session);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return session.exitCode;
  } catch (error) {
    // Commander has printed its message already; help that was asked for is no error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    const isVerbose = program.opts<{ verbose?: boolean }>().verbose === true || isOn(io.env.GALAPAGOS_DEBUG);
    io.stderr.write(reportError(error, { isVerbose, commandName: io.commandName }));
    return exitCodeOf(error);
  }
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value);
}
