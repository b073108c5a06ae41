import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { execa } from 'execa';
import { findCgroupHome } from '../../sandboxes/bubblewrap/cgroups.ts';
import { machineAvailableMiB } from '../../sandboxes/ceiling.ts';
import { chooseProvider } from '../../sandboxes/choose-provider.ts';
import { memoryOf } from '../../sandboxes/pool.ts';
import { builtInProviders } from '../../sandboxes/providers.ts';
import type { ProviderStatus, SandboxProvider } from '../../sandboxes/sandbox.ts';
import { freeDiskMiB } from '../../sandboxes/scratch.ts';
import { findNatsServer } from '../bus/nats-server.ts';
import { experimentSchema } from '../core/config/experiment-schema.ts';
import { describeError } from '../core/errors.ts';
import { parseLineageId, parseRunId } from '../core/ids.ts';
import { openBase, shippedBases } from '../models/embedded/bases/shipped-bases.ts';
import { kernelsHash } from '../models/embedded/device.ts';
import { ceilingOf, machineMemoryMiB } from './sandbox-access.ts';

export interface ToolStatus {
  readonly usable: boolean;
  readonly version: string | null;
  readonly why: string;
  /** What would make it usable; empty when it is. */
  readonly fix: string;
}

/** What there is of something that sandboxes use up, in MiB. */
export interface RoomStatus extends ProviderStatus {
  readonly freeMiB: number;
}

/** What this machine can do for Galapagos: a contract for scripts. */
export interface Diagnosis {
  readonly node: ToolStatus;
  readonly git: ToolStatus;
  readonly sandboxes: Readonly<Record<string, ProviderStatus>>;
  /** The one that `sandbox.provider: auto` takes, or `null` where none works. */
  readonly auto: string | null;
  /** Whether the kernel holds bubblewrap's limits, or a watchdog has to. */
  readonly limits: ProviderStatus & { readonly heldBy: 'cgroups-v1' | 'cgroups-v2' | 'watchdog' };
  /** Against the default ceiling on all sandboxes of a process. */
  readonly memory: RoomStatus & { readonly ceilingMiB: number; readonly sandboxes: number };
  readonly disk: RoomStatus;
  readonly nats: ToolStatus;
  /** Inside the sandbox that `auto` takes. */
  readonly python: ToolStatus;
  readonly gpu: ToolStatus;
  /** The kernels of the embedded model, and the bases that came with the package. */
  readonly embedded: ToolStatus;
}

/** Looks at what is installed, by starting it. Git and one sandbox are needed; the rest is optional. */
export async function doctor(): Promise<Diagnosis> {
  const providers = builtInProviders();
  try {
    const [git, gpu, nats, statuses] = await Promise.all([
      tool('git', ['--version'], 'install git 2.32 or newer'),
      gpuStatus(),
      natsStatus(),
      Promise.all(providers.map((provider) => provider.probe())),
    ]);
    const probed = providers.map((provider, i) => ({ ...provider, probe: async () => statuses[i]! }));
    const auto = await chooseProvider('auto', probed).then(
      ({ provider }) => provider,
      () => null,
    );
    return {
      node: { usable: true, version: process.versions.node, why: 'this process runs on it', fix: '' },
      git,
      sandboxes: Object.fromEntries(providers.map(({ name }, i) => [name, statuses[i]!])),
      auto: auto?.name ?? null,
      limits: limitsStatus(),
      memory: memoryStatus(auto),
      disk: diskStatus(),
      nats,
      python: await pythonStatus(auto),
      gpu,
      embedded: embeddedStatus(),
    };
  } finally {
    await Promise.all(providers.map((provider) => provider[Symbol.asyncDispose]()));
  }
}

const defaults = experimentSchema.shape.sandbox.parse(undefined);

function limitsStatus(): Diagnosis['limits'] {
  const home = process.platform === 'linux' ? findCgroupHome() : null;
  if (home !== null) {
    const what =
      home.cpu === null ? 'memory and processes, not processor time' : 'memory, processes and processor time';
    const why = `in bubblewrap, control groups (version ${home.version}) limit ${what}`;
    return { usable: true, heldBy: `cgroups-v${home.version}`, why, fix: '' };
  }
  return {
    usable: false,
    heldBy: 'watchdog',
    why: 'in bubblewrap, only a watchdog limits memory and processes, and nothing limits processor time: no control group can be made here',
    fix: 'systemd-run --user --scope -p Delegate=yes galapagos run …, or run as root, or use docker',
  };
}

