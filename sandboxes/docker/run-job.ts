import { onAbort } from '../../src/core/abort.ts';
import { monotonicMs } from '../../src/core/clock.ts';
import type { StopReason } from '../sandbox.ts';
import { ownReport } from './own-report.ts';
import type { PrimedShell } from './primed-shell.ts';

export interface Job {
  /** One line of shell. */
  readonly line: string;
  /** What the command can read after that line, then nothing more. */
  readonly input: readonly Uint8Array[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Takes what is printed; may stop the command. */
  readonly onOutput: (isError: boolean, bytes: Buffer, stop: (why: StopReason) => void) => void;
  /** Whether the shell's process is still there, where that can be seen. */
  readonly isRunning: (pid: number) => boolean;
  /** Whether anything but the keeper may be in the container. */
  readonly isAnyLeft: () => boolean;
  /** Kills every process of the container but the keeper, or the container itself. */
  readonly killAll: () => Promise<void>;
  /** Called before anything is killed. */
  readonly onStop?: () => void;
  /**
   * Called when the shell has told how the line ended, and stops itself; lets it go on, to its end.
   * Returns whether nothing else was left. `null` where nobody can.
   */
  readonly onTold: ((pid: number) => boolean) | null;
  /** Called when nothing of the command was left to kill; how it ended may not be known yet. */
  readonly onNothingLeft?: () => void;
}

export interface JobEnd {
  /** 128 and its number for a signal; `null` when the engine could not tell. */
  readonly status: number | null;
  readonly stoppedBy: StopReason;
  readonly wallMs: number;
  /** Written by the shell itself, to tell how the line ended. */
  readonly reportBytes: number;
}

const killed = 137;
const lookMs = 20;
/** How long output may stay open after everything is dead. */
const drainMs = 5_000;
const longestTimerMs = 2 ** 31 - 1;

/**
 * Makes a shell run a line to its end, and leaves nothing of it running.
 * @throws what `killAll` throws: how a command ended is not known then.
 */
export async function runJob(shell: PrimedShell, job: Job): Promise<JobEnd> {
  const { stream } = shell;
  const report = shell.isPrivate ? ownReport(job.line, job.onTold !== null) : null;
  const startedMs = monotonicMs();
  let stoppedBy = 'exit' as StopReason;
  let drain: NodeJS.Timeout | undefined;
  let held: NodeJS.Timeout | undefined;
  let failure: unknown = null;
  let isSwept = false;
  let hasEnded = false;
  const killAll = async () => {
    if (!isSwept) job.onStop?.();
    isSwept = true;
    clearInterval(look);
    try {
      if (failure === null) await job.killAll();
    } catch (error) {
      failure = error;
    }
    drain ??= setTimeout(() => stream.destroy(), drainMs);
  };
  const stop = (why: StopReason) => {
    if (stoppedBy !== 'exit' || hasEnded) return;
    stoppedBy = why;
    void killAll();
  };
  let isOver = () => {};
  let isNothingLeft = false;
  const over = new Promise<void>((resolve) => {
    isOver = resolve;
    for (const event of ['end', 'close']) stream.on(event, () => resolve());
    if (!shell.isOpen()) resolve();
  });
  // Output stays open while a descendant holds it, also after the command itself has ended.
  const look = setInterval(() => {
    if (!job.isRunning(shell.pid)) void killAll();
  }, lookMs);
  const timer = setTimeout(() => stop('timeout'), Math.min(job.timeoutMs, longestTimerMs));
  using _following = onAbort([job.signal], () => stop('cancelled'));
  const passOn = (isError: boolean, bytes: Buffer) => {
    if (bytes.length > 0) job.onOutput(isError, bytes, stop);
  };
  try {
    shell.onOutput((isError, bytes) => {
      passOn(isError, report?.take(isError, bytes) ?? bytes);
      if (held !== undefined || typeof report?.status() !== 'number') return;
      // An engine far away does not show that the shell has ended.
      held = setTimeout(() => void killAll(), lookMs);
      isNothingLeft = job.onTold?.(shell.pid) === true;
      if (isNothingLeft) isOver();
    });
    stream.write(`${report?.line ?? job.line}\n`);
    for (const bytes of job.input) stream.write(bytes);
    stream.end();
    await over;
    if (report !== null) for (const isError of [false, true]) passOn(isError, report.rest(isError));
    const wallMs = monotonicMs() - startedMs;
    hasEnded = true;
    clearInterval(look);
    clearTimeout(held);
    clearTimeout(timer);
    const clear = async () => {
      // A sweep that is under way is waited for, or it would meet the next command.
      if (isSwept || (!isNothingLeft && job.isAnyLeft())) return killAll();
      job.onNothingLeft?.();
    };
    // The engine is asked meanwhile where it must be: each takes some milliseconds.
    const [early] = await Promise.all([report?.status() ?? shell.status(), clear()]);
    if (failure !== null) throw failure;
    const status = early ?? (await shell.status());
    // A limit that struck after the end changes nothing, but cut output must be told.
    const endedItself = stoppedBy !== 'output' && status !== null && status !== killed;
    return { status, stoppedBy: endedItself ? 'exit' : stoppedBy, wallMs, reportBytes: report?.bytes() ?? 0 };
  } finally {
    clearInterval(look);
    clearTimeout(held);
    clearTimeout(timer);
    clearTimeout(drain);
    stream.destroy();
  }
}
