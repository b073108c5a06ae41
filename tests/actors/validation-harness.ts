import { readReport } from '../../actors/meta-agent/validation/check-report.ts';
import { checkersFor } from '../../actors/meta-agent/validation/checkers.ts';
import type { Finding } from '../../actors/meta-agent/validation/finding.ts';
import { dialectOf } from '../../actors/meta-agent/validation/sources.ts';
import { type ValidationPorts, validateGenome } from '../../actors/meta-agent/validation/validate-genome.ts';
import type { OpenSandbox, SandboxAccess } from '../../actors/sandbox-access.ts';
import type { SandboxProvider } from '../../sandboxes/sandbox.ts';
import { type FileTree, type TreeFile, textFile } from '../../src/core/file-tree.ts';
import { genomesOf } from './ports.ts';
import { alice, run } from './samples.ts';

export type Files = Readonly<Record<string, string | Uint8Array>>;

export function treeOf(files: Files): FileTree {
  return new Map(
    Object.entries(files)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, content]): [string, TreeFile] => [
        path,
        typeof content === 'string' ? textFile(content) : { bytes: content, isExecutable: false },
      ]),
  );
}

export const manifest = (task: readonly string[], meta: readonly string[] = task) =>
  JSON.stringify({ task: { command: task }, meta: { command: meta } });

export interface Validation {
  /** What is wrong, or `null`. */
  readonly complaint: string | null;
  /** Programs that were started, in order, with their orders. */
  readonly checks: readonly { readonly program: string; readonly orders: readonly string[] }[];
  /** What each sandbox held when its checks were over. */
  readonly left: readonly FileTree[];
  readonly opened: number;
  /** The child, as the store has it afterwards. */
  readonly stored: FileTree;
}

/** Validates a child of `parent` for real, in sandboxes of `provider`. */
export async function validate(
  provider: SandboxProvider,
  child: Files,
  options: {
    readonly parent?: Files;
    readonly refuse?: ValidationPorts['refuse'];
    readonly importWallMs?: number;
  } = {},
): Promise<Validation> {
  const { genomes, ids } = await genomesOf(treeOf(options.parent ?? {}), treeOf(child));
  const checks: { program: string; orders: string[] }[] = [];
  const left: FileTree[] = [];
  let opened = 0;
  const sandboxes: SandboxAccess = {
    maxOutputBytes: 1_048_576,
    async open({ gatewaySocket: _, ...request }, signal): Promise<OpenSandbox> {
      opened += 1;
      const limits = { memoryMiB: 512, cpus: 1, pids: 64, diskMiB: 32 };
      const sandbox = await provider.open({ run, ...request, network: null, limits }, signal);
      return {
        id: sandbox.id,
        async exec(argv, execOptions) {
          checks.push({ program: argv[0]!, orders: (execOptions.stdin ?? '').split('\n').slice(1) });
          return await sandbox.exec(argv, execOptions);
        },
        get: (treeLimits) => sandbox.get(treeLimits),
        async [Symbol.asyncDispose]() {
          left.push(await sandbox.get({ maxFiles: 100, maxBytes: 2 ** 24, maxFileBytes: 2 ** 24 }));
          await sandbox[Symbol.asyncDispose]();
        },
      };
    },
  };
  const complaint = await validateGenome(
    { genomes, sandboxes, importWallMs: options.importWallMs ?? 20_000, refuse: options.refuse ?? [] },
    { owner: alice, parent: ids[0]!, child: ids[1]! },
    new AbortController().signal,
  );
  return { complaint, checks, left, opened, stored: await genomes.get(ids[1]!) };
}

/** Parses files for real, one process a language, without importing any. Node says where only for the first one. */
export async function parseAll(provider: SandboxProvider, files: Files): Promise<ReadonlyMap<string, Finding>> {
  const tree = treeOf(files);
  const limits = { memoryMiB: 512, cpus: 1, pids: 64, diskMiB: 32 };
  const { signal } = new AbortController();
  await using sandbox = await provider.open(
    { run, owner: alice, files: tree, mounts: [], network: null, limits },
    signal,
  );
  const found: Finding[] = [];
  const sources = [...tree.keys()].map((path) => ({ path, dialect: dialectOf(path, tree, null) }));
  for (const checker of checkersFor(sources, [])) {
    const stdin = ['token', ...checker.orders.map((order) => order.join('\t'))].join('\n');
    const ended = await sandbox.exec(checker.argv, { signal, timeoutMs: 60_000, maxOutputBytes: 1_048_576, stdin });
    found.push(...readReport(checker, 'token', ended, 60_000));
  }
  return new Map(found.map((finding) => [finding.path, finding]));
}
