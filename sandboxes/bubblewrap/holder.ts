import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { withoutInherited } from '../inherited-descriptors.ts';
import { type HostTools, helperEnv } from './host-tools.ts';

/**
 * A trusted process that keeps a sandbox's namespaces and its volume alive
 * between commands. It sees the host's files (commands do not: each builds a
 * root of its own), has no network, and is process 1 of a process namespace
 * that every command is started in, so its death is the death of them all.
 */
export interface Holder {
  /** Its process number on the host. */
  readonly pid: number;
  /** The volume as the host reaches it. Links in it must never be followed. */
  readonly volume: string;
  /** Numbers, inside the holder's namespace, of processes that are not the holder's own. */
  strangers(): string[];
  isAlive(): boolean;
  /** Kills everything in the namespaces. Resolves when it is dead and the volume is gone. */
  kill(): Promise<void>;
}

/** Files and directories per volume: an empty file costs the host memory too. */
const maxInodes = 65_536;

/** Mounts proc of its own namespace and the sized volume, says so, and sleeps until its input closes. */
const script = `"$1" -t proc -o nosuid,nodev,noexec proc /proc &&
"$1" -t tmpfs -o "size=$2m,nr_inodes=$3,mode=0700,nosuid,nodev" galapagos "$4" &&
mkdir "$4/workspace" "$4/tmp" "$4/shm" && echo ready && exec cat >/dev/null`;

/**
 * @param directory - An empty host directory to mount the volume on; the host itself never sees the mount.
 * @throws {SandboxUnavailableError} with what the tools said.
 */
export async function startHolder(
  tools: HostTools,
  directory: string,
  diskMiB: number,
  signal: AbortSignal,
): Promise<Holder> {
  const namespaces = ['user', 'pid', 'net', 'ipc', 'uts'].map((name) => `--unshare-${name}`);
  const child = spawn(
    tools.bwrap,
    [
      ...[...namespaces, '--unshare-cgroup-try', '--uid', '0', '--gid', '0', '--hostname', 'sandbox'],
      ...['--die-with-parent', '--new-session', '--cap-add', 'CAP_SYS_ADMIN', '--dev-bind', '/', '/'],
      ...['--info-fd', '3', '--', tools.sh, '-c', script, 'holder'],
      ...[tools.mount, String(diskMiB), String(maxInodes), directory],
    ],
    { env: helperEnv, detached: true, stdio: withoutInherited(['pipe', 'pipe', 'pipe', 'pipe']) },
  );
  const dead = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const holder = holderOf(child, dead, await announced(child), directory);
  if (signal.aborted) {
    // Not earlier: without process 1's number a half-made sandbox cannot be killed for sure.
    await holder.kill();
    throw new SandboxUnavailableError('opening the sandbox was cancelled', { cause: signal.reason });
  }
  return holder;
}

/** Opening takes 20 ms; a machine that needs this long has other problems. */
const patienceMs = 20_000;

function announced(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let info = '';
    let complaint = '';
    let isReady = false;
    const look = () => {
      const pid = /"child-pid": (\d+)/.exec(info)?.[1];
      if (!isReady || pid === undefined) return;
      clearTimeout(timer);
      resolve(Number(pid));
    };
    const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    const fail = (cause?: unknown) => {
      clearTimeout(timer);
      reject(
        new SandboxUnavailableError(`bubblewrap could not start: ${complaint.trim() || 'no reason given'}`, { cause }),
      );
    };
    child.once('error', fail);
    child.once('close', () => fail());
    child.stdin!.on('error', () => {});
    child.stderr!.on('data', (chunk: Buffer) => (complaint = (complaint + chunk).slice(0, 2_000)));
    child.stdout!.on('data', () => {
      isReady = true;
      look();
    });
    (child.stdio[3] as Readable).on('data', (chunk: Buffer) => {
      info += chunk;
      look();
    });
  });
}

function holderOf(child: ChildProcess, dead: Promise<void>, pid: number, directory: string): Holder {
  const proc = `/proc/${pid}/root/proc`;
  const numbers = () => readdirSync(proc).filter((name) => /^\d+$/.test(name));
  const own = new Set(numbers());
  const isAlive = () => child.exitCode === null && child.signalCode === null;
  letGo(child);
  return {
    pid,
    volume: `/proc/${pid}/root${directory}`,
    strangers: () => numbers().filter((name) => !own.has(name) && !isDead(`${proc}/${name}`)),
    isAlive,
    kill: async () => {
      // While bubblewrap is not reaped, its child's number cannot belong to anybody else. Process 1
      // becomes a zombie only after everything in its namespace is dead, and bubblewrap exits after that.
      if (isAlive()) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          child.kill('SIGKILL');
        }
      }
      // Somebody waits for this now, so it must keep the process going.
      if (isAlive()) child.ref();
      await dead;
      for (const stream of child.stdio) stream?.destroy();
    },
  };
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

/** A forgotten sandbox must not keep the runtime from ending; its holder dies with the runtime. */
function letGo(child: ChildProcess): void {
  child.unref();
  for (const stream of child.stdio) (stream as { unref?: () => void } | null)?.unref?.();
}
