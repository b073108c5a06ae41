import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { monotonicMs } from '../src/core/clock.ts';
import type { StopReason } from './sandbox.ts';

export interface CommandSpec {
  /** Starts it by `spawnAlone`, or hands over what was started ahead and has not been read from. */
  readonly start: () => ChildProcess;
  readonly stdin: string;
  readonly timeoutMs: number;
  /** Per stream, in bytes. */
  readonly maxOutputBytes: number;
  readonly signal: AbortSignal;
  /**
   * Called when a limit strikes, while everything still lives. Returns whether it has
   * ended the command in an order of its own; the group's death follows if that is not enough.
   */
  readonly onStop?: (pid: number) => boolean;
  /** Called once the command runs; may stop it for a reason of its own. Returns what to do at the end. */
  readonly watch?: (stop: (why: StopReason) => void) => () => void;
}

export interface CommandEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stoppedBy: StopReason;
  readonly stdout: string;
  readonly stderr: string;
  /** What was written to descriptor 3, where it was opened; at most 64 KiB. */
  readonly status: string;
  readonly wallMs: number;
  /** Why the command could not be started at all, or `null`. */
  readonly startError: Error | null;
}

/** How long output may stay open after the command and its group are dead. */
const drainMs = 500;
const patienceMs = 50;
/** Node turns a longer timer into one that fires at once. */
const longestTimerMs = 2 ** 31 - 1;
const maxStatusBytes = 65_536;

/**
 * Runs one command in a process group of its own to its end. Every limit ends
 * in SIGKILL for the whole group: nothing hostile is asked to leave politely.
 */
export async function runCommand(spec: CommandSpec): Promise<CommandEnd> {
  const startedMs = monotonicMs();
  let stoppedBy: StopReason = 'exit';
  let child: ChildProcess | null = null;
  let backup: NodeJS.Timeout | null = null;
  const stop = (why: StopReason) => {
    if (stoppedBy !== 'exit' || child === null) return;
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    // A limit that strikes after the end changes nothing, but cut output must be told.
    if (hasEnded && why !== 'output') return;
    stoppedBy = why;
    if (child.pid === undefined || spec.onStop?.(child.pid) !== true) return killGroup(child);
    backup = setTimeout(killGroup, patienceMs, child);
  };
  if (spec.signal.aborted) return neverStarted('cancelled', null);
  try {
    child = spec.start();
  } catch (error) {
    return notStarted(error as NodeJS.ErrnoException);
  }
  // A command may end without reading its input; that is its right.
  child.stdin?.on('error', () => {});
  child.stdin?.end(spec.stdin);
  const out = capture(child.stdout, spec.maxOutputBytes, () => stop('output'));
  const err = capture(child.stderr, spec.maxOutputBytes, () => stop('output'));
  const status = capture(child.stdio[3] as Readable | undefined, maxStatusBytes, () => {});
  const cancel = () => stop('cancelled');
  spec.signal.addEventListener('abort', cancel, { once: true });
  const timer = setTimeout(() => stop('timeout'), Math.min(spec.timeoutMs, longestTimerMs));
  const unwatch = spec.watch?.(stop);
  try {
    const end = await ended(child);
    return { ...end, stoppedBy, stdout: out(), stderr: err(), status: status(), wallMs: monotonicMs() - startedMs };
  } finally {
    clearTimeout(timer);
    if (backup !== null) clearTimeout(backup);
    spec.signal.removeEventListener('abort', cancel);
    unwatch?.();
  }
}

function neverStarted(stoppedBy: StopReason, startError: Error | null): CommandEnd {
  return { exitCode: null, signal: null, stoppedBy, stdout: '', stderr: '', status: '', wallMs: 0, startError };
}

/** A NUL byte or too many arguments are the candidate's doing, and so a result; anything else is ours. */
function notStarted(error: NodeJS.ErrnoException): CommandEnd {
  if (error.code !== 'ERR_INVALID_ARG_VALUE' && error.code !== 'E2BIG') return neverStarted('exit', error);
  const why = error.code === 'E2BIG' ? 'the arguments are too long' : 'an argument holds a NUL byte';
  return { ...neverStarted('exit', null), exitCode: 127, stderr: `${why}\n`, status: '{ "exit-code": 127 }' };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

function capture(stream: Readable | null | undefined, cap: number, onOverflow: () => void): () => string {
  let kept: Buffer = Buffer.alloc(0);
  let size = 0;
  stream?.on('error', () => {});
  stream?.on('data', (chunk: Buffer) => {
    const room = cap - size;
    if (room > 0) kept = append(kept, size, chunk.subarray(0, room));
    size += chunk.length;
    if (size > cap) onOverflow();
  });
  return () => kept.toString('utf8', 0, Math.min(size, cap));
}

/** One buffer that grows: a chunk for each byte would cost hundreds of bytes where a candidate prints one by one. */
function append(kept: Buffer, size: number, chunk: Buffer): Buffer {
  const needed = size + chunk.length;
  const roomy = needed <= kept.length ? kept : Buffer.alloc(Math.max(2 * needed, 1_024));
  if (roomy !== kept) kept.copy(roomy, 0, 0, size);
  chunk.copy(roomy, size);
  return roomy;
}

/** Waits for the exit, kills what is left of the group, and gives the streams a moment to close. */
function ended(child: ChildProcess): Promise<Pick<CommandEnd, 'exitCode' | 'signal' | 'startError'>> {
  return new Promise((resolve) => {
    let drain: NodeJS.Timeout | null = null;
    let end: Pick<CommandEnd, 'exitCode' | 'signal' | 'startError'> = {
      exitCode: null,
      signal: null,
      startError: null,
    };
    const finish = () => {
      if (drain !== null) clearTimeout(drain);
      for (const stream of child.stdio) stream?.destroy();
      resolve(end);
    };
    child.once('error', (startError) => {
      if (child.pid !== undefined) return;
      end = { exitCode: null, signal: null, startError };
      finish();
    });
    child.once('exit', (exitCode, signal) => {
      end = { exitCode, signal, startError: null };
      killGroup(child);
      // Where this process was busy for that long, the timer comes before what has been waiting to be read.
      drain = setTimeout(() => setImmediate(finish), drainMs);
    });
    child.once('close', finish);
  });
}
