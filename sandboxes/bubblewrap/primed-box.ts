import type { ChildProcess } from 'node:child_process';
import { impossible } from '../command-line.ts';
import type { ExecOptions } from '../sandbox.ts';
import { lineFeedVariable, quoted } from '../shell-words.ts';
import { letGo, takeBack } from './keeper.ts';

/** Reads one line, and no byte of what follows it, and becomes what the line says. Half a line is none. */
export const primedShell: readonly string[] = [
  '/bin/sh',
  '-c',
  `${lineFeedVariable}
shopt -s execfail 2>/dev/null; unset OLDPWD SHLVL
IFS= read -r line || exit; eval "$line"`,
];

/** A shell takes one byte at a time, 2,000 in a millisecond: from here on, starting anew is faster. */
const longestLine = 4_096;
/** A shell says in two lines at the most that it cannot start a program, and then our word. */
const complaintBytes = (program: string) => 2 * Buffer.byteLength(program) + 512;

/**
 * A box started ahead of the command that it will become: building one costs much of what Node needs to start. No
 * command has run in its sandbox yet, and nothing but a trusted shell is in it.
 */
export interface PrimedBox {
  /** Whether it still lives and was not taken. */
  isWaiting(): boolean;
  /** The first line of its input is a {@link lineFor} the command; what follows is the command's own input. */
  take(): ChildProcess;
  /** Ends it, if it was not taken. */
  discard(): Promise<void>;
}

/** Nobody waits for it and nothing keeps the runtime for it: it dies with its sandbox. */
export function primeBox(child: ChildProcess): PrimedBox {
  let isWaiting = true;
  const gone = new Promise<void>((resolve) => {
    const end = () => {
      // Its streams were read by nobody, so they would stay open.
      if (isWaiting) for (const stream of child.stdio) stream?.destroy();
      isWaiting = false;
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  child.stdin?.on('error', () => {});
  letGo(child);
  return {
    isWaiting: () => isWaiting,
    take() {
      isWaiting = false;
      takeBack(child);
      return child;
    },
    async discard() {
      if (!isWaiting) return;
      child.ref();
      // Without a line it ends by itself.
      child.stdin?.destroy();
      const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      await gone;
      clearTimeout(timer);
    },
  };
}

const patienceMs = 5_000;

/** Names that mean nothing to any shell. */
const harmless = /^GALAPAGOS_\w+$/;

/**
 * The line that a primed shell becomes a command by.
 * @param options.env - What the command has in its environment besides what the shell has.
 * @param word - Printed as the last line of standard error when the program cannot be started, and then nothing
 *   of the command has run. Nobody inside may know it before.
 * @returns `null` where the shell would need longer than a new box, or might not do the same as one.
 */
export function lineFor(
  argv: readonly string[],
  { env = {}, maxOutputBytes }: Pick<ExecOptions, 'env' | 'maxOutputBytes'>,
  word: string,
): string | null {
  if (impossible(argv, env) !== null || !Object.keys(env).every((name) => harmless.test(name))) return null;
  const program = argv[0]!;
  if (program.startsWith('-') || complaintBytes(program) > maxOutputBytes) return null;
  const settings = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}; `);
  // A shell that cannot replace itself ends or goes on, as its makers liked.
  const start = `w='echo ${word} >&2'; trap "$w" 0; exec ${argv.map(quoted).join(' ')}; eval "$w"`;
  const line = `${settings.join('')}${start}`;
  return Buffer.byteLength(line) > longestLine ? null : line;
}
