import { randomStream } from '../../core/random.ts';
import type { TrainingExample, TrainingMethod } from '../../models/trainer.ts';
import { promptOf } from '../../niches/storage/observation.ts';
import { atLarge, behindClosedDoors, inItsOwnLife, openedBefore, type Practice, wholeLives } from './practice.ts';
import type { Trajectory } from './trajectory.ts';

/**
 * What counts as having survived.
 *
 * - `best-sibling`: trajectories of one command; of those that began in the same situation the one that freed most.
 * - `trajectory`: trajectories of three commands; every one with ΔR > 0, with equal credit for each of its commands,
 *   those that freed nothing included. The literal rule of negative-space learning.
 * - `best-sibling-negatives`: as `best-sibling`, and every command that broke its world is learnt as what must not be
 *   said there.
 * - `own-life-negatives`: the same, in situations that the learner's own commands have led to.
 * - `two-step`: as `best-sibling`, and every second situation is in a world where no command frees anything before
 *   another one has taken back a right: first with that done, then without.
 */
export const credits = [
  'best-sibling',
  'trajectory',
  'best-sibling-negatives',
  'own-life-negatives',
  'two-step',
] as const;
export type Credit = (typeof credits)[number];

export interface CreditRule {
  /** Of siblings, only the one that freed most. */
  readonly isOfBest: boolean;
  /** `sft-unlikelihood` learns from what broke its world too. */
  readonly method: TrainingMethod;
  /** What a generation's situations are, in turn. */
  readonly practices: (generation: number) => readonly [Practice, ...Practice[]];
  /** Whether the base is sampled longer beside it. */
  readonly hasLongControl: boolean;
}

const bestSibling: CreditRule = {
  ...{ isOfBest: true, method: 'sft', hasLongControl: true },
  practices: () => [atLarge],
};

const negatives: CreditRule = { ...bestSibling, method: 'sft-unlikelihood', hasLongControl: false };

export const creditRules: Readonly<Record<Credit, CreditRule>> = {
  'best-sibling': bestSibling,
  trajectory: { ...bestSibling, isOfBest: false, practices: () => [wholeLives] },
  'best-sibling-negatives': negatives,
  'own-life-negatives': { ...negatives, practices: () => [inItsOwnLife] },
  'two-step': {
    ...bestSibling,
    practices: (generation) => [atLarge, generation === 1 ? openedBefore : behindClosedDoors],
    hasLongControl: false,
  },
};

/** @param bySituation - Siblings: trajectories that began in identical copies of one situation. */
export function survivors(credit: Credit, bySituation: readonly (readonly Trajectory[])[]): Trajectory[] {
  return bySituation.flatMap((siblings) => {
    const alive = siblings.filter(({ freedBytes }) => freedBytes > 0);
    if (!creditRules[credit].isOfBest || alive.length === 0) return alive;
    return [alive.reduce((best, one) => (one.freedBytes > best.freedBytes ? one : best))];
  });
}

/** What must not be done again: trajectories whose last command broke their world, where that is learnt from. */
export function breakers(credit: Credit, bySituation: readonly (readonly Trajectory[])[]): Trajectory[] {
  if (creditRules[credit].method === 'sft') return [];
  return bySituation.flat().filter(({ ending }) => ending === 'broken');
}

/** Which of `from` places a control takes that may have `count` of them: each as likely as any other. */
export function randomPlaces(seed: number, generation: number, from: number, count: number): number[] {
  const places = Array.from({ length: from }, (_, i) => i);
  return randomStream(seed, 'weights-loop', 'control', generation).shuffle(places).slice(0, count);
}

/** What a generation learns from: trajectories to be repeated, and some whose last command must not be. */
export interface Lessons {
  readonly right: readonly Trajectory[];
  readonly wrong: readonly Trajectory[];
}

/** One example for each command of what was right, and for the last one of what was wrong. */
export function examplesOf({ right, wrong }: Lessons): TrainingExample[] {
  const example = ({ observation, sentence }: Trajectory['moments'][number]): TrainingExample => {
    return { prompt: promptOf(observation), completion: sentence.join(' ') };
  };
  return [
    ...right.flatMap(({ moments }) => moments.map(example)),
    ...wrong.flatMap(({ moments }) => moments.slice(-1).map((moment) => ({ ...example(moment), label: false }))),
  ];
}
