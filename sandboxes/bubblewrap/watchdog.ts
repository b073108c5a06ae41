import { readFileSync } from 'node:fs';
import type { SandboxLimits, StopReason } from '../sandbox.ts';
import type { Holder } from './holder.ts';

const everyMs = 40;

/**
 * Stands in for control groups where they cannot be written: looks at every
 * process of the sandbox 25 times a second and stops the command when they
 * are past a limit together. What happens between two looks is bounded by the
 * limits of single processes. Memory that no process has mapped is not seen.
 */
export interface Watchdog {
  /** @returns how to end the watch. */
  watch(stop: (why: StopReason) => void): () => void;
  /** The most that one look saw, or `null` before the first. */
  peakMemoryMiB(): number | null;
}

export function createWatchdog(holder: Holder, limits: SandboxLimits, helperProcesses: number): Watchdog {
  let peakMemoryMiB: number | null = null;
  return {
    watch(stop) {
      const timer = setInterval(() => {
        const usage = usageOf(holder);
        peakMemoryMiB = Math.max(peakMemoryMiB ?? 0, usage.memoryMiB);
        if (usage.memoryMiB > limits.memoryMiB) stop('memory');
        if (usage.tasks > limits.pids + helperProcesses) stop('policy');
      }, everyMs);
      return () => clearInterval(timer);
    },
    peakMemoryMiB: () => peakMemoryMiB,
  };
}

interface Usage {
  readonly memoryMiB: number;
  readonly tasks: number;
}

/** Private memory of all processes of the sandbox together, and their threads. Files on the volume do not count. */
function usageOf(holder: Holder): Usage {
  let kiB = 0;
  let tasks = 0;
  for (const pid of holder.living()) {
    const status = readStatus(`${holder.proc}/${pid}/status`);
    kiB += numberIn(status, 'RssAnon') + numberIn(status, 'RssShmem');
    tasks += numberIn(status, 'Threads');
  }
  return { memoryMiB: kiB / 1024, tasks };
}

function readStatus(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // The process ended meanwhile.
  }
}

function numberIn(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
}
