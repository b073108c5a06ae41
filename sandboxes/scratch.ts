import { chmodSync, lstatSync, mkdirSync, readdirSync, readlinkSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SandboxUnavailableError } from '../src/core/errors.ts';
import type { RunId } from '../src/core/ids.ts';
import { removeTree } from './place-tree.ts';
import { startTokenOf } from './process-identity.ts';
import type { ReapOptions } from './sandbox.ts';

/**
 * Names that say who made a thing: `<run>.<pid>.<start of that process>.<n>`,
 * and in Linux the process namespace that the number belongs to. A run id
 * holds no dot, so the name reads back without doubt.
 */
let made = 0;
let ownStart: string | null = null;

export function labelFor(run: RunId): string {
  ownStart ??= startTokenOf(process.pid) ?? '0';
  made += 1;
  return [run, process.pid, ownStart, made, ...namespaceOfPids()].join('.');
}

let namespaceCache: readonly string[] | null = null;

/** Its number; nothing where there are no process namespaces. */
function namespaceOfPids(): readonly string[] {
  namespaceCache ??= process.platform !== 'linux' ? [] : (/\d+/.exec(readlinkSync('/proc/self/ns/pid')) ?? []);
  return namespaceCache;
}

/**
 * Whether a thing with this name belongs to `run` and its maker is no longer
 * alive. Of a maker in another process namespace (in a container that shares
 * the engine or the directory) that cannot be told, so it counts as alive.
 */
export function isLeftover(label: string, run: RunId | 'all'): boolean {
  const parts = /^([a-z0-9-]+)\.(\d+)\.([a-z0-9]+)\.\d+(?:\.(\d+))?$/.exec(label);
  if (parts === null) return false;
  if (parts[4] !== undefined && parts[4] !== namespaceOfPids()[0]) return false;
  if (run !== 'all' && parts[1] !== run) return false;
  return startTokenOf(Number(parts[2])) !== parts[3];
}

/**
 * The directory that scratch directories are made in, private to this user.
 * @throws {SandboxUnavailableError} when somebody else owns it or it is a link.
 */
export function scratchRoot(configured: string | undefined, provider: string): string {
  const uid = process.getuid?.() ?? 0;
  const root = join(configured ?? join(tmpdir(), `galapagos-${uid}`), provider);
  for (const path of configured === undefined ? [join(root, '..'), root] : [root]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const info = lstatSync(path);
    if (!info.isDirectory() || (process.getuid !== undefined && info.uid !== uid)) {
      throw new SandboxUnavailableError(`the scratch directory ${path} belongs to somebody else`);
    }
    chmodSync(path, 0o700);
  }
  return root;
}

export function makeScratch(root: string, label: string): string {
  const path = join(root, label);
  mkdirSync(path, { mode: 0o700 });
  return path;
}

/** What an ordinary user may still write on the file system of `path`. */
export function freeDiskMiB(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return Math.floor((bavail * bsize) / 2 ** 20);
}

/** Removes scratch directories whose maker is dead. @returns how many. */
export function reapScratch(root: string, run: RunId | 'all', { dryRun = false }: ReapOptions = {}): number {
  const dead = readdirSync(root).filter((label) => isLeftover(label, run));
  if (!dryRun) for (const label of dead) removeTree(join(root, label));
  return dead.length;
}
