import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Counters, candidateHomes, countersOf } from '../bubblewrap/cgroups.ts';
import { readOrEmpty, written, writtenByChildrenOf } from './written-bytes.ts';

/** What the host's own files tell about a container that runs on this host. */
export interface ContainerCounters extends Counters {
  /**
   * Bytes handed to write calls by processes of the container that have ended
   * and been waited for, or `null` where only root may know. A command that
   * still runs is not in it.
   */
  bytesWritten(): number | null;
  /** What a shell has written before it is given a command. */
  bytesWrittenBy(pid: number): number | null;
  isRunning(pid: number): boolean;
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
    const shim = parentOf(pid);
    const pids = join(home('pids') ?? group.memory, 'pids.current');
    return {
      ...countersOf(group),
      bytesWritten: () => (shim === null ? null : sum(writtenByChildrenOf(shim), writtenByChildrenOf(pid))),
      bytesWrittenBy: (child) => (parentOf(child) === shim ? written(`/proc/${child}`) : null),
      isRunning: (child) => existsSync(`/proc/${child}`),
      threads: () => Number(readOrEmpty(pids)) || null,
    };
  } catch {
    return null;
  }
}

function parentOf(pid: number): number | null {
  const parent = /^PPid:\s+(\d+)$/m.exec(readOrEmpty(`/proc/${pid}/status`))?.[1];
  return parent === undefined ? null : Number(parent);
}

function sum(...terms: readonly (number | null)[]): number | null {
  return terms.reduce((total, term) => (total === null || term === null ? null : total + term), 0);
}
