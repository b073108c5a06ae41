import { places } from './families.ts';
import { listedIn } from './observation.ts';
import { bytesOfBucket, daysOfAge, tokenOf, type Verb, verbs, vocabulary, words } from './vocabulary.ts';

/** A deterministic automaton over tokens: what a decoder may say next. States are small integers. */
export interface TokenAutomaton {
  readonly start: number;
  /** -1 where the token is not allowed. */
  next(state: number, token: number): number;
  allowed(state: number): readonly number[];
  /** Whether what was said so far is a whole command. Nothing follows a whole one: a sentence is exactly one command. */
  accepts(state: number): boolean;
}

/** What stands behind the position. `place` is a second position or a fixed destination. */
type Argument = 'none' | 'place' | 'mode' | 'extension' | 'size' | 'age' | 'fate';

interface Grammar {
  readonly argument: Argument;
  /** The command, with the path of `@k`, its directory (both quoted) and the further argument. */
  readonly render: (path: string, directory: string, argument: string) => string;
}

const one = (render: Grammar['render']): Grammar => ({ argument: 'none', render });
const two = (argument: Argument, render: Grammar['render']): Grammar => ({ argument, render });

/** Coreutils, find, gzip and tar as they are: what a command does here it does on any machine. */
const grammar: Readonly<Record<Verb, Grammar>> = {
  rm: one((path) => `rm -f -- ${path}`),
  'rm-r': one((_, directory) => `rm -rf -- ${directory}`),
  truncate: one((path) => `truncate -s 0 -- ${path}`),
  gzip: one((path) => `gzip -- ${path}`),
  gunzip: one((path) => `gzip -d -- ${path}`),
  mv: two('place', (path, _, place) => `mv -- ${path} ${place}/`),
  cp: two('place', (path, _, place) => `cp -- ${path} ${place}/`),
  ln: two('place', (path, _, place) => `ln -- ${path} ${place}/`),
  tar: two('fate', (path, _, fate) =>
    fate === 'remove'
      ? `tar -cPzf ${withSuffix(path, '.tgz')} --force-local --remove-files -- ${path}`
      : `tar -cPzf ${withSuffix(path, '.tgz')} --force-local -- ${path}`,
  ),
  chmod: two('mode', (path, _, mode) => `chmod ${mode} -- ${path}`),
  'chmod-dir': two('mode', (_, directory, mode) => `chmod ${mode} -- ${directory}`),
  'find-name': two('extension', (_, directory, pattern) => `find ${directory} -type f ${pattern} -delete`),
  'find-size': two('size', (_, directory, bytes) => `find ${directory} -type f -size +${bytes}c -delete`),
  'find-old': two('age', (_, directory, minutes) => `find ${directory} -type f -mmin +${minutes} -delete`),
  ls: one((_, directory) => `ls -la -- ${directory}`),
  du: one((_, directory) => `du -sk -- ${directory}`),
  stat: one((path) => `stat -- ${path}`),
  cat: one((path) => `cat -- ${path}`),
  touch: one((path) => `touch -- ${path}`),
  mkdir: one((_, directory) => `mkdir -p -- ${withSuffix(directory, '/new')}`),
};

const argumentWords: Readonly<Record<Argument, readonly string[]>> = {
  none: [],
  place: words.destinations,
  mode: words.modes,
  // `other` names no extension, so it cannot be looked for.
  extension: words.extensions.filter((word) => word !== '*.other'),
  size: words.sizes,
  age: words.ages,
  fate: words.fates,
};

/** The words that may stand behind verb and position, in fixed order; none where the command is whole. */
export function argumentsOf(verb: Verb, listed: number): readonly string[] {
  const { argument } = grammar[verb];
  return argument === 'place' ? [...words.positions.slice(0, listed), ...argumentWords.place] : argumentWords[argument];
}

const automata = new Map<number, TokenAutomaton>();

/**
 * The grammar over the tokens: verb → `@k` → argument where the verb has one.
 * @param listed - How many files are shown, 1 to 6: only they may be pointed at. @throws {RangeError} outside of that.
 */
export function commandAutomaton(listed: number): TokenAutomaton {
  if (!(listed >= 1 && listed <= words.positions.length)) {
    throw new RangeError(`${listed} files are shown; a command needs 1 to ${words.positions.length} to point at`);
  }
  let automaton = automata.get(listed);
  if (automaton === undefined) automata.set(listed, (automaton = compile(listed)));
  return automaton;
}

/** The grammar of an answer to a prompt. @throws {RangeError} where it shows no file. */
export function grammarFor(prompt: string): TokenAutomaton {
  return commandAutomaton(listedIn(prompt));
}

/** State 0 is the start, 1 the end; two more for each verb: before its position, and before its argument. */
function compile(listed: number): TokenAutomaton {
  const edges: Map<number, number>[] = [new Map(), new Map()];
  for (const verb of verbs) {
    const rest = argumentsOf(verb, listed);
    const beforePosition = edges.push(new Map()) - 1;
    const beforeArgument = rest.length === 0 ? 1 : edges.push(new Map()) - 1;
    edges[0]!.set(tokenOf(verb), beforePosition);
    for (const word of words.positions.slice(0, listed)) edges[beforePosition]!.set(tokenOf(word), beforeArgument);
    for (const word of rest) edges[beforeArgument]!.set(tokenOf(word), 1);
  }
  const allowed = edges.map((edge) => [...edge.keys()]);
  return {
    start: 0,
    next: (state, token) => edges[state]?.get(token) ?? -1,
    allowed: (state) => allowed[state] ?? [],
    accepts: (state) => state === 1,
  };
}

/** The words of a whole command, or `null` where the tokens are none. */
export function commandWords(tokens: readonly number[], listed: number): string[] | null {
  const automaton = commandAutomaton(listed);
  const end = tokens.reduce((state, token) => automaton.next(state, token), automaton.start);
  return automaton.accepts(end) ? tokens.map((token) => vocabulary[token]!) : null;
}

/**
 * The one shell command that a sentence of the language stands for.
 * @param paths - Of the listed files: whatever a file is called, it reaches the command as one word.
 * @throws {RangeError} for words that are no sentence about these files.
 */
export function renderCommand(sentence: readonly string[], paths: readonly string[]): string {
  const tokens = sentence.map(tokenOf);
  if (paths.length === 0 || commandWords(tokens, Math.min(paths.length, words.positions.length)) === null) {
    throw new RangeError(`${JSON.stringify(sentence.join(' '))} is no command about ${paths.length} files`);
  }
  const [verb, position, argument = ''] = sentence;
  const path = paths[words.positions.indexOf(position!)]!;
  return grammar[verb as Verb].render(quote(path), quote(directoryOf(path)), renderArgument(argument, paths));
}

function renderArgument(word: string, paths: readonly string[]): string {
  const position = words.positions.indexOf(word);
  if (position !== -1) return quote(directoryOf(paths[position]!));
  if (word === 'to:tmp') return places.temporary;
  if (word === 'to:shm') return places.memory;
  if (word === '*.none') return "! -name '*.*'";
  if (word.startsWith('*.')) return `-name ${quote(word)}`;
  // From the bucket's least size on: find's + means more than.
  if (words.sizes.includes(word)) return String(bytesOfBucket(Number(word.slice(1))) - 1);
  if (words.ages.includes(word)) return String(Math.round(daysOfAge(word) * 1_440));
  return word;
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** One word for a POSIX shell, whatever it holds. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function withSuffix(quoted: string, suffix: string): string {
  return `${quoted.slice(0, -1)}${suffix}'`;
}
