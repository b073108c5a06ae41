import type { ArchiveEntry, SelectParent } from '../../src/core/define.ts';

/** Highest measured score, the oldest of equals; the oldest entry when none was measured. */
const best: SelectParent = (archive) =>
  archive.reduce((a: ArchiveEntry, b) =>
    (b.score ?? Number.NEGATIVE_INFINITY) > (a.score ?? Number.NEGATIVE_INFINITY) ? b : a,
  ).generation;

/** The newest valid generation, whatever it scored. */
const latest: SelectParent = (archive) => archive.at(-1)!.generation;

/** Every valid generation equally likely. */
const random: SelectParent = (archive, next) => archive[Math.floor(next() * archive.length)]!.generation;

/** Always generation 0: independent samples from the initial harness. */
const root: SelectParent = (archive) => archive[0]!.generation;

/** Pure functions of archive and randomness; the archive is never empty. */
export const selectionPolicies = { best, latest, random, root } as const;
