import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { lineFeedVariable } from '../shell-words.ts';
import { demultiplex } from './demultiplex.ts';
import { ask, isGone } from './engine.ts';
import { inside } from './image-layout.ts';

/**
 * Says that it is there, reads one line, and does what the line says. Goes
 * to the workspace by itself: a candidate may have closed it to everybody, and
 * an engine that is told to start there would refuse for ever.
 */
const script = `${lineFeedVariable}
cd ${inside.workspace} 2>/dev/null || { chmod 755 ${inside.workspace}; cd ${inside.workspace}; } 2>/dev/null
echo; IFS= read -r line; eval "$line"`;

/**
 * A shell inside a container, started ahead of the command it will run:
 * starting one takes the engine as long as Node itself takes to start. It went
 * through the engine's own path, so every limit of the container holds for it.
 */
export interface PrimedShell {
  /** Its process number where the engine runs. */
  readonly pid: number;
  /** The command's input, and what it prints. */
  readonly stream: Duplex;
  /** Whether nobody in the container can trace it or open its memory. */
  readonly isPrivate: boolean;
  isOpen(): boolean;
  /** Hands what it prints to the listener, from the first byte on. */
  onOutput(listener: (isError: boolean, bytes: Buffer) => void): void;
  /**
   * How the command ended, as the engine saw it: 128 and its number for a signal.
   * @returns `null` when the container is gone.
   * @throws {SandboxUnavailableError}
   */
  status(): Promise<number | null>;
}

const startMs = 30_000;
const statusLooks = 400;

/** @throws {SandboxUnavailableError} with the engine's reason. */
export async function primeShell(container: Docker.Container, path: string): Promise<PrimedShell> {
  const exec = await ask(
    'a command could not be started',
    container.exec({
      Cmd: [path, '-c', script],
      Env: ['LC_ALL=C', 'HOME=/tmp'],
      ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true, Tty: false },
      ...{ User: inside.user, WorkingDir: '/' },
    }),
  );
  const stream = await ask('a command could not be started', exec.start({ hijack: true, stdin: true }));
  let listener: ((isError: boolean, bytes: Buffer) => void) | null = null;
  let isOpen = true;
  const close = () => {
    isOpen = false;
  };
  for (const event of ['end', 'close', 'error']) stream.on(event, close);
  await announced(stream, (isError, bytes) => listener?.(isError, bytes));
  const pid = await numberOf(exec);
  // One that is never used must not keep the runtime from ending.
  const socket = stream as { ref?: () => void; unref?: () => void };
  socket.unref?.();
  return {
    pid,
    stream,
    isPrivate: path === inside.shell,
    isOpen: () => isOpen,
    onOutput: (to) => {
      listener = to;
      socket.ref?.();
    },
    status: () => statusOf(exec),
  };
}

/** The first byte is the shell's line feed; anything else is the engine saying why there is no shell. */
function announced(stream: Duplex, then: (isError: boolean, bytes: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let isReady = false;
    let complaint = '';
    const fail = () => {
      clearTimeout(timer);
      reject(
        new SandboxUnavailableError(`a command could not be started: ${complaint.trim() || 'the container has ended'}`),
      );
    };
    const timer = setTimeout(() => stream.destroy(), startMs);
    stream.on('close', fail);
    stream.on('end', fail);
    stream.on(
      'data',
      demultiplex((isError, bytes) => {
        if (isReady) return then(isError, bytes);
        if (complaint === '' && !isError && bytes[0] === 10) {
          isReady = true;
          clearTimeout(timer);
          resolve();
          if (bytes.length > 1) then(isError, bytes.subarray(1));
        } else complaint = (complaint + bytes.toString()).slice(0, 1_000);
      }),
    );
  });
}

/** The engine learns the number a moment after the process has started. */
async function numberOf(exec: Docker.Exec): Promise<number> {
  for (let looks = 0; looks < statusLooks; looks += 1) {
    const { Pid, Running } = await ask('a command could not be looked at', exec.inspect());
    if (Pid > 0) return Pid;
    if (!Running && looks > 0) break;
    await new Promise((resolve) => setTimeout(resolve, Math.min(looks, 10)));
  }
  throw new SandboxUnavailableError('a command could not be started: the engine has no process for it');
}

function nothingIfGone(error: unknown) {
  if (isGone(error)) return { Running: false, ExitCode: null };
  throw error;
}

async function statusOf(exec: Docker.Exec): Promise<number | null> {
  for (let looks = 0; looks < statusLooks; looks += 1) {
    const { Running, ExitCode } = await ask('a command could not be looked at', exec.inspect()).catch(nothingIfGone);
    if (!Running) return ExitCode;
    // The engine notices the end of a process a moment after its output has closed.
    await new Promise((resolve) => setTimeout(resolve, Math.min(looks, 10)));
  }
  return null;
}
