import { fileAt, isWide } from './sentence.mjs';

const samples = 6;
const temperature = 1;
const courage = 1;
const votes = 1;
const size = 0.02;
const wideness = 0.1;
const floor = 0.5;

/** How many sentences the model is asked for, and how freely it speaks: at most 16, between 0 and 2. */
export function drawing() {
  return {
    samples: Math.max(1, Math.min(16, Math.round(samples))),
    temperature: Math.max(0, Math.min(2, temperature)),
  };
}

/** What is played of what was drawn, best first: at most so many commands, and none that is worth too little. */
export function play(observation, drawn, commands) {
  const said = [...new Set(drawn)];
  const worth = new Map();
  for (const sentence of said) worth.set(sentence, worthOf(observation, drawn, sentence));
  const good = said.filter((sentence) => worth.get(sentence) > floor);
  good.sort((a, b) => worth.get(b) - worth.get(a));
  return good.slice(0, Math.max(1, Math.min(commands, Math.round(courage))));
}

/** What speaks for a sentence: how often it was said, and how large its file is; against it, that it acts on a whole directory. */
function worthOf(observation, drawn, sentence) {
  const file = fileAt(observation, sentence);
  return votes * countOf(drawn, sentence) + size * file.size - wideness * isWide(sentence);
}

function countOf(drawn, sentence) {
  let count = 0;
  for (const other of drawn) {
    if (other === sentence) count += 1;
  }
  return count;
}
