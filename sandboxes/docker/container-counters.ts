import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Counters, candidateHomes, countersOf } from '../bubblewrap/cgroups.ts';
import { kill, readOrEmpty, soon } from '../process-tree.ts';
import { usageOfLiving } from '../usage.ts';

/** What the host's own files tell about a container that runs on this host. */
export interface ContainerCounters extends Counters {
  /**
   * Bytes handed to write calls by living processes and those they have buried; `null` where only root may know.
   * @param shell - Process number of the shell that buries a command; `null` once it is dead, and nobody knows.
   */
  bytesWritten(shell: number): number | null;
  isRunning(pid: number): boolean;
  /** Whether this user may let processes of the container go on. */
  readonly mayContinue: boolean;
  /** Lets a process go on that has stopped itself, or is about to. */
  continue(pid: number): Promise<void>;
  /** How many processes and threads the container has, the keeper included; `null` where that cannot be seen. */
  threads(): number | null;
}

/**
 * @param pid - Process 1 of the container, as the engine numbers it.
 * @param shell - What that process runs.
 * @returns `null` when that number means something else here: the engine is on
 *   another machine, or the container is not made of this kernel's processes.
 */
export function countersOfContainer(pid: number, containerId: string, shell: string): ContainerCounters | null {
  try {
    if (!readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(`${shell}\0`)) return null;
    const homes = candidateHomes(
      readFileSync(`/proc/${pid}/cgroup`, 'latin1'),
      readFileSync('/proc/self/mountinfo', 'latin1'),
    );
    const home = (name: string) => {
      const path = homes.get(name);
      return path?.includes(containerId) && existsSync(path) ? path : null;
    };
    const memory = home('memory');
    const unified = home('unified');
    const group =
      memory !== null
        ? { version: 1 as const, memory, pids: memory, cpu: home('cpu'), cpuacct: home('cpuacct') }
        : unified !== null
          ? { version: 2 as const, memory: unified, pids: unified, cpu: unified, cpuacct: unified }
          : null;
    if (group === null) return null;
    const pids = join(home('pids') ?? group.memory, 'pids.current');
    const living = () => readOrEmpty(join(group.memory, 'cgroup.procs')).split('\n').filter(Boolean);
    const isRoot = process.getuid?.() === 0;
    return {
      ...countersOf(group),
      mayContinue: isRoot,
      continue: continueStopped,
      bytesWritten: (witness) => {
        const pids = living();
        return isRoot && pids.includes(`${witness}`) ? usageOfLiving('/proc', pids).bytesWritten : null;
      },
      isRunning: (child) => existsSync(`/proc/${child}`),
      threads: () => Number(readOrEmpty(pids)) || null,
    };
  } catch {
    return null;
  }
}

/** Longer than any process takes from saying something to the next line of its program. */
const mostLooks = 1_000;

/** Only what is stopped hears of it, so it is waited for. */
async function continueStopped(pid: number): Promise<void> {
  for (let looks = 0; looks < mostLooks; looks += 1) {
    const stat = readOrEmpty(`/proc/${pid}/stat`);
    // The name in brackets may hold anything, so the state is what follows the last bracket.
    const state = stat.charAt(stat.lastIndexOf(')') + 2);
    if (state === 'T') kill([`${pid}`], 'SIGCONT');
    if (state === 'T' || state === '') return;
    await soon(looks);
  }
}
