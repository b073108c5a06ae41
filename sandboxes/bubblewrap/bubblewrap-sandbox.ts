import { readFileSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import type { FileTree, TreeLimits } from '../../src/core/file-tree.ts';
import { collectTree } from '../collect-tree.ts';
import { inOrder } from '../in-order.ts';
import { placeTree } from '../place-tree.ts';
import { type CommandEnd, runCommand } from '../run-command.ts';
import type { ExecOptions, ExecResult, Sandbox, SandboxSpec, StopReason } from '../sandbox.ts';
import { inside } from './box-arguments.ts';
import type { Cgroup } from './cgroups.ts';
import { enterArguments } from './enter.ts';
import type { Holder } from './holder.ts';
import { type HostTools, helperEnv, sandboxPath } from './host-tools.ts';
import { watchUsage } from './watchdog.ts';

export interface BubblewrapParts {
  readonly id: string;
  readonly spec: SandboxSpec;
  readonly tools: HostTools;
  readonly holder: Holder;
  readonly cgroup: Cgroup | null;
  /** The arguments that build the command's view. */
  readonly box: readonly string[];
  /** Frees everything; called once. */
  readonly release: () => Promise<void>;
}

/** nsenter, bubblewrap and its process 1, seen from the holder's namespace. */
const helperProcesses = 4;

export function bubblewrapSandbox(parts: BubblewrapParts): Sandbox {
  const reserved = new Set(parts.spec.mounts.map(({ target }) => target));
  const workspace = `${parts.holder.volume}/workspace`;
  const queue = inOrder(() => parts.holder.isAlive());
  let disposal: Promise<void> | null = null;
  return {
    id: parts.id,
    provider: 'bubblewrap',
    exec: (argv, options) => queue.run(() => execInside(parts, argv, options, queue.isOpen)),
    put: (files: FileTree) => queue.run(async () => placeTree(workspace, files, reserved)),
    get: (limits: TreeLimits) => queue.run(async () => collectTree(workspace, reserved, limits)),
    [Symbol.asyncDispose]: () => {
      queue.close();
      // Killing the holder ends a running command; what was waiting is refused.
      disposal ??= parts.holder.kill().then(queue.settled).then(parts.release);
      return disposal;
    },
  };
}

async function execInside(
  parts: BubblewrapParts,
  argv: readonly string[],
  options: ExecOptions,
  isOpen: () => boolean,
): Promise<ExecResult> {
  const { cgroup, holder, spec } = parts;
  cgroup?.resetPeak();
  const before = { oomKills: cgroup?.oomKills() ?? 0, cpuMs: cgroup?.cpuMs() ?? null };
  const end = await runCommand({
    file: parts.tools.sh,
    args: enterArguments(
      {
        tools: parts.tools,
        holderPid: holder.pid,
        joinFiles: cgroup?.joinFiles ?? [],
        box: parts.box,
        env: environmentOf(spec, cgroup !== null, options.env),
        processLimits: cgroup === null ? spec.limits : null,
      },
      argv,
    ),
    env: helperEnv,
    stdin: options.stdin ?? '',
    timeoutMs: options.timeoutMs,
    maxOutputBytes: options.maxOutputBytes,
    signal: options.signal,
    withStatus: true,
    killFirst: killChildrenOf,
    watch: (stop) => (cgroup === null ? watchUsage(holder, spec.limits, helperProcesses, stop) : () => {}),
  });
  if (!isOpen()) throw new SandboxUnavailableError('the sandbox was disposed of while a command ran');
  await emptied(parts);
  const cpuMs = cgroup?.cpuMs() ?? null;
  return {
    ...outcomeOf(end, (cgroup?.oomKills() ?? 0) > before.oomKills),
    wallMs: end.wallMs,
    cpuMs: cpuMs === null || before.cpuMs === null ? null : cpuMs - before.cpuMs,
    peakMemoryMiB: cgroup?.peakMemoryMiB() ?? null,
    bytesWritten: null,
  };
}

/** Kills bubblewrap and leaves nsenter to bury it: an orphan would wait for the system's own process 1. */
function killChildrenOf(pid: number): void {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    for (const child of children.split(' ').filter(Boolean)) process.kill(Number(child), 'SIGKILL');
  } catch {
    // Ended meanwhile, or a kernel without this file: the group is killed next.
  }
}

function environmentOf(
  spec: SandboxSpec,
  hasCgroup: boolean,
  extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    PATH: sandboxPath(),
    HOME: inside.temporary,
    LANG: 'C.UTF-8',
    ...(spec.gatewaySocket === null ? {} : { GALAPAGOS_GATEWAY: inside.gateway }),
    // Without a control group only the heap's own limit makes Node collect garbage before the watchdog strikes.
    ...(hasCgroup ? {} : { NODE_OPTIONS: `--max-old-space-size=${spec.limits.memoryMiB}` }),
    ...extra,
  };
}

/**
 * Waits until every process of the command is gone. bubblewrap ends with the
 * command; the kernel then kills the command's process namespace, which takes
 * a moment.
 */
async function emptied(parts: BubblewrapParts): Promise<void> {
  for (let looks = 0; strangersOf(parts.holder).length > 0; looks += 1) {
    if (looks >= 5_000) {
      await parts.holder.kill();
      throw new SandboxUnavailableError('processes of a finished command would not die; the sandbox was killed', {
        details: { sandbox: parts.id },
      });
    }
    // Mostly it is a matter of microseconds, which a timer would turn into milliseconds.
    await new Promise<void>((resolve) => (looks < 10 ? setImmediate(resolve) : setTimeout(resolve, 1)));
  }
}

function strangersOf(holder: Holder): string[] {
  try {
    return holder.strangers();
  } catch (cause) {
    throw new SandboxUnavailableError('the sandbox is gone: something outside ended it', { cause });
  }
}

type Outcome = Pick<ExecResult, 'exitCode' | 'signal' | 'stoppedBy' | 'stdout' | 'stderr'>;

function outcomeOf(end: CommandEnd, hadOomKill: boolean): Outcome {
  const stoppedBy: StopReason = end.stoppedBy === 'exit' && hadOomKill ? 'memory' : end.stoppedBy;
  const output = { stdout: end.stdout, stderr: end.stderr };
  const reported = /"exit-code": (\d+)/.exec(end.status)?.[1];
  if (reported !== undefined) return { ...statusOf(Number(reported)), stoppedBy, ...output };
  if (stoppedBy !== 'exit') return { exitCode: null, signal: 'SIGKILL', stoppedBy, ...output };
  // Without a report the command never ran, so what is on stderr is bubblewrap's.
  const cannotRun = /^bwrap: execvp (.*)$/m.exec(end.stderr);
  if (cannotRun !== null) return { exitCode: 127, signal: null, stoppedBy, ...output };
  throw new SandboxUnavailableError(`a command could not be started: ${describeFailure(end)}`, {
    cause: end.startError,
  });
}

function describeFailure(end: CommandEnd): string {
  return end.startError?.message ?? (end.stderr.trim().slice(0, 500) || `exit ${end.exitCode ?? end.signal}`);
}

const signalNames = new Map(Object.entries(osConstants.signals).map(([name, number]) => [number, name]));

/** bubblewrap reports a signal as a shell does: 128 and its number. */
function statusOf(code: number): Pick<ExecResult, 'exitCode' | 'signal'> {
  const signal = code > 128 ? signalNames.get(code - 128) : undefined;
  return signal === undefined ? { exitCode: code, signal: null } : { exitCode: null, signal };
}
