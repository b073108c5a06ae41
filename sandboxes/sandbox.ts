import type { FileTree, TreeLimits } from '../src/core/file-tree.ts';
import type { LineageId, RunId } from '../src/core/ids.ts';

/** A host directory the guard lets the sandbox see, read-only. */
export interface ReadOnlyMount {
  /** Absolute path on the host. */
  readonly source: string;
  /** Where it appears: one path segment below the workspace, such as `strategies`. */
  readonly target: string;
}

/** Ceilings set by the runtime; nothing inside can raise them. */
export interface SandboxLimits {
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly pids: number;
  /** For everything the sandbox writes, workspace and temporary files together. */
  readonly diskMiB: number;
}

export interface SandboxSpec {
  readonly run: RunId;
  /** A sandbox is never handed to a second lineage. */
  readonly owner: LineageId;
  /** What the workspace holds at the start. */
  readonly files: FileTree;
  readonly mounts: readonly ReadOnlyMount[];
  /**
   * An internal network that sandboxes of one run share under this name, or
   * `null` for none at all. It leads to its members only, never to the host.
   */
  readonly network: string | null;
  readonly limits: SandboxLimits;
}

export interface ExecOptions {
  readonly signal: AbortSignal;
  /** Wall-clock limit in milliseconds. */
  readonly timeoutMs: number;
  /** Cap for each stream in bytes; past it the command is stopped. */
  readonly maxOutputBytes: number;
  /** UTF-8 text for standard input, closed after it. Default empty. */
  readonly stdin?: string;
  /** Added to a fixed, minimal environment. Never a secret. */
  readonly env?: Readonly<Record<string, string>>;
}

export const stopReasons = ['exit', 'timeout', 'memory', 'output', 'disk', 'cancelled', 'policy'] as const;
/** `exit` means the command ended by itself, by status or by its own signal. */
export type StopReason = (typeof stopReasons)[number];

export interface ExecResult {
  /** `null` when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stoppedBy: StopReason;
  /** UTF-8 with U+FFFD for bad bytes, cut at the cap. Hostile text. */
  readonly stdout: string;
  readonly stderr: string;
  readonly wallMs: number;
  /** User plus system time of all descendants, or `null` where the provider cannot tell. */
  readonly cpuMs: number | null;
  readonly peakMemoryMiB: number | null;
  /** Bytes handed to write calls by the command and all it started, output included; `null` where unknown. */
  readonly bytesWritten: number | null;
}

/** A directory that commands can write, as they see it and as the host reaches it. */
export interface WritablePlace {
  readonly inside: string;
  readonly outside: string;
}

/**
 * A place where hostile code runs. The workspace is the working directory of
 * every command and the only directory, besides a private `/tmp`, that it can
 * write. State persists between commands of one sandbox.
 */
export interface Sandbox extends AsyncDisposable {
  readonly id: string;
  readonly provider: string;
  /**
   * Where commands from now on reach the model gateway: a Unix socket, whose
   * path inside is `$GALAPAGOS_GATEWAY`. With `null`, or before the first
   * call, there is none.
   * @param socket - Path of the socket on the host.
   */
  connect(socket: string | null): Promise<void>;
  /**
   * Runs one command to its end and reports how it ended. A failing command
   * is a result; only a failing sandbox throws. Every descendant is gone when
   * this returns.
   * @param argv - Program and arguments, never joined through a shell.
   * @throws {SandboxUnavailableError} when the sandbox is gone or cannot start a command.
   */
  exec(argv: readonly string[], options: ExecOptions): Promise<ExecResult>;
  /** Writes files into the workspace, over what is there. */
  put(files: FileTree): Promise<void>;
  /**
   * The workspace as it is now, mounts left out. Never follows a link.
   * @throws {GenomeInvalidError} for a link, a special file, a bad path or an exceeded limit.
   */
  get(limits: TreeLimits): Promise<FileTree>;
  /**
   * Lends everything that commands can write to a trusted worker of the host, which runs while no command does:
   * for what the other operations cannot say, such as free space by `statfs`, or files with modes and ages.
   * What lies there is hostile; a link in it must never be followed. Left out where the host cannot reach it.
   * @throws {SandboxUnavailableError} when the sandbox is gone.
   */
  outside?<T>(work: (places: readonly WritablePlace[]) => T | Promise<T>): Promise<T>;
}

export interface ProviderStatus {
  readonly usable: boolean;
  /** Why not, or what it relies on. */
  readonly why: string;
  /** A command or a step that would make it usable; empty when it is. */
  readonly fix: string;
}

export interface ReapOptions {
  readonly dryRun?: boolean;
}

/** How many things, by what they are in the plural, such as `containers`. */
export type Leftovers = Readonly<Record<string, number>>;

export interface SandboxProvider extends AsyncDisposable {
  readonly name: string;
  /** Strongest first: `container`, `namespaces`, `none`. */
  readonly isolation: 'container' | 'namespaces' | 'none';
  /** Whether its sandboxes lend their volumes to the host: `Sandbox.outside`. Left out where they do not. */
  readonly showsVolumes?: boolean;
  /** What it cannot do, by name; the conformance suite skips these by name and fails if one starts to pass. */
  readonly gaps: readonly SandboxGap[];
  probe(): Promise<ProviderStatus>;
  /** @throws {SandboxUnavailableError} */
  open(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox>;
  /** What a run should record of where its commands ran, such as an image's id. */
  details?(): Promise<Readonly<Record<string, string>>>;
  /**
   * Removes what dead processes left behind for this run, or for every run.
   * @param options.dryRun - Only counts it.
   */
  reap(run: RunId | 'all', options?: ReapOptions): Promise<Leftovers>;
}

export const sandboxGaps = [
  'filesystem-isolation',
  'network-isolation',
  'read-only-mounts',
  'disk-limit',
  'memory-limit',
  /** Memory that no process has mapped, such as a file without a name. */
  'unmapped-memory',
  /** What namespaces do not divide, such as keys and virtual-machine sockets, and rare parts of the kernel. */
  'system-call-filter',
  'pid-limit',
  'daemon-containment',
  'internal-network',
] as const;
export type SandboxGap = (typeof sandboxGaps)[number];

/** Opens a sandbox of the run's own provider, under its label and below its ceiling. @throws {SandboxUnavailableError} */
export type OpenSandbox = (
  spec: Pick<SandboxSpec, 'files' | 'mounts' | 'limits'>,
  signal: AbortSignal,
) => Promise<Sandbox>;

export interface SandboxDefinition {
  readonly kind: 'sandbox';
  readonly name: string;
  create(): SandboxProvider | Promise<SandboxProvider>;
}

/** Declares a sandbox provider for use in an experiment file. @see examples/sandbox */
export function defineSandbox(definition: Omit<SandboxDefinition, 'kind'>): SandboxDefinition {
  return { kind: 'sandbox', ...definition };
}
