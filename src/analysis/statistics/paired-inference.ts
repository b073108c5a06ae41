import { maxSignFlipN, signFlipP } from './sign-flip.ts';
import { tInterval } from './student.ts';
import { type Interval, mean, range } from './summary.ts';

/**
 * What n differences may say. A bootstrap of the mean of five covers about
 * 84 % (`bench/coverage.ts`), so there is none here.
 */
export const rulesByN = {
  /** From here on an interval, a range and an exact p with its smallest possible value. Below: points only. */
  forInterval: 4,
  /** From here on a test can come out below 0.05, and something may be claimed. */
  forClaim: 6,
} as const;

export interface PairedInference {
  readonly mean: number;
  readonly range: Interval;
  /** 95 % Student t-interval of the mean. */
  readonly interval: Interval;
  /** Exact two-sided sign-flip p; `null` above the n that is enumerated. */
  readonly p: number | null;
  /** The smallest p that differences of these magnitudes could have given. */
  readonly floor: number | null;
  /** `p` after Holm's correction over its family; `null` while there is none. */
  readonly holmP: number | null;
}

/** All that may be said of so many differences besides themselves; `null` for three or fewer. */
export function pairedInference(differences: readonly number[]): PairedInference | null {
  if (differences.length < rulesByN.forInterval) return null;
  const test = differences.length <= maxSignFlipN ? signFlipP(differences) : null;
  return {
    mean: mean(differences),
    range: range(differences),
    interval: tInterval(differences),
    p: test?.p ?? null,
    floor: test?.floor ?? null,
    holmP: null,
  };
}
