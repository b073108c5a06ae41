/** Above this the exact enumeration (2^n sign patterns) is not attempted. */
export const maxSignFlipN = 20;

export interface SignFlipTest {
  /** Two-sided exact p. */
  readonly p: number;
  /** The smallest p that differences of these magnitudes could have given: 2^(1 − n), n without the zeros. */
  readonly floor: number;
}

/**
 * Exact two-sided sign-flip (paired permutation) test of "the differences are
 * symmetric about 0", statistic |sum|. All 2^n sign patterns are enumerated;
 * sums within 1e-9 of the total magnitude count as ties, against the claim.
 * @throws {RangeError} for no differences, more than {@link maxSignFlipN}, or one that is not finite.
 * @see Fisher, The Design of Experiments (1935), section 21.
 */
export function signFlipP(differences: readonly number[]): SignFlipTest {
  const n = differences.length;
  if (n < 1 || n > maxSignFlipN)
    throw new RangeError(`a sign-flip test takes 1 to ${maxSignFlipN} differences, not ${n}`);
  if (!differences.every(Number.isFinite)) throw new RangeError('a sign-flip test takes finite differences only');
  const nonZero = differences.filter((d) => d !== 0).length;
  return { p: countAtLeast(differences, 2 ** n) / 2 ** (n - 1), floor: smallestP(nonZero) };
}

/** The smallest two-sided p that n differences other than 0 can give. */
export function smallestP(n: number): number {
  return n === 0 ? 1 : 2 ** (1 - n);
}

/** Whether the exact p is at most `alpha`; stops counting as soon as it is not. */
export function isSignFlipSignificant(differences: readonly number[], alpha: number): boolean {
  const allowed = Math.floor(alpha * 2 ** (differences.length - 1) * (1 + 1e-12));
  return countAtLeast(differences, allowed) <= allowed;
}

/**
 * Patterns with |sum| at least the observed one, the first sign held: flipping
 * every sign keeps |sum|, so half of the patterns stand for all. Walked in
 * Gray-code order, one flip a step. Gives up above `enough`.
 */
function countAtLeast(differences: readonly number[], enough: number): number {
  const magnitude = differences.reduce((sum, d) => sum + Math.abs(d), 0);
  const observed = differences.reduce((sum, d) => sum + d, 0);
  const bar = Math.abs(observed) - 1e-9 * magnitude;
  const signed = [...differences];
  let sum = observed;
  let count = Number(Math.abs(sum) >= bar);
  for (let i = 1; i < 2 ** (differences.length - 1) && count <= enough; i += 1) {
    const flipped = 32 - Math.clz32(i & -i);
    sum -= 2 * signed[flipped]!;
    signed[flipped] = -signed[flipped]!;
    count += Number(Math.abs(sum) >= bar);
  }
  return count;
}
