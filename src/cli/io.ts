import { basename } from 'node:path';
import { monotonicMs } from '../index.ts';

/** Where text goes. `columns` and `rows` are those of the window right now. */
export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows: number;
}

/** Everything the command line has of the process it runs in. */
export interface Io {
  /** Results, and nothing else. */
  readonly stdout: Output;
  /** Progress, notes and errors. */
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How the user starts this program, for the commands that messages suggest. */
  readonly commandName: string;
  /** Milliseconds of a clock that only runs forward. */
  readonly now: () => number;
  /** Takes over SIGINT and SIGTERM until the returned function is called. */
  readonly onStopSignal: (listener: (signal: 'SIGINT' | 'SIGTERM') => void) => () => void;
}

export function processIo(): Io {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    env: process.env,
    commandName: commandNameOf(process.argv[1] ?? '', process.env),
    now: monotonicMs,
    onStopSignal(listener) {
      const signals = ['SIGINT', 'SIGTERM'] as const;
      for (const signal of signals) process.on(signal, listener);
      return () => {
        for (const signal of signals) process.off(signal, listener);
      };
    },
  };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  return {
    write: (text) => void stream.write(text),
    get isTTY() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns ?? 80;
    },
    get rows() {
      return stream.rows ?? 24;
    },
  };
}

/** In a checkout the command is not on the PATH, so suggestions must say `npx`. */
function commandNameOf(script: string, env: Io['env']): string {
  const name = basename(script);
  return env.npm_command === undefined && (name === 'galapagos' || name === 'gal') ? name : 'npx galapagos';
}
