import type { ExecResult } from '../sandbox.ts';

/** Keeps the beginning of a stream, however it arrives. */
export function capture(cap: number) {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    /** @returns whether all of it was kept. */
    add(bytes: Buffer): boolean {
      const room = cap - size;
      if (room > 0) chunks.push(Buffer.from(bytes.subarray(0, room)));
      size += bytes.length;
      return size <= cap;
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
  };
}

/** The result of a command that was never started. */
export function notStarted(end: Pick<ExecResult, 'exitCode' | 'signal' | 'stoppedBy' | 'stderr'>): ExecResult {
  return { ...end, stdout: '', wallMs: 0, cpuMs: null, peakMemoryMiB: null, bytesWritten: null };
}

/** Linux's, whatever this process runs on. */
const signals = (
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT ' +
  'CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'
).split(' ');

/** The engine reports a signal as a shell does: 128 and its number. */
export function exitOf(status: number | null): Pick<ExecResult, 'exitCode' | 'signal'> {
  if (status === null) return { exitCode: null, signal: 'SIGKILL' };
  const signal = signals[status - 129];
  return signal === undefined ? { exitCode: status, signal: null } : { exitCode: null, signal: `SIG${signal}` };
}
