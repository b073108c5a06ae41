import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RunId } from '../../src/core/ids.ts';
import type { ReapOptions, SandboxLimits } from '../sandbox.ts';
import { isLeftover } from '../scratch.ts';

/** Directories below which this process may make groups, by controller; equal paths in version 2. */
export interface CgroupHome {
  readonly version: 1 | 2;
  readonly memory: string;
  readonly pids: string;
  readonly cpu: string | null;
  readonly cpuacct: string | null;
}

/** One sandbox's control group. Counters are of the sandbox's whole life. */
export interface Cgroup {
  /** Files a process writes `0` to in order to join. */
  readonly joinFiles: readonly string[];
  cpuMs(): number | null;
  /** Since `resetPeak` in version 1, since creation in version 2; files in the workspace count as memory. */
  peakMemoryMiB(): number | null;
  resetPeak(): void;
  oomKills(): number;
  remove(): Promise<void>;
}

const prefix = 'galapagos.';
/** nsenter twice, bubblewrap twice: they join before the candidate does. */
const ownProcesses = 4;

/**
 * Where our own groups are, from the text of `/proc/self/cgroup` and
 * `/proc/self/mountinfo`. Version 1 controllers are mounted one by one;
 * version 2 has one tree, where the nearest ancestor that hands `memory` and
 * `pids` down is the place.
 */
export function candidateHomes(selfCgroup: string, mountinfo: string): Map<string, string> {
  const homes = new Map<string, string>();
  const own = new Map<string, string>();
  for (const line of selfCgroup.trim().split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const name of (controllers ?? '').split(',')) own.set(name === '' ? 'unified' : name, path ?? '/');
  }
  for (const line of mountinfo.trim().split('\n')) {
    const [left, right] = line.split(' - ');
    const [, , , root, mountPoint] = (left ?? '').split(' ');
    const [type, , options] = (right ?? '').split(' ');
    if (root === undefined || mountPoint === undefined) continue;
    const names = type === 'cgroup2' ? ['unified'] : type === 'cgroup' ? (options ?? '').split(',') : [];
    for (const name of names) {
      const path = own.get(name);
      if (path === undefined) continue;
      const below = root !== '/' && path.startsWith(root) ? path.slice(root.length) : path;
      homes.set(name, join(mountPoint, below));
    }
  }
  return homes;
}

