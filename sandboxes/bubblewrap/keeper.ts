import type { ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { describeError, SandboxUnavailableError } from '../../src/core/errors.ts';
import type { RunId } from '../../src/core/ids.ts';
import { spawnAlone } from '../inherited-descriptors.ts';
import { kill, readOrEmpty } from '../process-tree.ts';
import type { ReapOptions } from '../sandbox.ts';
import { isLeftover } from '../scratch.ts';
import { helperEnv } from './host-tools.ts';

/** A trusted process of bubblewrap that keeps namespaces alive, and dies with the runtime. */
export interface Keeper {
  /** Its process number on the host, as long as `isAlive`. */
  readonly pid: number;
  isAlive(): boolean;
  /** Resolves when it is dead, and with it everything in a process namespace of its own. */
  kill(): Promise<void>;
}

/**
 * @param argv - A command that starts bubblewrap, which describes itself on descriptor 3; the program in it
 *   prints something when it is ready and sleeps until its input closes. One of the words is `<scratch>/<label of the maker>`.
 * @throws {SandboxUnavailableError} with what the tools said.
 */
export async function startKeeper(argv: readonly string[]): Promise<Keeper> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await tryToStart(argv);
    } catch (error) {
      if (tries >= mostTries || !lostAMount.test(describeError(error))) throw error;
    }
  }
}

/** bubblewrap visits every mount of the host and fails when one goes meanwhile, such as that of a container. */
const lostAMount = /Unable to apply mount flags/;
const mostTries = 10;

async function tryToStart(argv: readonly string[]): Promise<Keeper> {
  const child = spawnAlone(argv[0]!, argv.slice(1), { env: helperEnv, pipes: 4 });
  const dead = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const pid = await announced(child);
  letGo(child);
  const isAlive = () => child.exitCode === null && child.signalCode === null;
  const end = async () => {
    // While bubblewrap is not reaped, its child's number cannot belong to anybody else. Process 1
    // becomes a zombie only after everything in its namespace is dead, and bubblewrap exits after that.
    if (isAlive()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        child.kill('SIGKILL');
      }
    }
    // Somebody waits for this now, so it must keep the process going.
    if (isAlive()) child.ref();
    await dead;
    for (const stream of child.stdio) stream?.destroy();
  };
  return { pid, isAlive, kill: end };
}

/** Opening takes 20 ms; a machine that needs this long has other problems. */
const patienceMs = 20_000;

function announced(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let info = '';
    let complaint = '';
    let isReady = false;
    const look = () => {
      const pid = /"child-pid": (\d+)/.exec(info)?.[1];
      if (!isReady || pid === undefined) return;
      clearTimeout(timer);
      resolve(Number(pid));
    };
    const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    const fail = (cause?: unknown) => {
      clearTimeout(timer);
      reject(
        new SandboxUnavailableError(`bubblewrap could not start: ${complaint.trim() || 'no reason given'}`, { cause }),
      );
    };
    child.once('error', fail);
    child.once('close', () => fail());
    child.stdin!.on('error', () => {});
    child.stderr!.on('data', (chunk: Buffer) => (complaint = (complaint + chunk).slice(0, 2_000)));
    child.stdout!.on('data', () => {
      isReady = true;
      look();
    });
    (child.stdio[3] as Readable).on('data', (chunk: Buffer) => {
      info += chunk;
      look();
    });
  });
}

/**
 * Kills what is left of keepers whose maker is dead. They die with their maker, except for the half of one
 * that was being made just then. @returns how many.
 * @param scratch - Where their makers kept their things: a path in it with the maker's label is a word of theirs.
 */
export function reapKeepers(
  bwrap: string,
  scratch: string,
  run: RunId | 'all',
  { dryRun = false }: ReapOptions = {},
): number {
  const dead = readdirSync('/proc').filter((pid) => {
    const [file, ...words] = readOrEmpty(`/proc/${pid}/cmdline`).split('\0');
    return file === bwrap && words.some((word) => word.startsWith(`${scratch}/`) && isLeftover(basename(word), run));
  });
  if (!dryRun) kill(dead);
  return dead.length;
}

/** A forgotten sandbox must not keep the runtime from ending; its processes die with the runtime. */
export function letGo(child: ChildProcess): void {
  child.unref();
  for (const stream of child.stdio) (stream as { unref?: () => void } | null)?.unref?.();
}

/** Somebody waits for it now. */
export function takeBack(child: ChildProcess): void {
  child.ref();
  for (const stream of child.stdio) (stream as { ref?: () => void } | null)?.ref?.();
}
