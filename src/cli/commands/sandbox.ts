import { constants } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { buildSandboxImage, type SandboxTrial, tryInSandbox } from '../../index.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { clean, cleanLines } from '../text/clean.ts';
import { formatDuration } from '../text/numbers.ts';
import { listenForStop } from './stop-signals.ts';

export function addSandbox(program: Command, session: Session): void {
  const sandbox = program
    .command('sandbox')
    .summary('make the image of the docker sandbox, or run a command in a sandbox')
    .description(
      'Make the image of the docker sandbox, or see what a candidate sees by running a command in a sandbox.',
    );
  addBuild(sandbox, session);
  addExec(sandbox, session);
}

interface BuildFlags extends CommonOptions {
  readonly from?: string;
  readonly rootfs?: string;
  readonly tag?: string;
}

function addBuild(sandbox: Command, session: Session): void {
  withJson(sandbox.command('build'))
    .summary('make the image that the docker sandbox uses')
    .description('Make the image that the docker sandbox uses, try it, and only then give it its name.')
    .addOption(new Option('--from <image>', 'make it of an image that the engine has').conflicts('rootfs'))
    .option('--rootfs <path>', 'make it of a root file system: a directory, or a tar archive')
    .option('--tag <name>', 'how to name it (default: galapagos-sandbox)')
    .addHelpText(
      'after',
      `
Without --from or --rootfs a minimal Debian with Python is made with debootstrap, which needs root and a minute.
The Node that this program runs on is put in, so that results are the same as in the other sandboxes.

Examples:
  sudo galapagos sandbox build
  galapagos sandbox build --from python:3.12-slim --tag my-sandbox
  galapagos run packing --sandbox docker --set sandbox.image=my-sandbox`,
    )
    .action(async (_options, command: Command) => {
      const { from, rootfs, tag, json } = command.optsWithGlobals<BuildFlags>();
      const source =
        from !== undefined
          ? { source: { kind: 'image', name: from } as const }
          : rootfs !== undefined
            ? { source: { kind: 'rootfs', path: rootfs } as const }
            : {};
      const built = await stoppable(session, (signal) =>
        buildSandboxImage({
          ...source,
          ...(tag === undefined ? {} : { tag }),
          signal,
          onStep: (what) => session.note(`${clean(what)} …`),
        }),
      );
      if (json === true) return session.printJson(built);
      const { node, python3, tar } = built.versions;
      session.print(
        `${built.tag} is ready: ${Math.round(built.bytes / 2 ** 20)} MiB, made in ${formatDuration(built.wallMs)}`,
        `  of      ${clean(built.madeFrom)}`,
        `  id      ${built.id}`,
        `  node    ${clean(node)}, ${built.hasOwnNode ? 'the one this program runs on' : "the system's own"}`,
        `  python  ${python3 === null ? 'none: genomes in Python cannot run' : clean(python3)}`,
        `  tar     ${clean(tar)}`,
      );
    });
}

interface ExecFlags extends CommonOptions {
  readonly provider: string;
  readonly image?: string;
  readonly runtime?: string;
  readonly files?: string;
  readonly timeout: number;
}

function addExec(sandbox: Command, session: Session): void {
  withJson(sandbox.command('exec <command...>'))
    .summary('run a command as a candidate would')
    .description(
      'Run a command in a fresh sandbox, as a candidate would: its output as it is, then a report on standard error.',
    )
    .option('--provider <name>', 'docker, bubblewrap, process, auto, or a module', 'auto')
    .option('--image <name>', 'docker only: the image to run it in (default: galapagos-sandbox)')
    .option('--runtime <name>', 'docker only: a runtime of the engine, such as runsc')
    .option('--files <dir>', 'put the files of this directory into the workspace')
    .option('--timeout <seconds>', 'stop it after this time', seconds, 60)
    .addHelpText(
      'after',
      `
Ends with the exit code of the command; 128 and the number of the signal when one ended it.

Examples:
  galapagos sandbox exec -- sh -c 'id; ls -la /; env'
  galapagos sandbox exec --provider docker --files experiments/packing/seed -- node pack.mjs`,
    )
    .action(async (argv: readonly string[], _options, command: Command) => {
      const { json, timeout, ...flags } = command.optsWithGlobals<ExecFlags>();
      const trial = await stoppable(session, (signal) =>
        tryInSandbox({ ...flags, argv, timeoutMs: timeout * 1_000, signal }),
      );
      if (json === true) session.printJson(trial);
      else show(session, trial);
      session.exitCode = exitCodeOf(trial);
    });
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 86_400)) throw new InvalidArgumentError('Expected seconds, more than 0.');
  return value;
}

/** What a command prints is its own; on a terminal it must not be obeyed. */
function show({ io, note }: Session, trial: SandboxTrial): void {
  io.stdout.write(io.stdout.isTTY ? cleanLines(trial.stdout) : trial.stdout);
  io.stderr.write(io.stderr.isTTY ? cleanLines(trial.stderr) : trial.stderr);
  const end = trial.exitCode === null ? `ended by ${trial.signal}` : `exit code ${trial.exitCode}`;
  const known = (value: number | null, text: (value: number) => string) => (value === null ? 'unknown' : text(value));
  note(
    [
      `${trial.provider}: ${end}${trial.stoppedBy === 'exit' ? '' : ` (stopped: ${trial.stoppedBy})`}`,
      `wall ${Math.round(trial.wallMs)} ms`,
      `cpu ${known(trial.cpuMs, (ms) => `${Math.round(ms)} ms`)}`,
      `peak memory ${known(trial.peakMemoryMiB, (mib) => `${mib.toFixed(1)} MiB`)}`,
      `written ${known(trial.bytesWritten, (bytes) => `${bytes} bytes`)}`,
    ].join(', '),
  );
}

/** As a shell reports it. */
function exitCodeOf({ exitCode, signal }: SandboxTrial): number {
  return exitCode ?? 128 + constants.signals[signal as NodeJS.Signals];
}

/** Ctrl-C stops the work, which then cleans up and throws. */
async function stoppable<T>({ io, note }: Session, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = listenForStop(io, (step) => note(step === 'soon' ? 'stopping' : 'stopping at once'));
  try {
    return await work(stop.stopSoon);
  } finally {
    stop.stopListening();
  }
}
