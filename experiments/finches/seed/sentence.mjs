/** Verbs that act on the directory of a file, and on all that lies in it. */
const wide = ['rm-r', 'find-name', 'find-size', 'find-old', 'chmod-dir'];

/** 1 for a sentence that acts on a whole directory, 0 for one about a single file. */
export function isWide(sentence) {
  return wide.includes(sentence.split(' ')[0]) ? 1 : 0;
}

/** What an observation says of the file that a sentence points at: its size in half-log2 steps, its place and its kind. */
export function fileAt(observation, sentence) {
  const words = observation.split(' ');
  const at = words.indexOf(sentence.split(' ')[1]);
  return { size: Number(words[at + 1].slice(1)), place: words[at + 5], kind: words[at + 6] };
}