function memoryStatus(auto: SandboxProvider | null): Diagnosis['memory'] {
  const needMiB = auto === null ? defaults.memoryMiB : memoryOf(auto, defaults);
  const { memoryMiB: ceilingMiB, sandboxes: most, minFreeMemoryMiB } = ceilingOf(defaults);
  const freeMiB = Math.floor(Math.min(machineAvailableMiB(), machineMemoryMiB()));
  const sandboxes = Math.min(most, Math.floor(ceilingMiB / needMiB));
  const found = { freeMiB, ceilingMiB, sandboxes };
  const why = `${gib(freeMiB)} of ${gib(machineMemoryMiB())} GiB free; below the ceiling of ${gib(ceilingMiB)} GiB there is room for ${sandboxes} sandboxes of ${needMiB} MiB`;
  if (sandboxes === 0)
    return { ...found, usable: false, why, fix: `--set sandbox.memoryMiB=${Math.floor(ceilingMiB / 2)}` };
  if (freeMiB >= minFreeMemoryMiB) return { ...found, usable: true, why, fix: '' };
  return {
    ...found,
    usable: false,
    why: `${why}; while less than ${minFreeMemoryMiB} MiB are free, opening one waits`,
    fix: 'end something that takes memory, or --set sandbox.ceiling.minFreeMemoryMiB=0',
  };
}

function diskStatus(): RoomStatus {
  const freeMiB = freeDiskMiB(tmpdir());
  const why = `${gib(freeMiB)} GiB free in ${tmpdir()}, where plain processes may write ${defaults.diskMiB} MiB each; the others write to memory`;
  const usable = freeMiB >= defaults.diskMiB;
  return { freeMiB, usable, why, fix: usable ? '' : 'free some, or name another place in TMPDIR' };
}

function gib(mib: number): string {
  return (mib / 1_024).toFixed(1);
}

/** The sandbox has a path of its own, so what this process would find says nothing. */
async function pythonStatus(auto: SandboxProvider | null): Promise<ToolStatus> {
  const fix =
    auto?.name === 'docker'
      ? 'put it into the image that sandbox.image names'
      : 'install Python 3 below /usr, to run genomes written in Python';
  const missing = (why: string): ToolStatus => ({ usable: false, version: null, why, fix });
  if (auto === null) return missing('there is no sandbox to look into');
  try {
    const never = new AbortController().signal;
    const spec = { run: parseRunId('doctor'), owner: parseLineageId('doctor'), files: new Map(), mounts: [] };
    const { memoryMiB, cpus, pids, diskMiB } = defaults;
    const limits = { memoryMiB, cpus, pids, diskMiB };
    await using sandbox = await auto.open({ ...spec, network: null, limits }, never);
    const options = { signal: never, timeoutMs: 10_000, maxOutputBytes: 1_024 };
    const { exitCode, stdout } = await sandbox.exec(['python3', '--version'], options);
    if (exitCode !== 0) return missing(`sandbox ${auto.name} has no python3`);
    const version = versionIn(stdout);
    return { usable: true, version, why: `python3 in sandbox ${auto.name}`, fix: '' };
  } catch (error) {
    return missing(describeError(error));
  }
}

function versionIn(text: string): string | null {
  return /\d+(\.\d+)+/.exec(text)?.[0] ?? null;
}

async function tool(command: string, args: readonly string[], fix: string): Promise<ToolStatus> {
  const { failed, stdout, stderr, code } = await execa(command, args, {
    reject: false,
    timeout: 5_000,
    stdin: 'ignore',
  });
  const text = `${stdout}`.trim().split('\n')[0] ?? '';
  if (!failed) return { usable: true, version: versionIn(text), why: text, fix: '' };
  const why =
    code === 'ENOENT'
      ? `${command} is not installed`
      : (`${stderr}`.trim().split('\n')[0] ?? '') || `${command} failed`;
  return { usable: false, version: null, why, fix };
}

function embeddedStatus(): ToolStatus {
  try {
    const kernels = kernelsHash().slice(0, 8);
    const bases = shippedBases.map((name) => `${name} (${openBase(name).sha256.slice(0, 8)})`);
    return { usable: true, version: null, why: `base ${bases.join(', ')}; kernels ${kernels}`, fix: '' };
  } catch (error) {
    return { usable: false, version: null, why: describeError(error), fix: 'npm run build, in a whole checkout' };
  }
}

async function gpuStatus(): Promise<ToolStatus> {
  const query = ['--query-gpu=name,driver_version', '--format=csv,noheader'];
  const found = await tool('nvidia-smi', query, 'install the driver of an NVIDIA GPU');
  return found.usable ? found : { ...found, why: `${found.why}; only training on a GPU needs one` };
}

async function natsStatus(): Promise<ToolStatus> {
  const binary = await findNatsServer();
  const isListening = await new Promise<boolean>((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port: 4222, timeout: 500 }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
    socket.once('timeout', () => {
      socket.destroy();
      resolve(false);
    });
  });
  if (isListening) return { usable: true, version: null, why: 'something listens on nats://127.0.0.1:4222', fix: '' };
  if (binary !== null && existsSync(binary)) {
    return {
      usable: false,
      version: null,
      why: `installed (${binary}) but not running`,
      fix: `${binary} -js -a 127.0.0.1`,
    };
  }
  return {
    usable: false,
    version: null,
    why: 'no nats-server found; the in-process bus needs none',
    fix: 'install nats-server, start it with -js, and run with --nats nats://127.0.0.1:4222',
  };
}
