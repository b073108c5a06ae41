import type { ContainerCounters } from './container-counters.ts';

export interface Measured {
  readonly cpuMs: number | null;
  readonly peakMemoryMiB: number | null;
  readonly bytesWritten: number | null;
  /** An engine may tell no sooner than how the command ended. */
  ranOutOfMemory(): boolean;
}

export interface Meter {
  /**
   * To be called while the command's processes still live, or the shell that waited for them: afterwards nobody knows
   * what they wrote. The first time counts.
   */
  look(): void;
  /** To be called when nothing of the command runs any more. */
  read(): Measured;
}

/**
 * @param oomKills - How often memory ran out so far.
 * @param shell - Process number of the shell that will start the command.
 */
export function startMeter(counters: ContainerCounters | null, oomKills: () => number, shell: number): Meter {
  counters?.resetPeak();
  const oomKillsBefore = oomKills();
  const ranOutOfMemory = () => oomKills() > oomKillsBefore;
  if (counters === null) {
    const unknown = { cpuMs: null, peakMemoryMiB: null, bytesWritten: null };
    return { look: () => {}, read: () => ({ ...unknown, ranOutOfMemory }) };
  }
  const cpuBefore = counters.cpuMs();
  const writtenBefore = counters.bytesWritten(shell);
  let written: number | null = null;
  return {
    look: () => {
      written ??= counters.bytesWritten(shell);
    },
    read: () => ({
      cpuMs: difference(counters.cpuMs(), cpuBefore),
      peakMemoryMiB: counters.peakMemoryMiB(),
      bytesWritten: difference(written, writtenBefore),
      ranOutOfMemory,
    }),
  };
}

function difference(after: number | null, before: number | null): number | null {
  return after === null || before === null ? null : after - before;
}
