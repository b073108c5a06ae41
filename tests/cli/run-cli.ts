import { runCli } from '../../src/cli/cli.ts';
import type { Io } from '../../src/cli/io.ts';
import { monotonicMs } from '../../src/index.ts';

export interface CliOptions {
  readonly env?: Io['env'];
  /** Both streams are terminals of this size. */
  readonly terminal?: { readonly columns: number; readonly rows: number };
  /** Told everything that is written to standard error, as it is written. */
  readonly onStderr?: (text: string, press: () => void) => void;
  /** The same of standard output. */
  readonly onStdout?: (text: string, press: () => void) => void;
}

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process, on streams that remember. */
export async function cli(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const listeners = new Set<(signal: 'SIGINT' | 'SIGTERM') => void>();
  let stdout = '';
  let stderr = '';
  let skippedMs = 0;
  /** Ctrl-C, a second after whatever was before. */
  const press = () => {
    skippedMs += 1_000;
    for (const listener of [...listeners]) listener('SIGINT');
  };
  const { columns, rows } = options.terminal ?? { columns: 80, rows: 24 };
  const size = { isTTY: options.terminal !== undefined, columns, rows };
  const exitCode = await runCli(argv, {
    stdout: {
      ...size,
      write: (text) => {
        stdout += text;
        options.onStdout?.(text, press);
      },
    },
    stderr: {
      ...size,
      write: (text) => {
        stderr += text;
        options.onStderr?.(text, press);
      },
    },
    env: options.env ?? {},
    commandName: 'galapagos',
    now: () => monotonicMs() + skippedMs,
    onStopSignal: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  return { exitCode, stdout, stderr };
}

/** A real run that takes seconds: few circles, one item a split, plain processes. */
export const tinyRun = [
  ...['run', 'packing', '--seed', '1', '--arm', 'paired', '--sandbox', 'process'],
  ...['items.selection=1', 'items.test=1', 'niche.params.circles=6'].flatMap((set) => ['--set', set]),
];
