import { inOrder } from '../../sandboxes/in-order.ts';
import type {
  ExecOptions,
  ExecResult,
  Sandbox,
  SandboxProvider,
  SandboxSpec,
  StopReason,
} from '../../sandboxes/sandbox.ts';
import { monotonicMs } from '../../src/core/clock.ts';
import { GenomeInvalidError, SandboxUnavailableError } from '../../src/core/errors.ts';
import {
  type FileTree,
  parseTreePath,
  sortTree,
  type TreeFile,
  type TreeLimits,
  totalBytes,
} from '../../src/core/file-tree.ts';

/** The files of a sandbox; a scripted command may change them. */
export type MemoryWorkspace = Map<string, TreeFile>;

/**
 * Plays a command. What it leaves out of the result means success without
 * output; what it throws is the sandbox failing. `options.signal` aborts when
 * the command is stopped for whatever reason; `options.env` holds `GALAPAGOS_GATEWAY` when one is connected.
 */
export type MemoryCommand = (
  argv: readonly string[],
  workspace: MemoryWorkspace,
  options: ExecOptions,
) => Promise<Partial<ExecResult>>;

export interface MemoryProvider extends SandboxProvider {
  /** Every command so far, oldest first. */
  readonly commands: readonly {
    readonly sandbox: string;
    readonly argv: readonly string[];
    readonly stdin: string;
    readonly gateway: string | null;
  }[];
  /** Specs of the sandboxes opened so far. */
  readonly opened: readonly SandboxSpec[];
  /** How many sandboxes are open now. */
  readonly openCount: number;
}

export interface MemoryOptions {
  /** The first so many calls of `open` throw a SandboxUnavailableError. Default 0. */
  readonly failFirstOpens?: number;
}

/** A sandbox provider without processes: fast, scripted, and as strict as the port. */
export function createMemoryProvider(command: MemoryCommand, options: MemoryOptions = {}): MemoryProvider {
  const commands: { sandbox: string; argv: readonly string[]; stdin: string; gateway: string | null }[] = [];
  const opened: SandboxSpec[] = [];
  const open = new Set<Sandbox>();
  let failures = options.failFirstOpens ?? 0;
  return {
    name: 'memory',
    isolation: 'none',
    gaps: [],
    commands,
    opened,
    get openCount() {
      return open.size;
    },
    probe: async () => ({ usable: true, why: 'in memory, for tests', fix: '' }),
    async open(spec, signal) {
      if (signal.aborted)
        throw new SandboxUnavailableError('opening the sandbox was cancelled', { cause: signal.reason });
      if (failures > 0) {
        failures -= 1;
        throw new SandboxUnavailableError('a scripted failure');
      }
      const sandbox: Sandbox = memorySandbox(spec, `memory-${opened.length}`, {
        command: (argv, workspace, execOptions) => {
          const gateway = execOptions.env?.GALAPAGOS_GATEWAY ?? null;
          commands.push({ sandbox: sandbox.id, argv, stdin: execOptions.stdin ?? '', gateway });
          return command(argv, workspace, execOptions);
        },
        onGone: () => open.delete(sandbox),
      });
      opened.push(spec);
      open.add(sandbox);
      return sandbox;
    },
    reap: async () => ({}),
    async [Symbol.asyncDispose]() {
      await Promise.all([...open].map((sandbox) => sandbox[Symbol.asyncDispose]()));
    },
  };
}

interface MemoryHooks {
  readonly command: MemoryCommand;
  readonly onGone: () => void;
}

function memorySandbox(spec: SandboxSpec, id: string, hooks: MemoryHooks): Sandbox {
  const workspace: MemoryWorkspace = new Map();
  const reserved = new Set(spec.mounts.map(({ target }) => target));
  const queue = inOrder();
  let gateway: string | null = null;
  const gone = new AbortController();
  place(workspace, spec.files, reserved, spec.limits.diskMiB);
  return {
    id,
    provider: 'memory',
    connect: (socket) =>
      queue.run(async () => {
        gateway = socket;
      }),
    exec: (argv, options) =>
      queue.run(() => {
        const env = { ...(gateway === null ? {} : { GALAPAGOS_GATEWAY: gateway }), ...options.env };
        return play(hooks.command, argv, workspace, { ...options, env }, gone.signal);
      }),
    put: (files) => queue.run(async () => place(workspace, files, reserved, spec.limits.diskMiB)),
    get: (limits) => queue.run(async () => collect(workspace, limits)),
    async [Symbol.asyncDispose]() {
      queue.close();
      gone.abort();
      await queue.settled();
      hooks.onGone();
    },
  };
}

