import { spawn } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  createReadStream,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type Docker from 'dockerode';
import type { Cleanup } from '../../../src/core/cleanup.ts';
import { PrerequisiteMissingError } from '../../../src/core/errors.ts';
import { removeTree } from '../../place-tree.ts';
import { ask } from '../engine.ts';

/** Where the root file system of an image comes from. */
export type RootfsSource =
  | { readonly kind: 'debian' }
  /** A directory, or a tar archive, gzipped or not. */
  | { readonly kind: 'rootfs'; readonly path: string }
  /** An image that the engine has. */
  | { readonly kind: 'image'; readonly name: string };

/** A root file system that can be read as a tar archive, more than once. */
export interface Rootfs {
  /** What it is, for the image's label. */
  readonly name: string;
  /** Where its programs are looked for, when it says. */
  readonly path: string | null;
  read(): Promise<Readable>;
}

export interface SourceContext {
  readonly engine: Docker;
  /** Takes what has to be removed at the end. */
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
  readonly onStep: (what: string) => void;
}

/** @throws {PrerequisiteMissingError} saying what is missing and what to do. */
export async function openRootfs(source: RootfsSource, context: SourceContext): Promise<Rootfs> {
  if (source.kind === 'image') return imageRootfs(source.name, context);
  if (source.kind === 'debian') {
    const { directory, suite } = await bootstrap(context);
    return { name: suite, path: null, read: async () => packDirectory(directory, context.signal) };
  }
  const info = statSync(source.path, { throwIfNoEntry: false });
  if (info === undefined) throw new PrerequisiteMissingError(`there is no file or directory ${source.path}`);
  const read = async () => (info.isDirectory() ? packDirectory(source.path, context.signal) : readArchive(source.path));
  return { name: source.path, path: null, read };
}

async function imageRootfs(name: string, { engine, cleanup }: SourceContext): Promise<Rootfs> {
  const missing = `the engine has no image ${name}; docker pull ${name} fetches it`;
  const image = await ask(
    `the image ${name} could not be looked at`,
    engine.getImage(name).inspect().catch(nothingAt404),
  );
  if (image === null) throw new PrerequisiteMissingError(missing);
  const container = await ask(
    `the image ${name} could not be read`,
    engine.createContainer({ Image: name, Cmd: ['-'], Entrypoint: [], NetworkDisabled: true }),
  );
  cleanup.defer(async () => {
    await container.remove({ force: true });
  });
  const path = image.Config.Env?.find((setting) => setting.startsWith('PATH='))?.slice('PATH='.length) ?? null;
  const read = async () => (await ask(`the image ${name} could not be read`, container.export())) as Readable;
  return { name: `${name} ${image.Id}`, path, read };
}

function nothingAt404(error: { statusCode?: number }): null {
  if (error.statusCode === 404) return null;
  throw error;
}

/** Makes a minimal Debian, or what the host itself is of that family, with Python. */
async function bootstrap({ cleanup, signal, onStep }: SourceContext) {
  const otherwise =
    'or make the image of another one: galapagos sandbox build --from <image>, or --rootfs <directory or tar>';
  const fail = (why: string): never => {
    throw new PrerequisiteMissingError(`${why}, ${otherwise}`);
  };
  if (process.platform !== 'linux') fail('a Debian can be made on Linux only; do it there');
  if (process.getuid?.() !== 0) fail('making a Debian needs root: use sudo');
  for (const tool of ['debootstrap', 'unshare']) {
    if (!isInstalled(tool)) fail(`${tool} is not installed: apt-get install debootstrap util-linux`);
  }
  const suite = hostSuite();
  const directory = mkdtempSync(join(tmpdir(), 'galapagos-rootfs-'));
  cleanup.defer(() => removeTree(directory));
  onStep(`making a minimal Debian (${suite}) with debootstrap`);
  // In a mount namespace of its own: what it mounts below the directory is gone however it ends.
  const command = ['--mount', 'debootstrap', '--variant=minbase', '--include=python3', suite, directory];
  await runTool('unshare', command, signal);
  return { directory, suite };
}

/** The host's own release where debootstrap knows it: its libraries are the ones the runtime's Node runs with. */
function hostSuite(): string {
  const release = readFileSync('/etc/os-release', 'utf8');
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1];
  return /^ID=(debian|ubuntu)$/m.test(release) && codename !== undefined ? codename : 'stable';
}

const searchPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

function isInstalled(tool: string): boolean {
  return searchPath.some((directory) => {
    try {
      accessSync(join(directory, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const toolEnv = { PATH: searchPath.join(delimiter), LANG: 'C' };

function runTool(file: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env: toolEnv, stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
    let said = '';
    const listen = (chunk: Buffer) => {
      said = (said + chunk).slice(-2_000);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('error', reject);
    child.once('close', (code) => {
      const why = said.trim().split('\n').slice(-4).join('\n');
      if (code === 0) resolve();
      else reject(new PrerequisiteMissingError(`${args.find((arg) => !arg.startsWith('-')) ?? file} failed: ${why}`));
    });
  });
}

function packDirectory(directory: string, signal: AbortSignal): Readable {
  const args = ['-C', directory, '--numeric-owner', '--one-file-system', '-cf', '-', '.'];
  const child = spawn('tar', args, { env: toolEnv, stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk).slice(0, 1_000);
  });
  child.once('error', (error) => child.stdout.destroy(error));
  child.once('close', (code) => {
    if (code !== 0)
      child.stdout.destroy(new PrerequisiteMissingError(`${directory} cannot be read: ${complaint.trim()}`));
  });
  return child.stdout;
}

function readArchive(path: string): Readable {
  const start = Buffer.alloc(2);
  const fd = openSync(path, 'r');
  readSync(fd, start, 0, 2, 0);
  closeSync(fd);
  const file = createReadStream(path);
  if (start.toString('latin1') !== '\x1f\x8b') return file;
  const gunzip = createGunzip();
  file.once('error', (error) => gunzip.destroy(error));
  return file.pipe(gunzip);
}
