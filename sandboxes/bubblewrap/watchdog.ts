import { readFileSync } from 'node:fs';
import type { SandboxLimits, StopReason } from '../sandbox.ts';
import type { Holder } from './holder.ts';

const everyMs = 40;

/**
 * Stands in for control groups where they cannot be written: looks at every
 * process of the sandbox 25 times a second and stops the command when they
 * are past a limit together. What happens between two looks is bounded by the
 * limits of single processes.
 */
export function watchUsage(
  holder: Holder,
  limits: SandboxLimits,
  helperProcesses: number,
  stop: (why: StopReason) => void,
): () => void {
  const timer = setInterval(() => {
    const usage = usageOf(holder);
    if (usage.memoryMiB > limits.memoryMiB) stop('memory');
    if (usage.tasks > limits.pids + helperProcesses) stop('policy');
  }, everyMs);
  return () => clearInterval(timer);
}

interface Usage {
  readonly memoryMiB: number;
  readonly tasks: number;
}

/** Private memory of all processes of the sandbox together, and their threads. Files on the volume do not count. */
function usageOf(holder: Holder): Usage {
  let kiB = 0;
  let tasks = 0;
  for (const pid of strangersOf(holder)) {
    const status = readStatus(`/proc/${holder.pid}/root/proc/${pid}/status`);
    kiB += numberIn(status, 'RssAnon') + numberIn(status, 'RssShmem');
    tasks += numberIn(status, 'Threads');
  }
  return { memoryMiB: kiB / 1024, tasks };
}

function strangersOf(holder: Holder): string[] {
  try {
    return holder.strangers();
  } catch {
    return []; // The sandbox is being disposed of.
  }
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
