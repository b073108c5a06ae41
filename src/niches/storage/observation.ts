import type { LastCommand } from './life.ts';
import { type ListedFile, listedCount } from './listing.ts';
import {
  ageWordOf,
  directoryWordOf,
  extensionWordOf,
  freeWordOf,
  permissionWordOf,
  sizeBucketOf,
  tokenOf,
} from './vocabulary.ts';

/** What a policy sees of a world between two commands. */
export interface Observation {
  /** Share of the volume that is available, from 0 to 1. */
  readonly freeShare: number;
  /** The last command in the words of the action language, if it was one of its sentences. */
  readonly lastWords: readonly string[];
  readonly last: Pick<LastCommand, 'result' | 'change'>;
  /** At most six, largest first. Their paths are for whoever renders a command, not for the model. */
  readonly files: readonly ListedFile[];
}

/** Words of the head: `<begin>`, free space, three of the last command, its result and what became of space. */
const headWords = 7;
const wordsPerFile = 8;
/** Every observation is this long, the final `$` included. */
export const observationLength = headWords + listedCount * wordsPerFile + 1;

/** A hostile command may give a file any name; one that a command line cannot carry back is not shown. */
const longestPath = 3_000;

export function observe(
  world: { readonly freeShare: number; readonly last: LastCommand; listed(): readonly ListedFile[] },
  lastWords: readonly string[],
): Observation {
  const files = world.listed().filter(({ path }) => Buffer.byteLength(path) <= longestPath);
  return { freeShare: world.freeShare, lastWords, last: world.last, files: files.slice(0, listedCount) };
}

/** The observation in words, `observationLength` of them: head, six lines (dots where there is no file), `$`. */
export function observationWords({ freeShare, lastWords, last, files }: Observation): string[] {
  const change = { '-1': 'less', '0': 'same', '1': 'more' }[last.change];
  return [
    ...['<begin>', freeWordOf(freeShare)],
    ...Array.from({ length: 3 }, (_, i) => lastWords[i] ?? '.'),
    ...[`r:${last.result}`, `space:${change}`],
    ...Array.from({ length: listedCount }, (_, i) => (i < files.length ? lineOf(files[i]!, i) : dots)).flat(),
    '$',
  ];
}

export function observationTokens(observation: Observation): number[] {
  return observationWords(observation).map(tokenOf);
}

/** The observation as the prompt of a model that puts `<begin>` before and `$` after it by itself. */
export function promptOf(observation: Observation): string {
  return observationWords(observation).slice(1, -1).join(' ');
}

/** How many files the prompt shows. */
export function listedIn(prompt: string): number {
  const words = prompt.split(' ');
  return Array.from({ length: listedCount }, (_, i) => words[headWords - 1 + i * wordsPerFile]).filter(
    (word, i) => word === `@${i + 1}`,
  ).length;
}

const dots: readonly string[] = Array.from({ length: wordsPerFile }, () => '.');

/** `@k size owner permission flag directory extension age` */
function lineOf(file: ListedFile, index: number): readonly string[] {
  return [
    ...[`@${index + 1}`, `s${sizeBucketOf(file.size)}`, `own:${file.owner}`, permissionWordOf(file), `is:${file.flag}`],
    ...[directoryWordOf(file.path), extensionWordOf(file.path), ageWordOf(file.ageSeconds)],
  ];
}
