// The checkout these scripts belong to, wherever they were called from.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export function inRoot(...path) {
  return join(root, ...path);
}

export function readText(...path) {
  return existsSync(inRoot(...path)) ? readFileSync(inRoot(...path), 'utf8') : '';
}

/** All files below a folder of the checkout, as sorted paths from the root. */
export function filesBelow(folder) {
  if (!existsSync(inRoot(folder))) return [];
  return readdirSync(inRoot(folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length))
    .sort();
}

/** One hash over names and contents, so that a touched but equal file changes nothing. */
export function fingerprint(paths, ...extra) {
  const hash = createHash('sha256').update(JSON.stringify(extra));
  for (const path of paths) {
    if (!existsSync(inRoot(path))) continue;
    const bytes = readFileSync(inRoot(path));
    hash.update(JSON.stringify([path, bytes.length])).update(bytes);
  }
  return hash.digest('hex');
}

/** Standard output belongs to the command's results; what is said about the way there is not one of them. */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Ends the whole command with advice instead of a stack. */
export class Stop extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
