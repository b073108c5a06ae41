import { readOrEmpty } from './process-tree.ts';

/**
 * What a command and all it waited for have used. The kernel adds a process to
 * its parent when the parent buries it, so the shell that started a command can
 * say in the end what all of them used; of the living, each is asked.
 */
export interface Usage {
  /** In steps of 10 ms. */
  readonly cpuMs: number;
  /** Bytes handed to write calls; `null` where the system does not count them. */
  readonly bytesWritten: number | null;
}

/**
 * Shell lines for the end of a script: say on descriptor 3 what the children used.
 * Read before anything is written, so that the shell's own words do not count.
 */
export const reportUsage = `if [ -r /proc/self/io ]; then { read -r _; read -r _ written; } </proc/self/io; fi
{ echo "written \${written:-}"; times; } >&3`;

/** @returns what {@link reportUsage} said, or `null` when the shell was killed first. */
export function readUsage(report: string): Usage | null {
  const match = /^written (\d*)\n.*\n(\d+)m([\d.]+)s (\d+)m([\d.]+)s$/m.exec(report);
  if (match === null) return null;
  const [, written, ...times] = match;
  const [userMin, user, systemMin, system] = times.map(Number) as [number, number, number, number];
  const cpuMs = Math.round((60 * (userMin + systemMin) + user + system) * 1_000);
  return { cpuMs, bytesWritten: written === '' ? null : Number(written) };
}

/**
 * What living processes and those they have buried have used so far. Asked before
 * they are killed together: the kernel then adds nobody to anybody.
 * @param proc - A proc file system that shows them, such as `/proc`.
 */
export function usageOfLiving(proc: string, pids: readonly string[]): Usage {
  let ticks = 0;
  let bytesWritten: number | null = null;
  for (const pid of pids) {
    const stat = readOrEmpty(`${proc}/${pid}/stat`);
    // The name in brackets may hold anything, so fields are counted after the last bracket: 14 to 17 are times.
    const times = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 15);
    ticks += times.reduce((sum, time) => sum + Number(time), 0);
    const written = /^wchar: (\d+)$/m.exec(readOrEmpty(`${proc}/${pid}/io`))?.[1];
    if (written !== undefined) bytesWritten = (bytesWritten ?? 0) + Number(written);
  }
  return { cpuMs: ticks * 10, bytesWritten };
}

/** What was used between two looks at the same processes. */
export function usageSince(before: Usage, after: Usage): Usage {
  const bytesWritten = (after.bytesWritten ?? 0) - (before.bytesWritten ?? 0);
  return { cpuMs: after.cpuMs - before.cpuMs, bytesWritten: after.bytesWritten === null ? null : bytesWritten };
}

/** Each may miss something: the one what was killed with everything else, the other what was done after the look. */
export function moreOf(total: Usage, look: Usage | null): Usage {
  if (look === null) return total;
  const bytesWritten = Math.max(total.bytesWritten ?? -1, look.bytesWritten ?? -1);
  return { cpuMs: Math.max(total.cpuMs, look.cpuMs), bytesWritten: bytesWritten < 0 ? null : bytesWritten };
}
