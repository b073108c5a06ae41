import { GenomeInvalidError } from '../../src/core/errors.ts';
import { type FileTree, type TreeLimits, totalBytes } from '../../src/core/file-tree.ts';
import { parseGenomeManifest } from '../../src/core/genome.ts';
import type { GenomeId } from '../../src/core/ids.ts';
import type { Json } from '../../src/core/json.ts';
import type { RequestOf, ResultOf } from '../../src/core/messages.ts';
import type { Adoption, Read, StrategyRef } from '../../src/core/records.ts';
import type { GatewayAccess, OpenGateway, OpenSandbox, SandboxAccess } from '../sandbox-access.ts';
import { createToolTally } from './tool-tally.ts';

type Request = RequestOf<'meta-agent'>;
type Result = ResultOf<'meta-agent'>;

/** What the guard lends: the only way to a mount, and the only way back for a tree. */
export interface EditGuard {
  mounts(request: {
    readonly round: number;
    readonly generation: number;
    readonly snapshot: readonly StrategyRef[];
    readonly evals: Readonly<Record<string, Json>>;
  }): Promise<readonly { readonly source: string; readonly target: string }[]>;
  collect(request: {
    readonly generation: number;
    readonly parent: FileTree;
    readonly child: FileTree;
  }): Promise<
    | { readonly allowed: true; readonly tree: FileTree; readonly changedFiles: readonly string[] }
    | { readonly allowed: false; readonly rule: string; readonly message: string }
  >;
}

/** The record of what reached a generation, and what it took. */
export interface EditProvenance {
  /** Called with every text that went to the model. */
  see(texts: readonly string[]): void;
  /** What reached this generation, given the tree that came back. */
  conclude(parent: FileTree, child: FileTree): Promise<{ readonly reads: Read[]; readonly adoption: Adoption | null }>;
}

export interface MetaAgentPorts {
  readonly genomes: { get(id: GenomeId): Promise<FileTree>; put(tree: FileTree): Promise<GenomeId> };
  readonly sandboxes: SandboxAccess;
  readonly gateways: GatewayAccess;
  /** The handle of the one lineage whose genome this actor edits. */
  readonly guard: EditGuard;
  /** Opens the record of a child of generation `parent`. */
  readonly provenance: (parent: number, snapshot: readonly StrategyRef[]) => Promise<EditProvenance>;
  /** Wall-clock limit of one edit and of one import check, in milliseconds. */
  readonly wallMs: number;
  readonly importWallMs: number;
  readonly treeLimits: TreeLimits;
}

/** Where another generation's meta-agent lies while it edits this one's workspace. */
const borrowedMeta = '.meta-agent';
const isBorrowed = (path: string) => path === borrowedMeta || path.startsWith(`${borrowedMeta}/`);

/**
 * One edit: the parent's workspace in a sandbox, the meta-agent's own command
 * run against the gateway, and what came back taken through the guard.
 * Everything that goes wrong on the agent's side is a result.
 * @throws {SandboxUnavailableError} when the sandbox failed, not the agent.
 */
export async function editGenome(ports: MetaAgentPorts, request: Request, signal: AbortSignal): Promise<Result> {
  const parent = await ports.genomes.get(request.parent.genome);
  const provenance = await ports.provenance(request.parent.generation, request.snapshot);
  const { command, access, files } = await workspaceOf(ports, request, parent);
  const tools = createToolTally();
  const mounts = await ports.guard.mounts({ ...request, round: request.generation });
  await using gateway = await ports.gateways.open(
    {
      lineage: request.lineage,
      generation: request.generation,
      model: request.model,
      seed: request.seed,
      purpose: request.trial === undefined ? 'meta' : `meta ${request.trial}`,
      onMessages: (texts) => provenance.see(texts),
      onTools: tools.see,
    },
    signal,
  );
  await using sandbox = await ports.sandboxes.open(
    { owner: request.lineage, files, mounts, gatewaySocket: gateway.socketPath },
    signal,
  );
  const ended = await sandbox.exec(gateway.commandFor(access, command), {
    signal,
    timeoutMs: ports.wallMs,
    maxOutputBytes: ports.sandboxes.maxOutputBytes,
    stdin: JSON.stringify({
      lineage: request.lineage,
      generation: request.generation,
      strategies: request.snapshot.map((s) => `${s.lineage}_gen${s.generation}`),
      evals: Object.keys(request.evals).map((name) => `${name}.json`),
    }),
  });
  // A call that the command left in flight is cancelled and charged now, and so counted below.
  await gateway[Symbol.asyncDispose]();
  signal.throwIfAborted();
  gateway.throwIfFailed();
  const outcome = {
    changedFiles: [] as string[],
    bytes: 0,
    files: 0,
    reads: [] as Read[],
    usage: gateway.usage(),
    tools: tools.outcomes(),
    wallMs: ended.wallMs,
  };
  const problem = problemOf(ended, gateway);
  if (problem !== null) return { ...outcome, status: 'failed', genome: null, failure: problem };
  return await collectChild(ports, request, { parent, sandbox, provenance, outcome });
}

