import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { onAbort } from '../../src/core/abort.ts';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { collectTree } from '../collect-tree.ts';
import { inOrder } from '../in-order.ts';
import { placeTree } from '../place-tree.ts';
import { runCommand } from '../run-command.ts';
import type { ExecOptions, ExecResult, Sandbox, SandboxSpec } from '../sandbox.ts';

export interface ProcessParts {
  readonly id: string;
  readonly spec: SandboxSpec;
  readonly workspace: string;
  readonly temporary: string;
  readonly release: () => Promise<void>;
}

/** Best effort: macOS ignores the limit on data, and a shell may lack one of them. */
const limitScript = 'ulimit -c 0; ulimit -n 1024; ulimit -d "$1" 2>/dev/null; shift; exec "$@"';
/** Stacks of Node's helper threads and its code count as data, though they are hardly touched. */
const dataHeadroomMiB = 512;

export function processSandbox(parts: ProcessParts): Sandbox {
  const reserved = new Set(parts.spec.mounts.map(({ target }) => target));
  const queue = inOrder();
  const ended = new AbortController();
  let disposal: Promise<void> | null = null;
  return {
    id: parts.id,
    provider: 'process',
    exec: (argv, options) => queue.run(() => execHere(parts, argv, options, ended.signal)),
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
  options: ExecOptions,
  ended: AbortSignal,
): Promise<ExecResult> {
  const { memoryMiB } = parts.spec.limits;
  const either = new AbortController();
  using _following = onAbort([options.signal, ended], () => either.abort());
  mkdirSync(parts.workspace, { recursive: true });
  const {
    startError,
    status: _,
    ...end
  } = await runCommand({
    file: '/bin/sh',
    args: ['-c', limitScript, 'limits', String((memoryMiB + dataHeadroomMiB) * 1024), ...argv],
    env: environmentOf(parts, options.env),
    cwd: parts.workspace,
    stdin: options.stdin ?? '',
    timeoutMs: options.timeoutMs,
    maxOutputBytes: options.maxOutputBytes,
    signal: either.signal,
  });
  if (ended.aborted) throw new SandboxUnavailableError('the sandbox was disposed of while a command ran');
  if (startError !== null) {
    throw new SandboxUnavailableError('a command could not be started', { cause: startError });
  }
  // A stack trace names the workspace, which elsewhere is /workspace and here is another one each time.
  const placeless = (text: string) => text.replaceAll(parts.workspace, '/workspace');
  const streams = { stdout: placeless(end.stdout), stderr: placeless(end.stderr) };
  return { ...end, ...streams, cpuMs: null, peakMemoryMiB: null, bytesWritten: null };
}

function environmentOf(parts: ProcessParts, extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { gatewaySocket, limits } = parts.spec;
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
