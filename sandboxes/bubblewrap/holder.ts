import { readdirSync, readFileSync } from 'node:fs';
import { childrenOf, kill } from '../process-tree.ts';
import type { HostTools } from './host-tools.ts';
import { type Keeper, startKeeper } from './keeper.ts';
import { inNetwork, type Network } from './networks.ts';

/**
 * A trusted process that keeps a sandbox's namespaces and its volume alive
 * between commands. It sees the host's files (commands do not: each builds a
 * root of its own), has no way out, and is process 1 of a process namespace
 * that every command is started in, so its death is the death of them all.
 */
export interface Holder extends Keeper {
  /** The volume as the host reaches it. Links in it must never be followed. */
  readonly volume: string;
  /** A proc file system of the holder's namespace, as the host reaches it. */
  readonly proc: string;
  /** Numbers, inside the holder's namespace, of processes that are not the holder's own. Throws when it is gone. */
  strangers(): string[];
  /** The same, and none when it is gone. */
  living(): string[];
  /** Whether every process that ended has been buried: only then does the holder count what it used. */
  hasBuried(): boolean;
  /** Kills what was left to the holder, such as a half-made namespace whose maker was killed too early. */
  killOrphans(): void;
}

/** Files and directories per volume: an empty file costs the host memory too. */
const maxInodes = 65_536;

/**
 * Mounts proc of its own namespace and the sized volume, says so, and sleeps until its input closes.
 * Whoever owns an inode may change its mode, and to the kernel root's candidate owns the host's device
 * nodes: they come from a read-only mount, which changes nothing about what is written to a device.
 */
const script = `"$1" -t proc -o nosuid,nodev,noexec proc /proc &&
{ [ "$5" != 0 ] || "$1" -o remount,bind,ro,nosuid,noexec /dev; } &&
"$1" -t tmpfs -o "size=$2m,nr_inodes=$3,mode=0700,nosuid,nodev" galapagos "$4" &&
mkdir "$4/workspace" "$4/tmp" "$4/shm" && echo ready && exec cat >/dev/null`;

/**
 * @param scratch - A directory of the sandbox alone, with an empty directory `volume` to mount the volume on;
 *   the host itself never sees the mount.
 * @throws {SandboxUnavailableError} with what the tools said.
 */
export async function startHolder(
  tools: HostTools,
  scratch: string,
  diskMiB: number,
  network: Network | null,
): Promise<Holder> {
  const namespaces = ['user', 'pid', 'ipc', 'uts', ...(network === null ? ['net'] : [])];
  const keeper = await startKeeper([
    ...[...inNetwork(tools, network), tools.bwrap, ...namespaces.map((name) => `--unshare-${name}`)],
    ...['--unshare-cgroup-try', '--uid', '0', '--gid', '0', '--hostname', 'sandbox'],
    ...['--die-with-parent', '--new-session', '--cap-add', 'CAP_SYS_ADMIN', '--dev-bind', '/', '/'],
    // A command's process 1 is bubblewrap: through /proc/1/exe root's candidate would own the host's program.
    ...['--ro-bind', tools.bwrap, tools.bwrap],
    ...['--info-fd', '3', '--', tools.sh, '-c', script, scratch],
    ...[tools.mount, String(diskMiB), String(maxInodes), `${scratch}/volume`, String(process.getuid?.())],
  ]);
  return holderOf(keeper, `${scratch}/volume`);
}

function holderOf(keeper: Keeper, directory: string): Holder {
  const proc = `/proc/${keeper.pid}/root/proc`;
  const numbers = () => readdirSync(proc).filter((name) => /^\d+$/.test(name));
  const own = new Set(numbers());
  const ownChildren = new Set(childrenOf(keeper.pid));
  const strangers = () => numbers().filter((name) => !own.has(name) && !isDead(`${proc}/${name}`));
  return {
    ...keeper,
    volume: `/proc/${keeper.pid}/root${directory}`,
    proc,
    strangers,
    living: () => orNone(strangers),
    hasBuried: () => orNone(numbers).every((name) => own.has(name)),
    killOrphans: () => kill(childrenOf(keeper.pid).filter((child) => !ownChildren.has(child))),
  };
}

/** A sandbox may be disposed of while somebody looks. */
function orNone(list: () => string[]): string[] {
  try {
    return list();
  } catch {
    return [];
  }
}

/** A zombie whose threads are gone too: a process whose first thread has left still runs, and looks like one. */
function isDead(proc: string): boolean {
  try {
    const status = readFileSync(`${proc}/status`, 'latin1');
    return /^State:\s+[ZX]/m.test(status) && /^Threads:\s+[01]$/m.test(status);
  } catch {
    return true;
  }
}
