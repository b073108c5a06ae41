import { randomStream } from '../../core/random.ts';
import type { TrainingExample } from '../../models/trainer.ts';
import { promptOf } from '../../niches/storage/observation.ts';
import type { Trajectory } from './trajectory.ts';

/**
 * What counts as having survived.
 *
 * - `best-sibling`: trajectories of one command; of those that began in the same situation the one that freed most.
 * - `trajectory`: trajectories of three commands; every one with ΔR > 0, with equal credit for each of its commands,
 *   those that freed nothing included. The literal rule of negative-space learning.
 */
export const credits = ['best-sibling', 'trajectory'] as const;
export type Credit = (typeof credits)[number];

/** Commands of one trajectory. */
export const lengthOf: Readonly<Record<Credit, number>> = { 'best-sibling': 1, trajectory: 3 };

/** @param bySituation - Siblings: trajectories that began in identical copies of one situation. */
export function survivors(credit: Credit, bySituation: readonly (readonly Trajectory[])[]): Trajectory[] {
  return bySituation.flatMap((siblings) => {
    const alive = siblings.filter(({ freedBytes }) => freedBytes > 0);
    if (credit === 'trajectory' || alive.length === 0) return alive;
    return [alive.reduce((best, one) => (one.freedBytes > best.freedBytes ? one : best))];
  });
}

/** Which of `from` places a control takes that may have `count` of them: each as likely as any other. */
export function randomPlaces(seed: number, generation: number, from: number, count: number): number[] {
  const places = Array.from({ length: from }, (_, i) => i);
  return randomStream(seed, 'weights-loop', 'control', generation).shuffle(places).slice(0, count);
}

/** One example for each command. */
export function examplesOf(trajectories: readonly Trajectory[]): TrainingExample[] {
  return trajectories.flatMap(({ moments }) =>
    moments.map(({ observation, sentence }) => ({ prompt: promptOf(observation), completion: sentence.join(' ') })),
  );
}
