import { rulesByN } from './statistics/paired-inference.ts';
import { detectableEffect, fewestFor } from './statistics/power.ts';
import { maxSignFlipN, smallestP } from './statistics/sign-flip.ts';
import { type Control, controls } from './transfer.ts';

export interface DetectionQuestion {
  readonly arms: readonly string[];
  readonly seeds: number;
  readonly lineages: number;
  readonly items: { readonly selection: number; readonly test: number };
  /** Standard deviation of the true gain from seed to seed, in units of the score; `null` where nothing is known of it. */
  readonly gainSd: number | null;
  /** Standard deviation of one item's score when the same agent is measured again; `null` as above. */
  readonly itemSd: number | null;
  /** Chance of finding the effect, in (0, 1). */
  readonly power: number;
}

/** What an experiment of this size can show, whatever its result. */
export interface Detection {
  /** Error rate of the whole family of comparisons, two-sided. */
  readonly alpha: number;
  readonly power: number;
  readonly seeds: SeedDetection;
  /** One agent against another on the same items: it says nothing of a method. */
  readonly items: { readonly selection: ItemDetection; readonly test: ItemDetection };
}

export interface SeedDetection {
  readonly n: number;
  /** What a report will hold: nothing to compare, points, points with interval and p, or tests that can carry a claim. */
  readonly allows: 'nothing' | 'points' | 'interval' | 'claim';
  readonly controls: readonly Control[];
  /** Controls × lineages: the family that Holm corrects over. */
  readonly comparisons: number;
  /** The smallest exact p that one comparison could have, and that after Holm's correction; `null` without a comparison. */
  readonly smallestP: number | null;
  readonly smallestHolmP: number | null;
  /** The fewest seeds with which one comparison of the family can come out at `alpha`; `null` without a comparison. */
  readonly seedsForClaim: number | null;
  /**
   * The mean gain that one comparison finds with the stated power at the
   * family's strictest step, `alpha` over `comparisons`: in standard
   * deviations of the per-seed gains, and in units of the score where both
   * deviations are known. `null` where no effect could be found.
   */
  readonly detectable: Effect | null;
}

export interface ItemDetection {
  readonly n: number;
  readonly smallestP: number | null;
  /** In standard deviations of the items' differences. */
  readonly detectable: Effect | null;
}

export interface Effect {
  readonly inSd: number;
  readonly inScore: number | null;
}

const alpha = 0.05;

/** @throws {RangeError} for a power outside (0, 1) or a negative deviation. */
export function detection(question: DetectionQuestion): Detection {
  const { power, gainSd, itemSd, items } = question;
  if (!(power > 0 && power < 1)) throw new RangeError(`power is between 0 and 1, not ${power}`);
  for (const sd of [gainSd, itemSd]) {
    if (sd !== null && !(sd >= 0 && Number.isFinite(sd)))
      throw new RangeError(`a standard deviation is a number of 0 or more, not ${sd}`);
  }
  return {
    alpha,
    power,
    seeds: seedDetection(question),
    items: { selection: itemDetection(items.selection, question), test: itemDetection(items.test, question) },
  };
}

function seedDetection({ arms, seeds, lineages, items, gainSd, itemSd, power }: DetectionQuestion): SeedDetection {
  const compared = arms.includes('paired') ? controls.filter((control) => arms.includes(control)) : [];
  const comparisons = compared.length * lineages;
  const allows = comparisons === 0 ? 'nothing' : allowedBy(seeds);
  const inSd = allows === 'claim' ? detectableEffect({ n: seeds, alpha: alpha / comparisons }, power) : null;
  return {
    n: seeds,
    allows,
    controls: compared,
    comparisons,
    smallestP: comparisons > 0 ? smallestP(seeds) : null,
    smallestHolmP: comparisons > 0 ? Math.min(1, comparisons * smallestP(seeds)) : null,
    seedsForClaim: comparisons === 0 ? null : Math.max(rulesByN.forClaim, fewestFor(alpha / comparisons)),
    detectable: inSd === null ? null : { inSd, inScore: scoreOf(inSd, gainDeviation(gainSd, itemSd, items.selection)) },
  };
}

function allowedBy(seeds: number): SeedDetection['allows'] {
  if (seeds < rulesByN.forInterval) return 'points';
  return seeds >= rulesByN.forClaim && hasP(seeds) ? 'claim' : 'interval';
}

/** Whether a report states an exact p of so many differences: above the upper limit there are too many sign patterns. */
function hasP(n: number): boolean {
  return n >= rulesByN.forInterval && n <= maxSignFlipN;
}

/**
 * Deviation of the measured gains between two arms: the true one, and the
 * noise of two bests, each the mean of `items` items. Selecting the best of
 * several adds a bias that both arms share, and takes no noise away here.
 */
function gainDeviation(gainSd: number | null, itemSd: number | null, items: number): number | null {
  return gainSd === null || itemSd === null ? null : Math.sqrt(gainSd ** 2 + (2 * itemSd ** 2) / items);
}

function itemDetection(n: number, { itemSd, power }: DetectionQuestion): ItemDetection {
  const inSd = n >= rulesByN.forInterval ? detectableEffect({ n, alpha }, power) : null;
  // Two agents, each with the noise of one measurement.
  const deviation = itemSd === null ? null : Math.SQRT2 * itemSd;
  return {
    n,
    smallestP: hasP(n) ? smallestP(n) : null,
    detectable: inSd === null ? null : { inSd, inScore: scoreOf(inSd, deviation) },
  };
}

function scoreOf(inSd: number, deviation: number | null): number | null {
  return deviation === null ? null : inSd * deviation;
}
