import type { ChildProcess } from 'node:child_process';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import type { FileTree, TreeLimits } from '../../src/core/file-tree.ts';
import { collectTree } from '../collect-tree.ts';
import { type GatewayRelay, relaySocket, startRelay } from '../gateway/relay.ts';
import { inOrder } from '../in-order.ts';
import { spawnAlone } from '../inherited-descriptors.ts';
import { placeTree } from '../place-tree.ts';
import { isOutOfCpuTime, type ProcessLimits, processLimitsFor } from '../process-limits.ts';
import { childrenOf, kill, soon } from '../process-tree.ts';
import { type CommandSpec, runCommand } from '../run-command.ts';
import type { ExecOptions, ExecResult, Sandbox, SandboxSpec } from '../sandbox.ts';
import { inside, writablePlaces } from './box-arguments.ts';
import type { Cgroup } from './cgroups.ts';
import { enterArguments } from './enter.ts';
import type { Holder } from './holder.ts';
import { type HostTools, helperEnv, sandboxPath } from './host-tools.ts';
import { startMeter } from './meter.ts';
import type { Network } from './networks.ts';
import { outcomeOf } from './outcome.ts';
import { lineFor, primeBox, primedShell } from './primed-box.ts';
import { createWatchdog } from './watchdog.ts';

export interface BubblewrapParts {
  readonly id: string;
  readonly spec: SandboxSpec;
  readonly tools: HostTools;
  readonly holder: Holder;
  readonly cgroup: Cgroup | null;
  readonly network: Network | null;
  readonly python: string | null;
  /** File with the system-call filter, or `null` where there is none for this machine. */
  readonly filter: string | null;
  /** Host directory where commands look for a gateway. */
  readonly gateway: string;
  /** The arguments that build a command's view. */
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
  let relay: GatewayRelay | null = null;
  // Without control groups the limits of a command's processes depend on its time limit.
  const primed = parts.cgroup === null ? null : primeBox(enter(parts, primedShell, environmentOf(parts), null));
  let disposal: Promise<void> | null = null;
  const disconnect = async () => {
    await relay?.[Symbol.asyncDispose]();
    relay = null;
  };
  const execDirectly = async (argv: readonly string[], options: ExecOptions) => {
    await primed?.discard();
    await emptied(parts);
    const limits = processLimitsFor(parts.spec.limits, options.timeoutMs);
    const env = { ...environmentOf(parts), ...options.env };
    const start = () => enter(parts, argv, env, parts.cgroup === null ? limits : null);
    return execInside(parts, options, { start, stdin: options.stdin ?? '' }, queue.isOpen);
  };
  const execPrimed = async (argv: readonly string[], options: ExecOptions) => {
    const word = crypto.randomUUID();
    const line = primed?.isWaiting() ? lineFor(argv, options, word) : null;
    if (line === null) return execDirectly(argv, options);
    const command = { start: () => primed!.take(), stdin: `${line}\n${options.stdin ?? ''}` };
    const end = await execInside(parts, options, command, queue.isOpen);
    // Nothing has run then, and bubblewrap says in its own words why not.
    if (!end.stderr.endsWith(`${word}\n`)) return end;
    return execDirectly(argv, { ...options, timeoutMs: Math.max(1, options.timeoutMs - end.wallMs) });
  };
  return {
    id: parts.id,
    provider: 'bubblewrap',
    connect: (socket) =>
      queue.run(async () => {
        await disconnect();
        if (socket !== null) relay = await startRelay(parts.gateway, socket);
      }),
    exec: (argv, options) =>
      queue.run(() => {
        const gateway = relay === null ? {} : { GALAPAGOS_GATEWAY: `${inside.gateway}/${relaySocket}` };
        return execPrimed(argv, { ...options, env: { ...gateway, ...options.env } });
      }),
    put: (files: FileTree) => queue.run(async () => placeTree(workspace, files, reserved)),
    get: (limits: TreeLimits) => queue.run(async () => collectTree(workspace, reserved, limits)),
    outside: (work) => queue.run(async () => work(writablePlaces(parts.holder.volume))),
    [Symbol.asyncDispose]: () => {
      queue.close();
      // Killing the holder ends a running command; what was waiting is refused.
      disposal ??= parts.holder
        .kill()
        .then(queue.settled)
        .then(() => primed?.discard())
        .then(disconnect)
        .then(parts.release);
      return disposal;
    },
  };
}

/** Starts `argv` in a new box. */
function enter(
  { tools, holder, network, cgroup, filter, box, spec }: BubblewrapParts,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  limits: ProcessLimits | null,
): ChildProcess {
  const words = enterArguments(
    {
      ...{ tools, network, filter, box, env },
      holderPid: holder.pid,
      joinFiles: cgroup?.joinFiles ?? [],
      processLimits: limits === null ? null : { ...limits, pids: spec.limits.pids },
    },
    argv,
  );
  return spawnAlone(tools.sh, words, { env: helperEnv, pipes: 4 });
}

async function execInside(
  parts: BubblewrapParts,
  options: ExecOptions,
  command: Pick<CommandSpec, 'start' | 'stdin'>,
  isOpen: () => boolean,
): Promise<ExecResult> {
  const { cgroup, holder, spec } = parts;
  const meter = startMeter(holder, cgroup);
  const watchdog = cgroup === null ? createWatchdog(holder, spec.limits, helperProcesses) : null;
  const end = await runCommand({
    ...command,
    timeoutMs: options.timeoutMs,
    maxOutputBytes: options.maxOutputBytes,
    signal: options.signal,
    onStop: (pid) => {
      meter.look();
      return killChildrenOf(pid);
    },
    watch: (stop) => watchdog?.watch(stop) ?? (() => {}),
  });
  if (!isOpen()) throw new SandboxUnavailableError('the sandbox was disposed of while a command ran');
  await emptied(parts);
  const { hadOomKill, ...used } = await meter.read();
  const outcome = outcomeOf(end, hadOomKill);
  const limits = processLimitsFor(spec.limits, options.timeoutMs);
  const isTimeout = cgroup === null && outcome.stoppedBy === 'exit' && isOutOfCpuTime(outcome, used, limits);
  return {
    ...outcome,
    ...used,
    ...(isTimeout ? { stoppedBy: 'timeout' } : {}),
    wallMs: end.wallMs,
    peakMemoryMiB: used.peakMemoryMiB ?? watchdog?.peakMemoryMiB() ?? null,
  };
}

/** Kills bubblewrap and leaves nsenter to bury it: an orphan would wait for the system's own process 1. */
function killChildrenOf(pid: number): boolean {
  const children = childrenOf(pid);
  kill(children);
  return children.length > 0;
}

function environmentOf({ spec, cgroup, python }: BubblewrapParts): Record<string, string> {
  return {
    PATH: sandboxPath(python),
    HOME: inside.temporary,
    LANG: 'C.UTF-8',
    // Without a control group only the heap's own limit makes Node collect garbage before the watchdog strikes.
    ...(cgroup !== null ? {} : { NODE_OPTIONS: `--max-old-space-size=${spec.limits.memoryMiB}` }),
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
    if (looks % 100 === 99) parts.holder.killOrphans();
    await soon(looks);
  }
}

function strangersOf(holder: Holder): string[] {
  try {
    return holder.strangers();
  } catch (cause) {
    throw new SandboxUnavailableError('the sandbox is gone: something outside ended it', { cause });
  }
}
