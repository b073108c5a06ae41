import { WeightsInvalidError } from '../../core/errors.ts';
import type { AdapterWeights } from './files/peft-adapter.ts';

/**
 * Between two adapters: every number of A and of B, each matrix by itself, is
 * (1 − share) · good + share · current. That keeps rank and file size, and it is
 * not halfway between what the two do to the base: with s = share, the change
 * of a weight is alpha/rank times
 *
 *   (1−s)² · B_good A_good + s² · B_cur A_cur + s(1−s) · (B_good A_cur + B_cur A_good),
 *
 * the last term of which mixes directions that neither has. It is small where
 * both were trained from one initialisation, as adapters of one seed are.
 *
 * @param share - How much of `current` stays, above 0 and below 1.
 * @throws {WeightsInvalidError} for adapters of different rank or alpha, or numbers that are none.
 */
export function interpolate(good: AdapterWeights, current: AdapterWeights, share: number): AdapterWeights {
  if (!(share > 0 && share < 1)) throw new RangeError(`a share lies between 0 and 1, not at ${share}`);
  for (const what of ['rank', 'alpha'] as const) {
    if (good[what] === current[what]) continue;
    throw new WeightsInvalidError(
      `nothing lies between adapters of ${what} ${good[what]} and ${current[what]}: roll back without a share`,
    );
  }
  const floats = good.floats.map((value, i) => (1 - share) * value + share * current.floats[i]!);
  const wrong = floats.findIndex((value) => !Number.isFinite(value));
  if (wrong === -1) return { rank: good.rank, alpha: good.alpha, floats };
  throw new WeightsInvalidError(`number ${wrong} between the two adapters is ${floats[wrong]}: one of them is damaged`);
}
