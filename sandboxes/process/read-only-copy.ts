import { chmodSync, lstatSync, readdirSync } from 'node:fs';

/** Files to 0444 and directories to 0555 (with their executable bits): a reminder to honest code, not a wall. */
export function takeWriteAccess(path: string): void {
  const info = lstatSync(path);
  if (info.isSymbolicLink()) return;
  if (info.isDirectory()) for (const name of readdirSync(path)) takeWriteAccess(`${path}/${name}`);
  chmodSync(path, info.isDirectory() || (info.mode & 0o100) !== 0 ? 0o555 : 0o444);
}
