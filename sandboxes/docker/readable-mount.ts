import { chmodSync, cpSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ReadOnlyMount } from '../sandbox.ts';

const otherUsersMayRead = 0o005;

/** The mount itself where the container's user may read it; else a copy that it may, as things are now. */
export function readableMount(mount: ReadOnlyMount, scratch: string): ReadOnlyMount {
  const { mode, uid } = statSync(mount.source);
  if (uid === 1000 || (mode & otherUsersMayRead) === otherUsersMayRead) return mount;
  const copy = join(scratch, 'mounts', mount.target);
  cpSync(mount.source, copy, { recursive: true, verbatimSymlinks: true });
  openToAll(copy);
  return { ...mount, source: copy };
}

function openToAll(path: string): void {
  const info = lstatSync(path);
  if (info.isSymbolicLink()) return;
  chmodSync(path, info.mode | (info.isDirectory() ? 0o555 : 0o444));
  if (info.isDirectory()) for (const name of readdirSync(path)) openToAll(join(path, name));
}
