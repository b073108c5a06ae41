import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecOptions, ExecResult, Sandbox, SandboxSpec } from '../../sandboxes/sandbox.ts';
import { type FileTree, type TreeLimits, textFile } from '../../src/core/file-tree.ts';
import { parseLineageId, parseRunId } from '../../src/core/ids.ts';

const programs = fileURLToPath(new URL('../fixtures/programs/', import.meta.url));
/** Every hostile program, as files of a workspace. */
export const hostilePrograms: FileTree = new Map(
  readdirSync(programs, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => [name, textFile(readFileSync(join(programs, name), 'utf8'))] as const),
);

export const wideLimits: TreeLimits = { maxFiles: 1_000, maxBytes: 16 * 2 ** 20, maxFileBytes: 4 * 2 ** 20 };
export const usualLimits = { memoryMiB: 192, cpus: 2, pids: 64, diskMiB: 16 };

export function sandboxSpec(change: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    run: parseRunId('suite'),
    owner: parseLineageId('a'),
    files: new Map(),
    mounts: [],
    network: null,
    limits: usualLimits,
    ...change,
  };
}

export const never: AbortSignal = new AbortController().signal;

export function run(sandbox: Sandbox, argv: readonly string[], change: Partial<ExecOptions> = {}): Promise<ExecResult> {
  return sandbox.exec(argv, { signal: never, timeoutMs: 10_000, maxOutputBytes: 65_536, ...change });
}
