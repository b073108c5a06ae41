import type { TrainingConfig } from '../../../src/core/config/training-schema.ts';
import type { Evaluation, Trajectory } from '../../../src/core/records.ts';

/** A generation's training situations, as its lineage remembers them. */
export interface Lived {
  readonly generation: number;
  readonly train: Evaluation | null;
}

/**
 * Whose survivors make the dataset, oldest first. Only what was measured on training situations is looked at: neither
 * selection nor test, nor their scores.
 */
export function chosenGenerations<T extends Lived>(regime: TrainingConfig['regime'], archive: readonly T[]): T[] {
  const lived = archive.filter(({ train }) => train?.status === 'measured' && train.split === 'train');
  if (regime === 'all') return lived;
  if ('last' in regime) return lived.slice(-regime.last);
  const score = ({ train }: T) => (train?.status === 'measured' ? train.score : Number.NEGATIVE_INFINITY);
  // A stable sort, so of equals the older ones stay.
  const best = [...lived].sort((a, b) => score(b) - score(a)).slice(0, regime.best);
  return best.sort((a, b) => a.generation - b.generation);
}

/** Trajectories that began in one situation, of whichever generations. */
export type Siblings = readonly Trajectory[];

/** What is learnt from: see `credit` of the experiment's training. */
export function survivors(credit: TrainingConfig['credit'], bySituation: readonly Siblings[]): Trajectory[] {
  if (credit === 'trajectory') return bySituation.flat().filter(({ gain }) => gain > 0);
  return bySituation.flatMap((siblings) => {
    const alive = siblings.filter(({ steps, gain }) => steps.length === 1 && gain > 0);
    return alive.length === 0 ? [] : [alive.reduce((best, one) => (one.gain > best.gain ? one : best))];
  });
}
