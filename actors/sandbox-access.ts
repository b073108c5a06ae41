import type { FileTree, TreeLimits } from '../src/core/file-tree.ts';
import type { GenomeManifest } from '../src/core/genome.ts';
import type { GenomeId, LineageId } from '../src/core/ids.ts';
import type { Usage } from '../src/core/records.ts';

/**
 * What the runtime lends to roles that run a genome's code. Limits, labels and
 * the provider are bound outside; a role only says whose code and which files.
 */
export interface SandboxAccess {
  open(
    request: {
      readonly owner: LineageId;
      readonly files: FileTree;
      readonly mounts: readonly { readonly source: string; readonly target: string }[];
      readonly gatewaySocket: string | null;
    },
    signal: AbortSignal,
  ): Promise<OpenSandbox>;
  readonly maxOutputBytes: number;
}

/** The part of a sandbox that roles use. */
export interface OpenSandbox extends AsyncDisposable {
  readonly id: string;
  exec(
    argv: readonly string[],
    options: {
      readonly signal: AbortSignal;
      readonly timeoutMs: number;
      readonly maxOutputBytes: number;
      readonly stdin?: string;
      readonly env?: Readonly<Record<string, string>>;
    },
  ): Promise<{
    readonly exitCode: number | null;
    readonly signal: string | null;
    readonly stoppedBy: 'exit' | 'timeout' | 'memory' | 'output' | 'disk' | 'cancelled' | 'policy';
    readonly stdout: string;
    readonly stderr: string;
    readonly wallMs: number;
  }>;
  get(limits: TreeLimits): Promise<FileTree>;
}

/** One sitting of a genome with its model: a socket, limits and a count. */
export interface GatewayAccess {
  open(session: GatewaySession, signal: AbortSignal): Promise<OpenGateway>;
}

export interface GatewaySession {
  readonly lineage: LineageId;
  readonly generation: number;
  readonly model: string;
  /** `meta` or the situation's id: names the session in the call log and its random stream. */
  readonly purpose: string;
  readonly seed: number;
  /** Called with every text that a request carries to the model. */
  readonly onMessages?: (texts: readonly string[]) => void;
  /** Told of every tool call in the model's answers, and of every answer to one in a request, again with every request that holds it. */
  readonly onTools?: (step: ToolStep) => void;
}

export type ToolStep =
  | { readonly calls: readonly { readonly id: string; readonly name: string }[] }
  | { readonly results: readonly { readonly id: string; readonly text: string }[] };

export interface OpenGateway extends AsyncDisposable {
  readonly socketPath: string;
  /** The command as it has to be run to find the gateway the way its manifest asks for. */
  commandFor(access: GenomeManifest['gateway'], command: readonly string[]): readonly string[];
  /** Complete once the gateway is disposed of: a call in flight is charged when it ends. */
  usage(): Usage;
  /**
   * Which limits calls were refused for, or `null`. `isBudget` when the run's or
   * the lineage's budget was one of them, and not only the limits of this sitting.
   */
  refusal(): { readonly message: string; readonly isBudget: boolean } | null;
  /** @throws what went wrong outside the sandbox, such as a call that could not be recorded. */
  throwIfFailed(): void;
}

export interface GenomeReader {
  get(id: GenomeId): Promise<FileTree>;
}
