import { soon } from '../process-tree.ts';
import type { ExecResult } from '../sandbox.ts';
import { moreOf, type Usage, usageOfLiving, usageSince } from '../usage.ts';
import type { Cgroup } from './cgroups.ts';
import type { Holder } from './holder.ts';

/** What one command used, and whether the kernel killed for want of memory. */
export type Measured = Pick<ExecResult, 'cpuMs' | 'peakMemoryMiB' | 'bytesWritten'> & { readonly hadOomKill: boolean };

export interface Meter {
  /** To be called before a command is killed: the kernel forgets what those it kills together have used. */
  look(): void;
  /** To be called when every process of the command is gone. */
  read(): Promise<Measured>;
}

/** A zombie waits for the holder only for a moment: at most for a second, on a machine that has none to spare. */
const mostLooks = 1_000;

/**
 * Starts to measure. Whoever ends in the command's process namespace is buried by its process 1, and that one
 * by the holder, so the holder's own counters tell what the command used: everything but what it left running.
 */
export function startMeter(holder: Holder, cgroup: Cgroup | null): Meter {
  cgroup?.resetPeak();
  const oomKills = cgroup?.oomKills() ?? 0;
  const cpuMs = cgroup?.cpuMs() ?? null;
  const buried = () => usageOfLiving('/proc', [String(holder.pid)]);
  const before = buried();
  let atStop: Usage | null = null;
  return {
    look: () => {
      atStop = usageOfLiving(holder.proc, holder.living());
    },
    async read() {
      for (let looks = 0; !holder.hasBuried() && looks < mostLooks; looks += 1) {
        await soon(looks);
      }
      const usage = moreOf(usageSince(before, buried()), atStop);
      const groupCpuMs = cgroup?.cpuMs() ?? null;
      return {
        cpuMs: groupCpuMs === null || cpuMs === null ? usage.cpuMs : groupCpuMs - cpuMs,
        peakMemoryMiB: cgroup?.peakMemoryMiB() ?? null,
        bytesWritten: usage.bytesWritten,
        hadOomKill: (cgroup?.oomKills() ?? 0) > oomKills,
      };
    },
  };
}
