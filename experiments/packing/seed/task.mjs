import { realpathSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { pack } from './pack.mjs';

/** Reads a situation `{n, seed}` and prints `{circles: [[x, y, r], …]}`. */
export async function main() {
  const { n, seed } = JSON.parse(await text(process.stdin));
  process.stdout.write(`${JSON.stringify({ circles: pack(n, seed) })}\n`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) await main();
