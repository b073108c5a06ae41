import type { ExecResult, SandboxLimits } from './sandbox.ts';

/** What one process may have, where nothing limits all of them together. */
export interface ProcessLimits {
  readonly dataKiB: number;
  /** Processor time in seconds: what its processors give within the time limit of the command. */
  readonly cpuSeconds: number;
}

/** Stacks of Node's helper threads and its code count as data, though they are hardly touched. */
const dataHeadroomMiB = 512;

export function processLimitsFor({ memoryMiB, cpus }: SandboxLimits, timeoutMs: number): ProcessLimits {
  const dataKiB = Math.ceil((memoryMiB + dataHeadroomMiB) * 1_024);
  return { dataKiB, cpuSeconds: Math.ceil((timeoutMs / 1_000) * cpus) };
}

/** For the limit the kernel counts whole ticks, of which a busy machine gives a process less than all. */
const nearly = 0.75;

/** The kernel kills at the limit without a word, so the time that was used has to tell. */
export function isOutOfCpuTime(
  end: Pick<ExecResult, 'signal'>,
  used: Pick<ExecResult, 'cpuMs'>,
  limits: ProcessLimits,
): boolean {
  return end.signal === 'SIGKILL' && used.cpuMs !== null && used.cpuMs >= nearly * limits.cpuSeconds * 1_000;
}