function place(workspace: MemoryWorkspace, files: FileTree, reserved: ReadonlySet<string>, diskMiB: number): void {
  for (const [path, file] of files) {
    parseTreePath(path);
    if (reserved.has(path.split('/')[0]!)) {
      throw new GenomeInvalidError(`the path ${JSON.stringify(path)} belongs to a read-only mount`);
    }
    for (const other of [...workspace.keys()]) {
      if (path.startsWith(`${other}/`) || other.startsWith(`${path}/`)) workspace.delete(other);
    }
    workspace.set(path, file);
    if (totalBytes(workspace) > diskMiB * 1024 * 1024) {
      throw new GenomeInvalidError(`the path ${JSON.stringify(path)} does not fit on the volume of the sandbox`);
    }
  }
}

function collect(workspace: MemoryWorkspace, limits: TreeLimits): FileTree {
  let bytes = 0;
  if (workspace.size > limits.maxFiles) throw new GenomeInvalidError(`too many files (limit ${limits.maxFiles})`);
  for (const [path, file] of workspace) {
    parseTreePath(path);
    bytes += file.bytes.length;
    if (file.bytes.length > limits.maxFileBytes || bytes > limits.maxBytes) {
      throw new GenomeInvalidError(`the path ${JSON.stringify(path)} exceeds a limit`);
    }
  }
  return sortTree([...workspace].map(([path, file]) => [path, { ...file, bytes: new Uint8Array(file.bytes) }]));
}

async function play(
  command: MemoryCommand,
  argv: readonly string[],
  workspace: MemoryWorkspace,
  options: ExecOptions,
  gone: AbortSignal,
): Promise<ExecResult> {
  const startedMs = monotonicMs();
  const stopped = new AbortController();
  const stop = (why: StopReason | 'gone') => stopped.abort(why);
  const cancel = () => stop('cancelled');
  const leave = () => stop('gone');
  if (options.signal.aborted) cancel();
  options.signal.addEventListener('abort', cancel, { once: true });
  gone.addEventListener('abort', leave, { once: true });
  const timer = setTimeout(() => stop('timeout'), options.timeoutMs);
  try {
    const won = await Promise.race([
      stopped.signal.aborted ? null : command(argv, workspace, { ...options, signal: stopped.signal }),
      whenAborted(stopped.signal),
    ]);
    if (gone.aborted) throw new SandboxUnavailableError('the sandbox was disposed of while a command ran');
    const wallMs = monotonicMs() - startedMs;
    return won === null
      ? {
          ...resultOf({ exitCode: null, signal: 'SIGKILL' }, options, wallMs),
          stoppedBy: stopped.signal.reason as StopReason,
        }
      : resultOf(won, options, wallMs);
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', cancel);
    gone.removeEventListener('abort', leave);
  }
}

function whenAborted(signal: AbortSignal): Promise<null> {
  if (signal.aborted) return Promise.resolve(null);
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }));
}

function resultOf(partial: Partial<ExecResult>, options: ExecOptions, wallMs: number): ExecResult {
  const cut = (text = '') => {
    const bytes = Buffer.from(text);
    return {
      text: bytes.subarray(0, options.maxOutputBytes).toString('utf8'),
      isCut: bytes.length > options.maxOutputBytes,
    };
  };
  const stdout = cut(partial.stdout);
  const stderr = cut(partial.stderr);
  const complete: ExecResult = {
    ...{ exitCode: 0, signal: null, stoppedBy: 'exit', wallMs, cpuMs: null, peakMemoryMiB: null, bytesWritten: null },
    ...partial,
    stdout: stdout.text,
    stderr: stderr.text,
  };
  return stdout.isCut || stderr.isCut ? { ...complete, stoppedBy: 'output' } : complete;
}
