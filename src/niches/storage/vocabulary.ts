import { contentOfExtension, type Family, families, type Habitat, places } from './families.ts';
import { resultWords } from './life.ts';
import { type ListedFile, listedCount } from './listing.ts';

/** Names of habitats, and of places that belong to no habitat. */
const habitats: readonly Habitat[] = Object.values(families as Readonly<Record<string, Family>>).flatMap(
  (family) => family.habitats,
);
const directoryWords = [...new Set([...habitats.map(({ word }) => word), 'memory', 'system', 'elsewhere'])];
const extensionWords = [...Object.keys(contentOfExtension), 'none', 'other'];
const permissionWords = ['--', 'f-', '-d', 'fd'] as const;
const flagWords = ['plain', 'linked', 'held', 'sparse'] as const;
const ageWords = ['hour', 'day', 'week', 'month', 'year', 'ages'] as const;
const ageLimitsDays = [1 / 24, 1, 7, 30, 365];

/** Half-log2 buckets: `s0` below 5.7 KiB, each √2 times the one before, `s19` from 2.8 MiB. */
const sizeBuckets = 20;
const smallestBytes = 4_096;
/** How many steps free space is told in. */
const freeSteps = 10;

export const verbs = [
  ...['rm', 'rm-r', 'truncate', 'gzip', 'gunzip', 'mv', 'cp', 'ln', 'tar', 'chmod', 'chmod-dir'],
  ...['find-name', 'find-size', 'find-old', 'ls', 'du', 'stat', 'cat', 'touch', 'mkdir'],
] as const;
export type Verb = (typeof verbs)[number];

export const words = {
  positions: Array.from({ length: listedCount }, (_, i) => `@${i + 1}`),
  sizes: Array.from({ length: sizeBuckets }, (_, i) => `s${i}`),
  extensions: extensionWords.map((word) => `*.${word}`),
  /** Where `mv`, `cp` and `ln` may go besides the directory of a listed file. */
  destinations: ['to:tmp', 'to:shm'],
  modes: ['u+w', 'a-w'],
  /** Whether `tar` removes what it has packed. */
  fates: ['keep', 'remove'],
  ages: ageWords.map((word) => `age:${word}`),
  owners: ['own:me', 'own:system'],
  permissions: permissionWords.map((word) => `may:${word}`),
  flags: flagWords.map((word) => `is:${word}`),
  directories: directoryWords.map((word) => `in:${word}`),
} as const;

const used = [
  // What begins a text, ends an answer, and stands between the two: the tokens 0, 1 and 2 of every embedded model.
  ...['<begin>', '<end>', '$'],
  ...['#', '.'],
  ...words.positions,
  ...words.sizes,
  ...Array.from({ length: freeSteps }, (_, i) => `free:${i}`),
  ...words.owners,
  ...words.permissions,
  ...words.flags,
  ...words.directories,
  ...words.extensions,
  ...words.ages,
  ...verbs,
  ...words.destinations,
  ...words.modes,
  ...words.fates,
  ...resultWords.map((word) => `r:${word}`),
  ...['less', 'same', 'more'].map((word) => `space:${word}`),
  ...['ask:stat', 'ask:find'],
];

/**
 * Every word of observations, commands and look-ups; a token is an index. The order is part of every checkpoint that
 * was trained on it. What is left of 176 waits for other families and for doors to other machines.
 */
export const vocabulary: readonly string[] = [
  ...used,
  ...Array.from({ length: 176 - used.length }, (_, i) => `<spare-${i}>`),
];

/** The words of a tokenizer: all but the first three, which it brings itself. With them it gives the same tokens. */
export const tokenizerWords: readonly string[] = vocabulary.slice(3);

const tokens = new Map(vocabulary.map((word, token) => [word, token]));

/** @throws {RangeError} for a word that is none. */
export function tokenOf(word: string): number {
  const token = tokens.get(word);
  if (token === undefined) throw new RangeError(`${JSON.stringify(word)} is not in the vocabulary`);
  return token;
}

export function sizeBucketOf(bytes: number): number {
  const bucket = Math.floor(2 * Math.log2(Math.max(bytes, smallestBytes) / smallestBytes));
  return Math.min(sizeBuckets - 1, bucket);
}

/** The least size of a bucket, in bytes. */
export function bytesOfBucket(bucket: number): number {
  return Math.round(smallestBytes * 2 ** (bucket / 2));
}

export function freeWordOf(share: number): string {
  return `free:${Math.max(0, Math.min(freeSteps - 1, Math.floor(share * freeSteps)))}`;
}

export function ageWordOf(ageSeconds: number): string {
  const step = ageLimitsDays.findIndex((days) => ageSeconds < days * 86_400);
  return words.ages[step === -1 ? ageLimitsDays.length : step]!;
}

/** The least age in days that an age word says; 0 for the youngest. */
export function daysOfAge(word: string): number {
  return [0, ...ageLimitsDays][words.ages.indexOf(word)]!;
}

export function permissionWordOf({ isWritable, isDirectoryWritable }: ListedFile): string {
  return `may:${permissionWords[(isWritable ? 1 : 0) + (isDirectoryWritable ? 2 : 0)]}`;
}

/** The habitat with the longest path above a file. */
export function directoryWordOf(path: string): string {
  if (path.startsWith(`${places.system}/`)) return 'in:system';
  if (path.startsWith(`${places.memory}/`)) return 'in:memory';
  let best: Habitat | null = null;
  for (const habitat of habitats) {
    if (path.startsWith(`${habitat.path}/`) && habitat.path.length > (best?.path.length ?? 0)) best = habitat;
  }
  return `in:${best?.word ?? 'elsewhere'}`;
}

export function extensionWordOf(path: string): string {
  const [, extension] = /\.([^./]*)$/.exec(path.slice(path.lastIndexOf('/') + 1)) ?? [];
  if (extension === undefined) return '*.none';
  return Object.hasOwn(contentOfExtension, extension) ? `*.${extension}` : '*.other';
}
