import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { monotonicMs } from '../src/core/clock.ts';
import { withoutInherited } from './inherited-descriptors.ts';
import type { StopReason } from './sandbox.ts';

export interface CommandSpec {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin: string;
  readonly timeoutMs: number;
  /** Per stream, in bytes. */
  readonly maxOutputBytes: number;
  readonly signal: AbortSignal;
  /** Opens descriptor 3 and returns what was written to it, at most 64 KiB. */
  readonly withStatus?: boolean;
  /** Tries to end the command in a gentler order than the group's death, which follows if it is not enough. */
  readonly killFirst?: (pid: number) => void;
  /** Called once the command runs; may stop it for a reason of its own. Returns what to do at the end. */
  readonly watch?: (stop: (why: StopReason) => void) => () => void;
}

export interface CommandEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stoppedBy: StopReason;
  readonly stdout: string;
  readonly stderr: string;
  readonly status: string;
  readonly wallMs: number;
  /** Why the command could not be started at all, or `null`. */
  readonly startError: Error | null;
}

/** How long output may stay open after the command and its group are dead. */
const drainMs = 500;
const killFirstMs = 50;
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
    if (spec.killFirst === undefined || child.pid === undefined) return killGroup(child);
    spec.killFirst(child.pid);
    backup = setTimeout(killGroup, killFirstMs, child);
  };
  if (spec.signal.aborted) return neverStarted('cancelled', null);
  try {
    child = start(spec);
  } catch (error) {
    return notStarted(error as NodeJS.ErrnoException);
  }
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

function start(spec: CommandSpec): ChildProcess {
  const stdio: ('pipe' | 'ignore')[] = [spec.stdin === '' ? 'ignore' : 'pipe', 'pipe', 'pipe'];
  if (spec.withStatus === true) stdio.push('pipe');
  const child = spawn(spec.file, spec.args, {
    env: { ...spec.env },
    detached: true,
    stdio: withoutInherited(stdio),
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
  });
  // A command may end without reading its input; that is its right.
  child.stdin?.on('error', () => {});
  child.stdin?.end(spec.stdin);
  return child;
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
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on('error', () => {});
  stream?.on('data', (chunk: Buffer) => {
    const room = cap - size;
    if (room > 0) chunks.push(room < chunk.length ? chunk.subarray(0, room) : chunk);
    size += chunk.length;
    if (size > cap) onOverflow();
  });
  return () => Buffer.concat(chunks).toString('utf8');
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
      drain = setTimeout(finish, drainMs);
    });
    child.once('close', finish);
  });
}
