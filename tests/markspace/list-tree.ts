import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every file below a directory by path, as text; directories end in `/`. Links are named, not followed. */
export function listTree(root: string, at = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(root, at)).sort()) {
    const path = at === '' ? name : `${at}/${name}`;
    const stat = lstatSync(join(root, path));
    if (stat.isSymbolicLink()) found[path] = '(link)';
    else if (stat.isDirectory()) Object.assign(found, { [`${path}/`]: '' }, listTree(root, path));
    else found[path] = readFileSync(join(root, path), 'utf8');
  }
  return found;
}

/** Permission bits in octal by path. */
export function modesOf(root: string): Record<string, string> {
  const paths = Object.keys(listTree(root)).map((path) => path.replace(/\/$/, ''));
  return Object.fromEntries(['.', ...paths].map((p) => [p, (lstatSync(join(root, p)).mode & 0o7777).toString(8)]));
}
