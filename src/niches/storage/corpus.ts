import { type RandomStream, randomStream } from '../../core/random.ts';
import { argumentsOf } from './action-language.ts';
import { familyNames } from './families.ts';
import { resultWords } from './life.ts';
import { listedCount, plannedFiles } from './listing.ts';
import { observationWords } from './observation.ts';
import { planWorld } from './plan.ts';
import { tokenOf, verbs, words } from './vocabulary.ts';

/** One row of a base model's training: reading, and speaking the language, without a word about what frees space. */
export interface CorpusRow {
  readonly tokens: readonly number[];
  /** For each token, whether the model is to predict it from those before: answers and commands, not what it is shown. */
  readonly isTarget: readonly boolean[];
}

export interface CorpusOptions {
  readonly seed: number;
  /** Tokens of a row. Default 96. */
  readonly length?: number;
  /** Share of entries that are look-ups; the others are commands. Default 0.6. */
  readonly lookups?: number;
}

/** Entries of a row in words: `shown` is given, `wanted` is to be predicted. */
export interface CorpusEntry {
  readonly shown: readonly string[];
  readonly wanted: readonly string[];
}

/**
 * Rows without end, row i a pure function of seed and i. A row is an observation and then as many entries as fit, each
 * closed by `<end>`:
 *
 * - `# ask:stat @k` → owner, permission, flag and size of the line; `# ask:find x` → the first `@k` whose line says x,
 *   or `.` where none does;
 * - `$` and a command: every verb as likely, every shown path as likely, every argument as likely, all independent of
 *   each other and of what is shown. Results never follow; the head's last command, result and free space are drawn
 *   like dice. So nothing here tells what a command does (tested: `corpus.test.ts`).
 */
export function* corpus(options: CorpusOptions): Generator<CorpusRow, never> {
  for (let row = 0; ; row += 1) yield corpusRow(options, row);
}

export function corpusRow({ seed, length = 96, lookups = 0.6 }: CorpusOptions, row: number): CorpusRow {
  const random = randomStream(seed, 'storage-corpus', row);
  const scene = sceneOf(random);
  const tokens = scene.words.map(tokenOf);
  const isTarget = tokens.map(() => false);
  const say = (list: readonly string[], wanted: boolean) => {
    for (const word of list) {
      tokens.push(tokenOf(word));
      isTarget.push(wanted);
    }
  };
  while (tokens.length < length) {
    const { shown, wanted } = entryOf(random, scene, lookups);
    // The observation ends in the mark of its first entry.
    const isFirst = tokens.length === scene.words.length;
    if (isFirst) tokens[tokens.length - 1] = tokenOf(shown[0]!);
    say(shown.slice(isFirst ? 1 : 0), false);
    say([...wanted, '<end>'], true);
  }
  return { tokens: tokens.slice(0, length), isTarget: isTarget.slice(0, length) };
}

export interface Scene {
  /** An observation. */
  readonly words: readonly string[];
  /** Its lines, as many as files are shown: `@k size owner permission flag directory extension age`. */
  readonly lines: readonly (readonly string[])[];
}

/** Some world, some of whose files are gone, after some command that ended somehow. */
export function sceneOf(random: RandomStream): Scene {
  const plan = planWorld({ family: random.pick(familyNames), seed: random.int(2 ** 31), difficulty: random.next() });
  const gone = 0.6 * random.next() ** 2;
  const left = plannedFiles(plan).filter(() => random.next() >= gone);
  const files = left.slice(0, random.next() < 0.9 ? listedCount : 1 + random.int(listedCount));
  const words = observationWords({
    freeShare: random.next(),
    lastWords: random.next() < 0.3 ? [] : commandOf(random, listedCount),
    last: { result: random.pick(resultWords), change: random.pick([-1, 0, 1] as const) },
    files,
  });
  const from = words.length - 1 - 8 * listedCount;
  return { words, lines: files.map((_, i) => words.slice(from + 8 * i, from + 8 * i + 8)) };
}

export function entryOf(random: RandomStream, scene: Scene, lookups: number): CorpusEntry {
  const { lines } = scene;
  if (random.next() >= lookups) return { shown: ['$'], wanted: commandOf(random, lines.length) };
  if (random.next() < 0.5) {
    const [position, size, owner, permission, flag] = random.pick(lines);
    return { shown: ['#', 'ask:stat', position!], wanted: [owner!, permission!, flag!, size!] };
  }
  const sought = random.pick(random.pick(attributes));
  const found = lines.find((line) => line.includes(sought));
  return { shown: ['#', 'ask:find', sought], wanted: [found?.[0] ?? '.'] };
}

/** A command without a thought: every verb, every path and every argument as likely as any other. */
export function commandOf(random: RandomStream, listed: number): string[] {
  const verb = random.pick(verbs);
  const position = random.pick(words.positions.slice(0, listed));
  const rest = argumentsOf(verb, listed);
  return rest.length === 0 ? [verb, position] : [verb, position, random.pick(rest)];
}

/** What may be looked for. */
const attributes: readonly (readonly string[])[] = [
  words.owners,
  words.permissions,
  words.flags,
  words.directories,
  words.extensions,
  words.ages,
];
