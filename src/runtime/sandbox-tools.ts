import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collectTree } from '../../sandboxes/collect-tree.ts';
import { type BuiltImage, buildImage } from '../../sandboxes/docker/image/build-image.ts';
import type { RootfsSource } from '../../sandboxes/docker/image/rootfs-source.ts';
import type { ExecResult } from '../../sandboxes/sandbox.ts';
import { experimentSchema } from '../core/config/experiment-schema.ts';
import { parseLineageId, parseRunId } from '../core/ids.ts';
import { packageRoot } from './experiment-file.ts';
import { openProvider } from './providers.ts';

export interface ImageRequest {
  /** What to make it of. Default: a minimal Debian, made here. */
  readonly source?: RootfsSource;
  readonly tag?: string;
  readonly signal: AbortSignal;
  /** Told what is done next; some steps take a minute. */
  readonly onStep: (what: string) => void;
}

const defaults = experimentSchema.shape.sandbox.parse({});

/**
 * Makes the image that the docker sandbox runs commands in, and tries it.
 * @throws {PrerequisiteMissingError} {@link SandboxUnavailableError}
 */
export async function buildSandboxImage(request: ImageRequest): Promise<BuiltImage> {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return buildImage({ source: { kind: 'debian' }, tag: defaults.image, ...request, version });
}

export interface TrialRequest {
  readonly argv: readonly string[];
  /** A provider's name, a module, or `auto`. */
  readonly provider: string;
  readonly image?: string;
  readonly runtime?: string;
  /** A directory whose files the workspace starts with. Default: none. */
  readonly files?: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface SandboxTrial extends ExecResult {
  readonly provider: string;
}

const wide = { maxFiles: 10_000, maxBytes: 64 * 2 ** 20, maxFileBytes: 64 * 2 ** 20 };

/**
 * Runs one command as a candidate would run, with the limits of an experiment that sets none.
 * @returns what came of it, and where it ran.
 * @throws {SandboxUnavailableError}
 * @throws {GenomeInvalidError} when the files cannot be put into a workspace.
 */
export async function tryInSandbox(request: TrialRequest): Promise<SandboxTrial> {
  const { image = defaults.image, runtime, signal } = request;
  await using provider = await openProvider(request.provider, { image, runtime }, process.cwd());
  const { memoryMiB, cpus, pids, diskMiB, maxOutputBytes } = defaults;
  const spec = {
    run: parseRunId('trial'),
    owner: parseLineageId('trial'),
    files: request.files === undefined ? new Map() : collectTree(request.files, new Set(), wide),
    mounts: [],
    network: null,
    limits: { memoryMiB, cpus, pids, diskMiB },
  };
  await using sandbox = await provider.open(spec, signal);
  const end = await sandbox.exec(request.argv, { signal, timeoutMs: request.timeoutMs, maxOutputBytes });
  return { ...end, provider: provider.name };
}
