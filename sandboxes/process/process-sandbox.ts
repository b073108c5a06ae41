import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { onAbort } from '../../src/core/abort.ts';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { collectTree } from '../collect-tree.ts';
import { inOrder } from '../in-order.ts';
import { spawnAlone } from '../inherited-descriptors.ts';
import { placeTree } from '../place-tree.ts';
import { isOutOfCpuTime, processLimitsFor } from '../process-limits.ts';
import { treeOf } from '../process-tree.ts';
import { runCommand } from '../run-command.ts';
import type { ExecOptions, ExecResult, Sandbox, SandboxSpec } from '../sandbox.ts';
import { statusOf } from '../shell-status.ts';
import { readUsage, reportUsage, type Usage, usageOfLiving } from '../usage.ts';

export interface ProcessParts {
  readonly id: string;
  readonly spec: SandboxSpec;
  readonly workspace: string;
  readonly temporary: string;
  readonly release: () => Promise<void>;
}

/**
 * Best effort: macOS ignores the limit on data, and a shell may lack one of them. The shell waits
 * for the command to tell what it used; its own remarks about a killed child are not the command's.
 */
const script = `ulimit -c 0; ulimit -n 1024; { ulimit -d "$1"; ulimit -t "$2"; } 2>/dev/null; shift 2
exec 4>&2 2>/dev/null
(exec "$@") 2>&4 3>&- 4>&-
code=$?
${reportUsage}
exit $code`;

/** Elsewhere nobody could say what a command had used when it was stopped. */
const isLinux = process.platform === 'linux';

export function processSandbox(parts: ProcessParts): Sandbox {
  const reserved = new Set(parts.spec.mounts.map(({ target }) => target));
  const queue = inOrder();
  const ended = new AbortController();
  let gatewaySocket: string | null = null;
  let disposal: Promise<void> | null = null;
  return {
    id: parts.id,
    provider: 'process',
    connect: (socket) =>
      queue.run(async () => {
        gatewaySocket = socket;
      }),
    exec: (argv, options) =>
      queue.run(() => {
        const env = environmentOf(parts, gatewaySocket, options.env);
        return execHere(parts, argv, { ...options, env }, ended.signal);
      }),
    put: (files) => queue.run(async () => placeTree(parts.workspace, files, reserved)),
    get: (limits) => queue.run(async () => collectTree(parts.workspace, reserved, limits)),
    [Symbol.asyncDispose]: () => {
      queue.close();
      ended.abort();
      disposal ??= queue.settled().then(parts.release);
      return disposal;
    },
  };
}

async function execHere(
  parts: ProcessParts,
  argv: readonly string[],
  options: ExecOptions & { readonly env: Readonly<Record<string, string>> },
  ended: AbortSignal,
): Promise<ExecResult> {
  const limits = processLimitsFor(parts.spec.limits, options.timeoutMs);
  let atStop: Usage | null = null;
  const either = new AbortController();
  using _following = onAbort([options.signal, ended], () => either.abort());
  mkdirSync(parts.workspace, { recursive: true });
  const words = ['-c', script, 'limits', String(limits.dataKiB), String(limits.cpuSeconds), ...argv];
  const end = await runCommand({
    start: () => spawnAlone('/bin/sh', words, { env: options.env, cwd: parts.workspace, pipes: 4 }),
    stdin: options.stdin ?? '',
    timeoutMs: options.timeoutMs,
    maxOutputBytes: options.maxOutputBytes,
    signal: either.signal,
    onStop: (pid) => {
      if (isLinux) atStop = usageOfLiving('/proc', treeOf(pid));
      return false;
    },
  });
  if (ended.aborted) throw new SandboxUnavailableError('the sandbox was disposed of while a command ran');
  if (end.startError !== null) {
    throw new SandboxUnavailableError('a command could not be started', { cause: end.startError });
  }
  const outcome = end.exitCode === null ? { exitCode: null, signal: end.signal } : statusOf(end.exitCode);
  const used = (isLinux ? readUsage(end.status) : null) ?? atStop ?? { cpuMs: null, bytesWritten: null };
  const isTimeout = end.stoppedBy === 'exit' && isOutOfCpuTime(outcome, used, limits);
  // A stack trace names the workspace, which elsewhere is /workspace and here is another one each time.
  const placeless = (text: string) => text.replaceAll(parts.workspace, '/workspace');
  return {
    ...outcome,
    stoppedBy: isTimeout ? 'timeout' : end.stoppedBy,
    stdout: placeless(end.stdout),
    stderr: placeless(end.stderr),
    wallMs: end.wallMs,
    peakMemoryMiB: null,
    ...used,
  };
}

function environmentOf(
  parts: ProcessParts,
  gatewaySocket: string | null,
  extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const { limits } = parts.spec;
  return {
    PATH: [dirname(process.execPath), '/usr/local/bin', '/opt/homebrew/bin', '/usr/bin', '/bin'].join(':'),
    HOME: parts.temporary,
    TMPDIR: parts.temporary,
    LANG: 'C.UTF-8',
    NODE_OPTIONS: `--max-old-space-size=${limits.memoryMiB}`,
    ...(gatewaySocket === null ? {} : { GALAPAGOS_GATEWAY: gatewaySocket }),
    ...extra,
  };
}