async function workspaceOf(ports: MetaAgentPorts, request: Request, parent: FileTree) {
  if (request.meta.genome === request.parent.genome) {
    const { meta, gateway } = parseGenomeManifest(parent);
    return { command: meta.command, access: gateway, files: parent };
  }
  const meta = await ports.genomes.get(request.meta.genome);
  const manifest = parseGenomeManifest(meta);
  const command = manifest.meta.command.map((word) => {
    const path = word.replace(/^\.\//, '');
    return meta.has(path) ? `./${borrowedMeta}/${path}` : word;
  });
  const borrowed = [...meta].map(([path, file]) => [`${borrowedMeta}/${path}`, file] as const);
  return { command, access: manifest.gateway, files: new Map([...parent, ...borrowed]) };
}

function problemOf(ended: Awaited<ReturnType<OpenSandbox['exec']>>, gateway: OpenGateway) {
  if (ended.stoppedBy === 'exit' && ended.exitCode === 0) return null;
  const refusal = gateway.refusal();
  if (refusal !== null) {
    return { stage: refusal.isBudget ? ('budget' as const) : ('meta-agent' as const), message: refusal.message };
  }
  if (ended.stoppedBy === 'timeout')
    return { stage: 'meta-agent' as const, message: 'did not end within its time limit' };
  if (ended.stoppedBy !== 'exit')
    return { stage: 'meta-agent' as const, message: `stopped by its ${ended.stoppedBy} limit` };
  return { stage: 'meta-agent' as const, message: `exit ${ended.exitCode ?? ended.signal}: ${lastLine(ended.stderr)}` };
}

/** The line of a stack trace that names the error, or the last one that says anything. */
export function lastLine(stderr: string): string {
  const lines = stderr.trim().split('\n');
  return (lines.find((line) => /\w*Error\b/.test(line)) ?? lines.at(-1) ?? '').trim().slice(0, 300);
}

interface Collection {
  readonly parent: FileTree;
  readonly sandbox: OpenSandbox;
  readonly provenance: EditProvenance;
  readonly outcome: Omit<Extract<Result, { status: 'failed' }>, 'status' | 'genome' | 'failure'>;
}

async function collectChild(ports: MetaAgentPorts, request: Request, at: Collection): Promise<Result> {
  const refuse = (message: string): Result => ({
    ...at.outcome,
    status: 'failed',
    genome: null,
    failure: { stage: 'collect', message },
  });
  let raw: FileTree;
  try {
    raw = await at.sandbox.get(ports.treeLimits);
  } catch (error) {
    if (error instanceof GenomeInvalidError) return refuse(error.message);
    throw error;
  }
  const child = new Map([...raw].filter(([path]) => !isBorrowed(path)));
  const collected = await ports.guard.collect({ generation: request.generation, parent: at.parent, child });
  if (!collected.allowed) return refuse(`${collected.rule}: ${collected.message}`);
  const { reads, adoption } = await at.provenance.conclude(at.parent, collected.tree);
  const outcome = {
    ...at.outcome,
    reads,
    changedFiles: [...collected.changedFiles],
    bytes: totalBytes(collected.tree),
    files: collected.tree.size,
  };
  if (collected.changedFiles.length === 0) {
    return {
      ...outcome,
      status: 'failed',
      genome: null,
      failure: { stage: 'meta-agent', message: 'it ended without changing any file' },
    };
  }
  return { ...outcome, status: 'edited', genome: await ports.genomes.put(collected.tree), adoption };
}