/** @returns where groups with a memory and a process limit can be made, or `null`. */
export function findCgroupHome(): CgroupHome | null {
  let homes: Map<string, string>;
  try {
    homes = candidateHomes(readFileSync('/proc/self/cgroup', 'utf8'), readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    return null;
  }
  const writable = (name: string) => {
    const path = homes.get(name);
    return path !== undefined && isWritable(path) ? path : null;
  };
  const memory = writable('memory');
  const pids = writable('pids');
  if (memory !== null && pids !== null) {
    return { version: 1, memory, pids, cpu: writable('cpu'), cpuacct: writable('cpuacct') };
  }
  return unifiedHome(homes.get('unified'));
}

function unifiedHome(own: string | undefined): CgroupHome | null {
  for (let at = own; at?.startsWith('/sys/fs/cgroup'); at = dirname(at)) {
    const handedDown = readOrEmpty(join(at, 'cgroup.subtree_control')).trim().split(/\s+/);
    if (!handedDown.includes('memory') || !handedDown.includes('pids') || !isWritable(at)) continue;
    const cpu = handedDown.includes('cpu') ? at : null;
    return { version: 2, memory: at, pids: at, cpu, cpuacct: at };
  }
  return null;
}

/** Whether groups can be made there and processes moved into them, which needs the right on `cgroup.procs` too. */
function isWritable(path: string): boolean {
  const trial = join(path, `${prefix}probe-${process.pid}`);
  try {
    accessSync(join(path, 'cgroup.procs'), constants.W_OK);
    mkdirSync(trial);
    rmdirSync(trial);
    return true;
  } catch {
    return false;
  }
}

/** Makes the group `label` with the limits of a sandbox. */
export function createCgroup(home: CgroupHome, label: string, limits: SandboxLimits): Cgroup {
  const name = `${prefix}${label}`;
  const directories = [...new Set([home.memory, home.pids, home.cpu, home.cpuacct])]
    .filter((parent) => parent !== null)
    .map((parent) => join(parent, name));
  for (const path of directories) mkdirSync(path);
  const set = (parent: string | null, file: string, value: string | number) => {
    if (parent !== null) writeFileSync(join(parent, name, file), String(value));
  };
  // Workspace files live in memory and are charged to their writer, so the ceiling covers both.
  const bytes = (limits.memoryMiB + limits.diskMiB) * 1024 * 1024;
  if (home.version === 1) limitV1(set, home, limits, bytes);
  else limitV2(set, home, limits, bytes);
  return {
    // A process with one thread may join by `tasks` in version 1, which spares the kernel a wait of milliseconds.
    joinFiles: directories.map((path) => join(path, home.version === 1 ? 'tasks' : 'cgroup.procs')),
    ...(home.version === 1 ? countersV1(home, name) : countersV2(home, name)),
    remove: () => removeGroups(directories),
  };
}

type SetValue = (parent: string | null, file: string, value: string | number) => void;
const periodUs = 100_000;

function limitV1(set: SetValue, home: CgroupHome, limits: SandboxLimits, bytes: number): void {
  set(home.memory, 'memory.limit_in_bytes', bytes);
  attempt(() => set(home.memory, 'memory.memsw.limit_in_bytes', bytes));
  set(home.pids, 'pids.max', limits.pids + ownProcesses);
  set(home.cpu, 'cpu.cfs_period_us', periodUs);
  set(home.cpu, 'cpu.cfs_quota_us', Math.ceil(limits.cpus * periodUs));
}

function limitV2(set: SetValue, home: CgroupHome, limits: SandboxLimits, bytes: number): void {
  set(home.memory, 'memory.max', bytes);
  attempt(() => set(home.memory, 'memory.swap.max', 0));
  attempt(() => set(home.memory, 'memory.oom.group', 1));
  set(home.pids, 'pids.max', limits.pids + ownProcesses);
  set(home.cpu, 'cpu.max', `${Math.ceil(limits.cpus * periodUs)} ${periodUs}`);
}

export type Counters = Pick<Cgroup, 'cpuMs' | 'peakMemoryMiB' | 'resetPeak' | 'oomKills'>;

/** Counters of a group that somebody else made, such as a container's. */
export function countersOf(group: CgroupHome): Counters {
  return group.version === 1 ? countersV1(group, '') : countersV2(group, '');
}

function countersV1(home: CgroupHome, name: string): Counters {
  const peak = join(home.memory, name, 'memory.max_usage_in_bytes');
  return {
    cpuMs: () => (home.cpuacct === null ? null : scaled(join(home.cpuacct, name, 'cpuacct.usage'), 1e-6)),
    peakMemoryMiB: () => scaled(peak, 2 ** -20),
    resetPeak: () => attempt(() => writeFileSync(peak, '0')),
    oomKills: () => field(join(home.memory, name, 'memory.oom_control'), 'oom_kill') ?? 0,
  };
}

function countersV2(home: CgroupHome, name: string): Counters {
  const directory = join(home.memory, name);
  return {
    cpuMs: () => {
      const us = field(join(directory, 'cpu.stat'), 'usage_usec');
      return us === null ? null : us / 1_000;
    },
    peakMemoryMiB: () => scaled(join(directory, 'memory.peak'), 2 ** -20),
    resetPeak: () => {},
    oomKills: () => field(join(directory, 'memory.events'), 'oom_kill') ?? 0,
  };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function scaled(path: string, factor: number): number | null {
  const text = readOrEmpty(path).trim();
  return text === '' ? null : Number(text) * factor;
}

function field(path: string, name: string): number | null {
  const match = new RegExp(`^${name} (\\d+)$`, 'm').exec(readOrEmpty(path));
  return match === null ? null : Number(match[1]);
}

/** For settings that some kernels lack; the limit that matters is set without it. */
function attempt(step: () => void): void {
  try {
    step();
  } catch {
    // The kernel has no such file.
  }
}

/** A group whose last process has just died is busy for a moment. */
async function removeGroups(directories: readonly string[]): Promise<void> {
  for (const path of directories) {
    for (let tries = 0; ; tries += 1) {
      try {
        rmdirSync(path);
        break;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === 'ENOENT') break;
        if (code !== 'EBUSY' || tries >= 200) throw error;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }
}

/** Removes groups whose maker is dead, and what still runs in them. @returns how many. */
export async function reapCgroups(
  home: CgroupHome,
  run: RunId | 'all',
  { dryRun = false }: ReapOptions = {},
): Promise<number> {
  const parents = new Set([home.memory, home.pids, home.cpu, home.cpuacct].filter((path) => path !== null));
  const dead = [...parents].flatMap((parent) =>
    readdirSync(parent)
      .filter((name) => name.startsWith(prefix) && isLeftover(name.slice(prefix.length), run))
      .map((name) => join(parent, name)),
  );
  for (const path of dryRun ? [] : dead) {
    for (const pid of readOrEmpty(join(path, 'cgroup.procs')).split('\n').filter(Boolean)) {
      attempt(() => process.kill(Number(pid), 'SIGKILL'));
    }
  }
  if (!dryRun) await removeGroups(dead);
  return new Set(dead.map((path) => path.slice(dirname(path).length))).size;
}
