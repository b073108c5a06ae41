import type { ContainerCounters } from './container-counters.ts';

export interface Measured {
  readonly cpuMs: number | null;
  readonly peakMemoryMiB: number | null;
  readonly bytesWritten: number | null;
  /** An engine may tell no sooner than how the command ended. */
  ranOutOfMemory(): boolean;
}

/**
 * Starts counting.
 * @param oomKills - How often memory ran out so far.
 * @param shell - Process number of the shell that becomes the command.
 * @returns what to call when nothing of the command runs any more.
 */
export function startMeter(counters: ContainerCounters | null, oomKills: () => number, shell: number): () => Measured {
  counters?.resetPeak();
  const oomKillsBefore = oomKills();
  const ranOutOfMemory = () => oomKills() > oomKillsBefore;
  if (counters === null) {
    const unknown = { cpuMs: null, peakMemoryMiB: null, bytesWritten: null };
    return () => ({ ...unknown, ranOutOfMemory });
  }
  const cpuBefore = counters.cpuMs();
  // What the shell has written until now is counted when it ends, as everything is.
  const writtenBefore = sum(counters.bytesWritten(), counters.bytesWrittenBy(shell));
  return () => ({
    cpuMs: difference(counters.cpuMs(), cpuBefore),
    peakMemoryMiB: counters.peakMemoryMiB(),
    bytesWritten: difference(counters.bytesWritten(), writtenBefore),
    ranOutOfMemory,
  });
}

function sum(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

function difference(after: number | null, before: number | null): number | null {
  return after === null || before === null ? null : after - before;
}
