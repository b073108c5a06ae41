import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deadline, raceAbort } from '../core/abort.ts';
import { PrerequisiteMissingError } from '../core/errors.ts';
import { within } from './tally.ts';

/** A bare name is looked up on PATH by the system. */
const usualPlaces = [
  'nats-server',
  '/usr/local/bin/nats-server',
  '/usr/bin/nats-server',
  '/usr/sbin/nats-server',
  '/usr/local/sbin/nats-server',
  '/opt/homebrew/bin/nats-server',
];

/**
 * Finds a NATS server: `binary` if given, else on PATH, else where systems usually put it.
 * @returns what to run, or `null` when there is none.
 */
export async function findNatsServer(binary?: string): Promise<string | null> {
  for (const place of binary === undefined ? usualPlaces : [binary]) {
    try {
      await promisify(execFile)(place, ['--version'], { timeout: 5_000 });
      return place;
    } catch {
      // Not there, or not a program: the next place.
    }
  }
  return null;
}

export interface NatsServer {
  /** `nats://127.0.0.1:<port>`; the same after a restart. */
  readonly url: string;
  /** Ends the server in order. Idempotent. */
  stop(): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same port and store, after `stop` or `kill` or from running. */
  restart(): Promise<void>;
}

export interface NatsServerOptions {
  readonly binary?: string | undefined;
  /** Where JetStream keeps its files; made if missing. */
  readonly storeDir: string;
  /** Default: any free port. */
  readonly port?: number;
  /** More configuration, such as that of `natsAuthorization`. Kept in the store's folder, for its owner's eyes. */
  readonly config?: string;
}

const startMs = 10_000;
const stopMs = 5_000;

/**
 * Starts a NATS server with JetStream, bound to 127.0.0.1. It ends with this process.
 * @throws {PrerequisiteMissingError} when there is no binary, or it does not start; the message says what to do.
 */
export async function spawnNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const binary = await findNatsServer(options.binary);
  if (binary === null) {
    throw new PrerequisiteMissingError(
      `no NATS server found${options.binary === undefined ? '' : ` at ${options.binary}`}: install nats-server (https://nats.io/download) or name its binary`,
    );
  }
  await mkdir(options.storeDir, { recursive: true });
  const configured = options.config === undefined ? [] : ['-c', join(options.storeDir, 'nats-server.conf')];
  if (options.config !== undefined) await writeFile(configured[1]!, options.config, { mode: 0o600 });
  let child = await start(binary, options.storeDir, options.port ?? -1, configured);
  const { port } = child;
  const stop = () => end(child.process, 'SIGTERM');
  return {
    url: `nats://127.0.0.1:${port}`,
    stop,
    kill: () => end(child.process, 'SIGKILL'),
    async restart() {
      await stop();
      child = await start(binary, options.storeDir, port, configured);
    },
  };
}

interface Running {
  readonly process: ChildProcess;
  readonly port: number;
}

async function start(binary: string, storeDir: string, port: number, configured: readonly string[]): Promise<Running> {
  const address = ['-a', '127.0.0.1', '-p', String(port), '--ports_file_dir', storeDir];
  const child = spawn(binary, [...address, '-js', '-sd', storeDir, ...configured], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // A process group of its own: Ctrl-C is for us, the server is needed until the run is put down.
    detached: true,
  });
  const endWithUs = () => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  child.once('exit', () => process.off('exit', endWithUs));
  let said = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-2_000);
  });
  const stopped = new AbortController();
  child.once('error', () => stopped.abort());
  child.once('exit', () => stopped.abort());
  try {
    return { process: child, port: await readPort(storeDir, child.pid ?? 0, stopped.signal) };
  } catch (cause) {
    child.kill('SIGKILL');
    throw new PrerequisiteMissingError(`${binary} did not start: ${said.trim()}`, { cause });
  }
}

/** The server writes a file with its port once it listens. */
async function readPort(folder: string, pid: number, stopped: AbortSignal): Promise<number> {
  const path = join(folder, `nats-server_${pid}.ports`);
  let found: (port: number) => void = () => {};
  const port = new Promise<number>((resolve) => {
    found = resolve;
  });
  const look = async () => {
    const text = await readFile(path, 'utf8').catch(() => '');
    const digits = /:(\d+)"/.exec(text)?.[1];
    if (digits !== undefined) found(Number(digits));
  };
  const watcher = watch(folder, () => void look());
  try {
    using limit = deadline(stopped, startMs);
    void look();
    return await raceAbort(port, limit.signal);
  } finally {
    watcher.close();
    await rm(path, { force: true });
  }
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  if (await within(exited, stopMs)) return;
  child.kill('SIGKILL');
  await exited;
}
