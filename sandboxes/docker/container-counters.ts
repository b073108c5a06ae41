import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type Counters, candidateHomes, countersOf } from '../bubblewrap/cgroups.ts';

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
    return {
      ...countersOf(group),
      bytesWritten: () => sum(writtenByChildrenOf(shim), writtenByChildrenOf(pid)),
      bytesWrittenBy: (child) => (parentOf(child) === shim ? written(`/proc/${child}`) : null),
      isRunning: (child) => existsSync(`/proc/${child}`),
    };
  } catch {
    return null;
  }
}

function parentOf(pid: number): number | null {
  const parent = /^PPid:\s+(\d+)$/m.exec(readOrEmpty(`/proc/${pid}/status`))?.[1];
  return parent === undefined ? null : Number(parent);
}

/**
 * The kernel adds a dead child's count to the parent that waits for it, so
 * what a process has beyond its own threads came from its children. Commands
 * are children of the container's shim, their orphans of process 1.
 */
function writtenByChildrenOf(pid: number | null): number | null {
  if (pid === null) return null;
  const all = written(`/proc/${pid}`);
  try {
    const own = readdirSync(`/proc/${pid}/task`).map((thread) => written(`/proc/${pid}/task/${thread}`));
    return sum(all, ...own.map((bytes) => (bytes === null ? null : -bytes)));
  } catch {
    return null;
  }
}

function written(proc: string): number | null {
  const bytes = /^wchar: (\d+)$/m.exec(readOrEmpty(`${proc}/io`))?.[1];
  return bytes === undefined ? null : Number(bytes);
}

function sum(...terms: readonly (number | null)[]): number | null {
  return terms.reduce((total, term) => (total === null || term === null ? null : total + term), 0);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
