import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import {
  type GalapagosError,
  LineageCorruptError,
  PrerequisiteMissingError,
  StorageFailedError,
} from '../core/errors.ts';

/**
 * Runs git as if nobody had ever configured it: no user or system settings,
 * hooks or templates, and no GIT_* variable that could lead to another
 * repository. `env -i` is the only way to be sure of the last; the shell is
 * there to keep PATH, and both are replaced by git itself.
 */
const launcher =
  'exec env -i PATH="$PATH" LC_ALL=C GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0 git "$@"';

const settings = ['core.hooksPath=/dev/null', 'safe.directory=*', 'gc.auto=0', 'maintenance.auto=false'];

export type GitProcess = ChildProcessByStdio<Writable, Readable, Readable>;

export function spawnGit(cwd: string, args: readonly string[]): GitProcess {
  const configured = settings.flatMap((setting) => ['-c', setting]);
  return spawn('/bin/sh', ['-c', launcher, 'git', ...configured, ...args], {
    cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C in a terminal is for the run, which then stops when it is safe.
    detached: true,
  });
}

export interface GitRun {
  readonly cwd: string;
  readonly args: readonly string[];
  readonly input?: string | Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One git command, to its end.
 * @returns its whole standard output.
 * @throws {PrerequisiteMissingError} git is not installed.
 * @throws {StorageFailedError} the disk is full, read-only or forbidden.
 * @throws {LineageCorruptError} git refused for any other reason.
 */
export function runGit({ cwd, args, input = '', signal }: GitRun): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const child = spawnGit(cwd, args);
    const out: Buffer[] = [];
    const err = tailOf(child.stderr);
    const stop = () => child.kill('SIGKILL');
    signal?.addEventListener('abort', stop, { once: true });
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stdin.on('error', () => {}); // the exit status says why nobody reads
    child.on('error', (cause) => reject(new PrerequisiteMissingError('cannot start git: /bin/sh failed', { cause })));
    child.on('close', (code, killedBy) => {
      signal?.removeEventListener('abort', stop);
      if (signal?.aborted === true) reject(signal.reason);
      else if (code === 0) resolve(Buffer.concat(out));
      else reject(gitFailure(`git ${args[0]}`, code ?? killedBy, err()));
    });
    child.stdin.end(input);
  });
}

/** What a git process that ended badly means, in the words of this project. */
export function gitFailure(what: string, status: number | NodeJS.Signals | null, stderr: string): GalapagosError {
  if (status === 127) return new PrerequisiteMissingError(`git is not installed; ${minimumGit}`);
  const message = `${what} ended with ${status}: ${stderr.trim() || 'no message'}`;
  const isStorage = /No space left|Disk quota|Read-only file system|Permission denied|File too large|write error/i;
  // A signal comes from outside: the out-of-memory killer, a file size limit, an operator.
  if (typeof status === 'string' || isStorage.test(stderr)) return new StorageFailedError(message);
  return new LineageCorruptError(message);
}

/** The last 4 KiB of a stream as text, whenever asked. */
export function tailOf(stream: Readable): () => string {
  let tail = '';
  stream.on('data', (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-4_096);
  });
  return () => tail;
}

const minimumGit = 'install git 2.32 or newer (Debian: apt-get install git, macOS: xcode-select --install)';

/** @throws {PrerequisiteMissingError} naming the version found and the one needed. */
export function requireGitVersion(text: string): void {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(text) ?? [];
  // 2.32 brought GIT_CONFIG_GLOBAL, without which a user's settings would change the hashes.
  if (Number(major) * 1_000 + Number(minor) >= 2_032) return;
  throw new PrerequisiteMissingError(`${text.trim()} is too old; ${minimumGit}`);
}
