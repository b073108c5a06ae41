import { realpathSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { drawSentence } from './gateway.mjs';
import { drawing, play } from './policy.mjs';

/** Reads a situation, has the model draw sentences, prints `{actions, tries}`: what is played, and all that was drawn. */
export async function main() {
  const { observation, commands } = JSON.parse(await text(process.stdin));
  const { samples, temperature } = drawing();
  const drawn = await Promise.all(Array.from({ length: samples }, () => drawSentence(observation, temperature)));
  // Answers come in any order; the same ones must come to the same actions.
  drawn.sort();
  const actions = play(observation, drawn, commands);
  process.stdout.write(`${JSON.stringify({ actions, tries: [...new Set(drawn)] })}\n`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) await main();
