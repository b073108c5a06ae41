import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { Cleanup } from '../../../src/core/cleanup.ts';
import { monotonicMs } from '../../../src/core/clock.ts';
import {
  describeError,
  PrerequisiteMissingError,
  RunCancelledError,
  SandboxUnavailableError,
} from '../../../src/core/errors.ts';
import { ask, type EngineHost, engineAt, refusalOf } from '../engine.ts';
import { layoutLabel, layoutVersion } from '../image-layout.ts';
import { checkImage, type ProgramVersions } from './check-image.ts';
import { rewriteRootfs } from './rewrite-rootfs.ts';
import { openRootfs, type Rootfs, type RootfsSource } from './rootfs-source.ts';

export interface BuildOptions {
  readonly source: RootfsSource;
  /** `name` or `name:tag`. An image that has it keeps it until the new one has been tried. */
  readonly tag: string;
  /** Of this program, for the image's label. */
  readonly version: string;
  readonly host?: EngineHost;
  readonly signal: AbortSignal;
  readonly onStep: (what: string) => void;
}

export interface BuiltImage {
  readonly tag: string;
  readonly id: string;
  readonly madeFrom: string;
  /** Whether the Node inside is the one that this process runs on. */
  readonly hasOwnNode: boolean;
  readonly versions: ProgramVersions;
  readonly bytes: number;
  readonly wallMs: number;
}

/**
 * Makes the image that the docker provider runs commands in, and tries it.
 * @throws {PrerequisiteMissingError} when something that it is made with or of is missing; nothing is left behind.
 * @throws {SandboxUnavailableError} when the engine fails.
 */
export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  const startedMs = monotonicMs();
  const cleanup = new Cleanup();
  try {
    const engine = await engineAt(options.host);
    await ask('an image cannot be made', engine.ping());
    const rootfs = await openRootfs(options.source, { engine, cleanup, ...options });
    const { id, hasOwnNode, versions } = await makeWorking(engine, rootfs, options);
    const { repo, tag } = partsOf(options.tag);
    await ask('the image could not be named', engine.getImage(id).tag({ repo, tag }));
    const { Size } = await ask('the image could not be looked at', engine.getImage(id).inspect());
    const wallMs = monotonicMs() - startedMs;
    return { tag: options.tag, id, madeFrom: rootfs.name, hasOwnNode, versions, bytes: Size, wallMs };
  } catch (error) {
    if (options.signal.aborted) throw new RunCancelledError('making the image was stopped', { cause: error });
    throw error;
  } finally {
    await cleanup[Symbol.asyncDispose]();
  }
}

/** With the runtime's own Node where it runs there, so that results are those of the other sandboxes; else with the image's. */
async function makeWorking(engine: Docker, rootfs: Rootfs, options: BuildOptions) {
  const refusals: string[] = [];
  for (const nodePath of process.platform === 'linux' ? [process.execPath, null] : [null]) {
    options.onStep(
      nodePath === null ? "importing it with the system's own Node" : 'importing it with Node of this host',
    );
    const id = await importImage(engine, rootfs, nodePath, options);
    options.onStep('trying it');
    try {
      return { id, hasOwnNode: nodePath !== null, versions: await checkImage(id, options) };
    } catch (error) {
      await engine
        .getImage(id)
        .remove({ force: true })
        .catch(() => {});
      if (!(error instanceof PrerequisiteMissingError) || error.details.program !== 'node') throw error;
      refusals.push(`${nodePath === null ? 'with its own Node' : `with ${nodePath}`}: ${describeError(error)}`);
    }
  }
  throw new PrerequisiteMissingError(`${rootfs.name} cannot be made into a sandbox\n${refusals.join('\n')}`);
}

/** @returns the image's id; it has no name yet. */
async function importImage(
  engine: Docker,
  rootfs: Rootfs,
  nodePath: string | null,
  { source, version, signal }: BuildOptions,
): Promise<string> {
  const input = await rootfs.read();
  const archive = await rewriteRootfs(input, { nodePath, isSlim: source.kind === 'debian' });
  const stop = () => archive.destroy(new Error('stopped'));
  signal.addEventListener('abort', stop, { once: true });
  const labels = { [layoutLabel]: layoutVersion, 'galapagos.version': version, 'galapagos.from': rootfs.name };
  const changes = [
    ...Object.entries(labels).map(([name, value]) => `LABEL ${name}=${quoted(value)}`),
    ...(rootfs.path === null ? [] : [`ENV PATH=${quoted(rootfs.path)}`]),
  ];
  try {
    const failed = new Promise<never>((_resolve, reject) => archive.once('error', reject));
    const answer = engine.importImage(archive, { changes }).then((stream) => idIn(stream as Readable));
    return await Promise.race([answer, failed]);
  } catch (error) {
    if (error instanceof PrerequisiteMissingError) throw error;
    throw new SandboxUnavailableError(`the image could not be imported: ${refusalOf(error).why}`, { cause: error });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** As in a Dockerfile, where a dollar sign would name a variable. */
function quoted(value: string): string {
  return JSON.stringify(value).replaceAll('$', '\\$');
}

async function idIn(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  const id = /"status":"(sha256:[0-9a-f]{64})"/.exec(text)?.[1];
  if (id === undefined) throw new Error(/"error":"([^"]*)"/.exec(text)?.[1] ?? text.trim().slice(-500));
  return id;
}

function partsOf(name: string): { repo: string; tag: string } {
  const at = name.lastIndexOf(':');
  return at > name.lastIndexOf('/')
    ? { repo: name.slice(0, at), tag: name.slice(at + 1) }
    : { repo: name, tag: 'latest' };
}
