import { PrerequisiteMissingError } from '../../../src/core/errors.ts';
import { textFile, textOf } from '../../../src/core/file-tree.ts';
import { parseLineageId, parseRunId } from '../../../src/core/ids.ts';
import type { ExecResult } from '../../sandbox.ts';
import { createDockerProvider } from '../create-docker-provider.ts';
import type { EngineHost } from '../engine.ts';

export interface ProgramVersions {
  readonly node: string;
  /** `null` where there is none: genomes in Python cannot run. */
  readonly python3: string | null;
  readonly tar: string;
}

export interface CheckOptions {
  readonly host?: EngineHost;
  readonly signal: AbortSignal;
}

const limits = { memoryMiB: 256, cpus: 1, pids: 64, diskMiB: 8 };
/** Names that a poor tar would spoil. */
const odd = [`${'long/'.repeat(30)}name`, 'ünï code', '-dash'];

/**
 * Opens a sandbox of an image and does in it what a run will do.
 * @throws {PrerequisiteMissingError} saying what the image lacks; `details.program` is `node` when it is that.
 */
export async function checkImage(image: string, { host, signal }: CheckOptions): Promise<ProgramVersions> {
  await using provider = createDockerProvider({ image, ...(host === undefined ? {} : { host }) });
  const files = new Map(odd.map((path) => [path, textFile(path, path === '-dash')]));
  const spec = { run: parseRunId('image-check'), owner: parseLineageId('a'), mounts: [], network: null, limits };
  await using sandbox = await provider.open({ ...spec, files }, signal);
  const run = (argv: readonly string[]) =>
    sandbox.exec(argv, { signal, timeoutMs: 30_000, maxOutputBytes: 4_096, stdin: 'input' });
  const read = await run(['cat', odd[1]!, '-']).catch((cause: unknown) => {
    throw new PrerequisiteMissingError('the image lacks sh, env, dd and tar that work together', { cause });
  });
  if (read.stdout !== `${odd[1]}input`) throw lacks('sh, env, dd, tar and cat that work together', read);
  const node = await run(['node', '-p', 'process.version']);
  if (node.exitCode !== 0) throw lacks('a Node that runs there', node, { program: 'node' });
  const tree = await sandbox.get({ maxFiles: 100, maxBytes: 10_000, maxFileBytes: 10_000 }).catch((cause: unknown) => {
    throw new PrerequisiteMissingError('the image lacks a find and a tar that work together', { cause });
  });
  const isIntact = odd.every((path) => textOf(tree.get(path)?.bytes ?? new Uint8Array([0])) === path);
  if (!isIntact || tree.size !== odd.length) throw new PrerequisiteMissingError('the tar of the image spoils names');
  const python = await run(['python3', '--version']);
  const tar = await run(['tar', '--version']);
  return {
    node: node.stdout.trim(),
    python3: python.exitCode === 0 ? python.stdout.trim().replace(/^Python /, '') : null,
    tar: `${tar.stdout}${tar.stderr}`.trim().split('\n')[0]!,
  };
}

function lacks(what: string, { stdout, stderr, exitCode, signal }: ExecResult, details = {}): PrerequisiteMissingError {
  const said = `${stdout}${stderr}`.trim().slice(0, 500);
  return new PrerequisiteMissingError(`the image lacks ${what} (${said || `exit ${exitCode ?? signal}`})`, { details });
}
