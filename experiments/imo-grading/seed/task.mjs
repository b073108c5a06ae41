import { realpathSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { grade } from './grade.mjs';

/** Reads a situation `{problem, reference?, guidelines?, response}` and prints `{points}`: 0, 1, 6, 7, or null. */
export async function main() {
  const points = await grade(JSON.parse(await text(process.stdin)));
  process.stdout.write(`${JSON.stringify({ points })}\n`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) await main();
