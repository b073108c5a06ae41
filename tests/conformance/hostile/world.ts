import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecOptions, ExecResult, Sandbox, SandboxProvider, SandboxSpec } from '../../../sandboxes/sandbox.ts';
import { Cleanup } from '../../../src/core/cleanup.ts';
import { hostilePrograms, never, run, sandboxSpec, wideLimits } from '../sandbox-setting.ts';

/** The sandbox lacks what the program is written in, or the host what it attacks. */
export class NotMeasuredError extends Error {}

/** A host to attack, and the sandboxes to attack it from. Gone with everything in it after one case. */
export interface World extends AsyncDisposable {
  readonly provider: SandboxProvider;
  readonly cleanup: Cleanup;
  /** A directory of the host that is given to no sandbox; its file `secret` holds `secret`. */
  readonly outside: string;
  readonly secret: string;
  /** A text that no other process of this host has in its arguments, as a number of seconds. */
  readonly mark: string;
  /** A sandbox with every hostile program in its workspace. */
  open(change?: Partial<SandboxSpec>): Promise<Sandbox>;
  /** A process of the host, with `secret` in its environment and its arguments. */
  startVictim(): ChildProcess;
}

export async function createWorld(provider: SandboxProvider): Promise<World> {
  const cleanup = new Cleanup();
  const outside = realpathSync(mkdtempSync(join(tmpdir(), 'gal-hostile-')));
  cleanup.defer(() => rmSync(outside, { recursive: true, force: true }));
  const secret = `secret-${randomBytes(8).toString('hex')}`;
  writeFileSync(join(outside, 'secret'), secret);
  return {
    ...{ provider, cleanup, outside, secret },
    mark: `30.${randomBytes(6).readUIntBE(0, 6)}`,
    open: async (change = {}) =>
      cleanup.use(await provider.open(sandboxSpec({ files: hostilePrograms, ...change }), never)),
    startVictim() {
      const env = { PATH: '/usr/bin:/bin', SECRET: secret };
      const victim = spawn('sh', ['-c', 'sleep 60 & wait', secret], { env, stdio: 'ignore', detached: true });
      cleanup.defer(() => void (victim.pid !== undefined && process.kill(-victim.pid, 'SIGKILL')));
      return victim;
    },
    [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
  };
}

/** What a program that makes many attempts says about them. */
export interface Attempts {
  /** By name: what the attempt gave. */
  readonly got: Readonly<Record<string, unknown>>;
  /** By name: the error that refused it. */
  readonly refused: Readonly<Record<string, string>>;
}

/** Runs a program of many attempts. */
export async function attempts(
  sandbox: Sandbox,
  argv: readonly string[],
  options: Partial<ExecOptions> = {},
): Promise<Attempts> {
  return attemptsOf(argv, await python(sandbox, argv, options));
}

export function attemptsOf(argv: readonly string[], end: ExecResult): Attempts {
  try {
    return JSON.parse(end.stdout.trim().split('\n').at(-1)!) as Attempts;
  } catch {
    throw new Error(`${argv.join(' ').slice(0, 200)} ended by ${end.stoppedBy} and said nothing: ${end.stderr}`);
  }
}

/**
 * Runs a program whose first word may be `python3`.
 * @throws {NotMeasuredError} when the sandbox has no such interpreter.
 */
export async function python(
  sandbox: Sandbox,
  argv: readonly string[],
  options: Partial<ExecOptions> = {},
): Promise<ExecResult> {
  const end = await run(sandbox, argv, options);
  if (end.exitCode === 127 && argv[0] === 'python3') throw new NotMeasuredError('there is no python3 inside');
  return end;
}

/** The errors that refused, each once, or `nothing` where every attempt worked. */
export function refusals({ refused }: Attempts): string {
  return [...new Set(Object.values(refused))].sort().join(', ') || 'nothing';
}

/** What worked, in few words. */
export function gains({ got }: Attempts): string {
  const names = Object.keys(got);
  return names.length <= 3 ? names.join('; ') : `${names.slice(0, 3).join('; ')} and ${names.length - 3} more`;
}

/** The usual finding: contained when no attempt gave anything. */
export function nothingGained(all: Attempts): { isContained: boolean; reason: string } {
  const isContained = Object.keys(all.got).length === 0;
  return { isContained, reason: isContained ? refusals(all) : gains(all) };
}

/** Numbers of the host's processes whose arguments hold `text`; none where the host shows no processes. */
export function processesNaming(text: string): string[] {
  return processes().filter((pid) => Number(pid) !== process.pid && fileOf(pid, 'cmdline').includes(text));
}

export function processes(): string[] {
  return process.platform === 'linux' ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : [];
}

/** A file of a process, empty when it has ended. */
export function fileOf(pid: string | number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Whether something goes on adding to the file `beat`, seen as files come out of a sandbox. */
export async function isBeating(sandbox: Sandbox): Promise<boolean> {
  const beats = async () => (await sandbox.get(wideLimits)).get('beat')?.bytes.length ?? 0;
  const before = await beats();
  await pause(150);
  return (await beats()) !== before;
}

/** Calls `look` every few milliseconds until `work` is done. */
export async function whileWatching<T>(work: Promise<T>, look: () => void, everyMs = 10): Promise<T> {
  const timer = setInterval(look, everyMs);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
