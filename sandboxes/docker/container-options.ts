import { posix } from 'node:path';
import type Docker from 'dockerode';
import type { ReadOnlyMount, SandboxLimits } from '../sandbox.ts';
import { inside } from './image-layout.ts';
import { keeperScript } from './keeper.ts';
import { type PodmanFiles, podmanVolumes } from './podman.ts';
import { filteredArchitectures, systemCallFilter } from './system-calls.ts';

export interface ContainerPlan {
  readonly name: string;
  readonly image: string;
  /** As the engine names it. */
  readonly architecture: string;
  readonly runtime: string | undefined;
  /** Path of the shell that keeps the container. */
  readonly shell: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly limits: SandboxLimits;
  readonly mounts: readonly ReadOnlyMount[];
  /** Host directory in which the gateway's socket will appear. */
  readonly gatewayDirectory: string;
  /** Name of the engine's network, or `null` for none. */
  readonly network: string | null;
  /** For an engine of Podman's; `null` for Docker's own. */
  readonly podman: PodmanFiles | null;
}

const MiB = 2 ** 20;
/** Files and directories: an empty file costs the host memory too. */
export const maxInodes = { [inside.workspace]: 49_152, [inside.temporary]: 16_384 };
const openFiles = 1_024;
/** As many as Linux numbers, unless told otherwise. */
const everyProcess = 32_768;
/** The keeper and the shell that a command is started from. */
const ownProcesses = 2;
/** gVisor's kernel is a process with threads and helpers of its own, which count too. */
const ownProcessesOfGvisor = 1_024;
const periodUs = 100_000;
/** Reserved for documentation: nobody answers there. */
export const nowhere = '192.0.2.1';

/**
 * How the disk limit is shared out. The engine cannot show one volume in three
 * places, so each place has its own, and together they are the limit.
 */
export function diskShares({ diskMiB }: SandboxLimits) {
  const shmBytes = Math.min(64, diskMiB / 8) * MiB;
  const temporaryBytes = Math.floor(diskMiB / 4) * MiB || diskMiB * (MiB / 4);
  return { workspaceBytes: diskMiB * MiB - temporaryBytes - shmBytes, temporaryBytes, shmBytes };
}

/** What Docker hides, and the command line of the host's kernel. Those that a system does not have do no harm. */
const maskedPaths = [
  ...['acpi', 'asound', 'cmdline', 'interrupts', 'kcore', 'keys', 'latency_stats', 'sched_debug', 'scsi'],
  ...['timer_list', 'timer_stats'],
]
  .map((name) => `/proc/${name}`)
  .concat('/sys/firmware', '/sys/devices/virtual/powercap');

function securityOptions({ architecture, podman }: ContainerPlan): string[] {
  const filter = filteredArchitectures.includes(architecture) ? [`seccomp=${podman?.filter ?? systemCallFilter}`] : [];
  const masks = podman === null ? [] : [`mask=${maskedPaths.join(':')}`];
  return ['no-new-privileges', ...filter, ...masks];
}

/** Podman knows neither a number of files nor a user by number: whose a volume is it takes from the container's user. */
function volume({ podman }: ContainerPlan, bytes: number, inodes: number, others: string): string {
  const all = `exec,nosuid,nodev,size=${bytes}`;
  return podman === null ? `${all},nr_inodes=${inodes},${others}` : `${all},notmpcopyup,U`;
}

/** The whole of what a command can see and do, in one place. */
export function containerOptions(plan: ContainerPlan): Docker.ContainerCreateOptions {
  const { limits, network } = plan;
  const { workspaceBytes, temporaryBytes, shmBytes } = diskShares(limits);
  // Workspace files live in memory and are charged to their writer, so the ceiling covers both.
  const memory = (limits.memoryMiB + limits.diskMiB) * MiB;
  const readOnly = (Source: string, Target: string) => ({
    ...{ Type: 'bind' as const, Source, Target, ReadOnly: true },
    // What is mounted below the source stays outside: it would come without the read-only flag.
    BindOptions: { Propagation: 'rprivate' as const, NonRecursive: true },
  });
  return {
    name: plan.name,
    Image: plan.image,
    Labels: { ...plan.labels },
    Hostname: 'sandbox',
    User: inside.user,
    WorkingDir: '/',
    Entrypoint: [],
    Cmd: [plan.shell, '-c', keeperScript],
    Env: [],
    // An engine that shuts down need not ask first.
    StopSignal: 'SIGKILL',
    // The keeper's input closes with the connection that it was started on.
    ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true, OpenStdin: true, StdinOnce: true, Tty: false },
    ...(network === null ? {} : { NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [plan.name] } } } }),
    HostConfig: {
      AutoRemove: true,
      ...(plan.runtime === undefined ? {} : { Runtime: plan.runtime }),
      LogConfig: { Type: 'none', Config: {} },
      NetworkMode: network ?? 'none',
      // Otherwise the host's own resolvers and search domains are copied in, and the engine may ask them.
      ...{ Dns: [nowhere], DnsSearch: ['.'] },
      ...{ IpcMode: 'private', CgroupnsMode: 'private' },
      ...{ Privileged: false, ReadonlyRootfs: true, CapDrop: ['ALL'], SecurityOpt: securityOptions(plan) },
      MaskedPaths: [...maskedPaths],
      ...{ Memory: memory, MemorySwap: memory, ShmSize: shmBytes },
      ...{ CpuPeriod: periodUs, CpuQuota: Math.max(1_000, Math.ceil(limits.cpus * periodUs)) },
      PidsLimit: limits.pids + (plan.shell === inside.shell ? ownProcesses : ownProcessesOfGvisor),
      Ulimits: [
        { Name: 'core', Soft: 0, Hard: 0 },
        { Name: 'nofile', Soft: openFiles, Hard: openFiles },
        // Podman would ask for more than some machines allow; `PidsLimit` is what limits them.
        ...(plan.podman === null ? [] : [{ Name: 'nproc', Soft: everyProcess, Hard: everyProcess }]),
      ],
      // Shared memory segments go with the last process that has them.
      Sysctls: { 'kernel.shm_rmid_forced': '1' },
      Tmpfs: {
        [inside.workspace]: volume(plan, workspaceBytes, maxInodes[inside.workspace], 'uid=1000,gid=1000,mode=0755'),
        [inside.temporary]: volume(plan, temporaryBytes, maxInodes[inside.temporary], 'mode=1777'),
        ...(plan.podman === null ? {} : podmanVolumes),
      },
      Mounts: [
        readOnly(plan.gatewayDirectory, inside.gatewayDirectory),
        ...[...(plan.podman?.inPlaceOfTheHosts ?? [])].map(([target, source]) => readOnly(source, target)),
        ...plan.mounts.map(({ source, target }) => readOnly(source, posix.join(inside.workspace, target))),
      ],
    },
  };
}
