import { chmodSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SandboxUnavailableError } from '../src/core/errors.ts';
import type { RunId } from '../src/core/ids.ts';
import { removeTree } from './place-tree.ts';
import { startTokenOf } from './process-identity.ts';

/**
 * Names that say who made a thing: `<run>.<pid>.<start of that process>.<n>`.
 * A run id holds no dot, so the name reads back without doubt.
 */
let made = 0;
let ownStart: string | null = null;

export function labelFor(run: RunId): string {
  ownStart ??= startTokenOf(process.pid) ?? '0';
  made += 1;
  return `${run}.${process.pid}.${ownStart}.${made}`;
}

/** Whether a thing with this name belongs to `run` and its maker is no longer alive. */
export function isLeftover(label: string, run: RunId | 'all'): boolean {
  const parts = /^([a-z0-9-]+)\.(\d+)\.([a-z0-9]+)\.(\d+)$/.exec(label);
  if (parts === null) return false;
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

/** Removes scratch directories whose maker is dead. @returns how many. */
export function reapScratch(root: string, run: RunId | 'all'): number {
  const dead = readdirSync(root).filter((label) => isLeftover(label, run));
  for (const label of dead) removeTree(join(root, label));
  return dead.length;
}
