import type { GatewayAccess, GatewaySession, OpenGateway, SandboxAccess } from '../../actors/sandbox-access.ts';
import type { SandboxProvider } from '../../sandboxes/sandbox.ts';
import { type FileTree, sortTree, textFile } from '../../src/core/file-tree.ts';
import type { GenomeId } from '../../src/core/ids.ts';
import { noUsage } from '../../src/core/records.ts';
import { createMemoryGenomeStore } from '../../src/lineage/genome-store.ts';
import type { GenomeStore } from '../../src/lineage/lineage.ts';
import { run } from './samples.ts';

const manifest = { task: { command: ['node', 'task.mjs'] }, meta: { command: ['node', 'meta.mjs'] } };

/** A genome of text files; a manifest with `task.mjs` and `meta.mjs` unless one is given. */
export function tree(files: Readonly<Record<string, string>>): FileTree {
  const all = { 'genome.json': JSON.stringify(manifest), ...files };
  return sortTree(Object.entries(all).map(([path, text]) => [path, textFile(text)]));
}

export const seedTree = tree({ 'meta.mjs': '// edits', 'task.mjs': '// solves' });

export async function genomesOf(
  ...trees: FileTree[]
): Promise<{ readonly genomes: GenomeStore; readonly ids: GenomeId[] }> {
  const genomes = createMemoryGenomeStore();
  const ids: GenomeId[] = [];
  for (const each of trees) ids.push(await genomes.put(each));
  return { genomes, ids };
}

/** Sandboxes of a provider with a run's label and ceilings bound. */
export function memoryAccess(provider: SandboxProvider): SandboxAccess {
  const limits = { memoryMiB: 64, cpus: 1, pids: 16, diskMiB: 4 };
  return {
    maxOutputBytes: 1_500_000,
    async open({ gatewaySocket, ...request }, signal) {
      const sandbox = await provider.open({ run, ...request, network: null, limits }, signal);
      if (gatewaySocket !== null) await sandbox.connect(gatewaySocket);
      return sandbox;
    },
  };
}

interface GatewayScript {
  readonly refusal?: ReturnType<OpenGateway['refusal']>;
  readonly failure?: Error;
  /** Calls that are charged only when the gateway is closed. */
  readonly lateCalls?: number;
}

/** Gateways that no model stands behind: a socket path, a refusal and a count, as scripted. */
export function openGateways(
  script: GatewayScript = {},
): GatewayAccess & { readonly sessions: readonly GatewaySession[]; readonly openCount: number } {
  const sessions: GatewaySession[] = [];
  let openCount = 0;
  return {
    sessions,
    get openCount() {
      return openCount;
    },
    async open(session) {
      sessions.push(session);
      openCount += 1;
      let isOpen = true;
      return {
        socketPath: '/run/gateway',
        commandFor: (access, command) => (access === 'http' ? ['over-http', ...command] : command),
        usage: () => ({ ...noUsage, calls: 1 + (isOpen ? 0 : (script.lateCalls ?? 0)), promptTokens: 10 }),
        refusal: () => script.refusal ?? null,
        throwIfFailed() {
          if (script.failure !== undefined) throw script.failure;
        },
        async [Symbol.asyncDispose]() {
          if (isOpen) openCount -= 1;
          isOpen = false;
        },
      };
    },
  };
}
