import { randomStream } from '../../core/random.ts';
import { normalCdf } from './normal.ts';
import { isSignFlipSignificant, smallestP } from './sign-flip.ts';
import { tQuantile } from './student.ts';

/** Up to this n the power of the exact test is simulated; the t-test's is near it above, unless `alpha` is within a few times the smallest p. */
const maxSimulatedN = 12;

const simulations = 2_000;

type Draw = readonly number[];

export interface PowerQuestion {
  /** Paired differences: seeds of a comparison, or items of an evaluation. */
  readonly n: number;
  /** Two-sided error rate that p has to reach, after whatever correction. */
  readonly alpha: number;
}

/**
 * The smallest mean of normal differences, in their standard deviations, that
 * the exact two-sided sign-flip test finds with the given power; `null` when no
 * difference could be found, because p cannot become as small as `alpha`.
 * Simulated with fixed streams up to {@link maxSimulatedN} (standard error of
 * the power 0.009 at 0.8); above, by the t-test's power.
 */
export function detectableEffect({ n, alpha }: PowerQuestion, wanted = 0.8): number | null {
  if (smallestP(n) > alpha) return null;
  if (n <= maxSimulatedN) return simulatedEffect(normalDraws(n), alpha, wanted);
  return smallestEffect((effect) => tTestPower(n, alpha, effect) >= wanted);
}

/** @param isEnough - False below some effect, true above it. */
function smallestEffect(isEnough: (effect: number) => boolean): number {
  let [low, high] = [0, 1];
  while (!isEnough(high)) [low, high] = [high, 2 * high];
  while (high - low > 0.002 * high) {
    const middle = (low + high) / 2;
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** A draw that is found at one effect is found at every larger one, so only those still open are tested again. */
function simulatedEffect(draws: readonly Draw[], alpha: number, wanted: number): number {
  const needed = Math.ceil(wanted * draws.length);
  let [found, open] = [0, draws];
  return smallestEffect((effect) => {
    const [yes, no]: [Draw[], Draw[]] = [[], []];
    for (const draw of open) (isFound(draw, alpha, effect) ? yes : no).push(draw);
    const isEnough = found + yes.length >= needed;
    if (!isEnough) found += yes.length;
    open = isEnough ? yes : no;
    return isEnough;
  });
}

/** The fewest differences with which p can be as small as `alpha`. */
export function fewestFor(alpha: number): number {
  return Math.ceil(1 - Math.log2(alpha) - 1e-12);
}

/** The same draws for every effect, so that power rises with it. */
function normalDraws(n: number): Draw[] {
  const random = randomStream(1908, 'power', n);
  return Array.from({ length: simulations }, () => Array.from({ length: n }, () => random.normal()));
}

function isFound(draw: Draw, alpha: number, effect: number): boolean {
  return isSignFlipSignificant(
    draw.map((z) => z + effect),
    alpha,
  );
}

/**
 * Power of the two-sided one-sample t-test: P(|T| > t) for noncentral T with
 * n − 1 degrees of freedom and noncentrality effect·√n, integrated over the
 * distribution of the standard deviation (Simpson's rule).
 */
export function tTestPower(n: number, alpha: number, effect: number): number {
  const df = n - 1;
  const cut = tQuantile(1 - alpha / 2, df);
  const shift = effect * Math.sqrt(n);
  const missed = (s: number) => normalCdf(cut * s - shift) - normalCdf(-cut * s - shift);
  // s/σ has the density c·s^(df − 1)·e^(−df·s²/2), which has its mode near 1 and width 1/√(2·df).
  const [low, high] = [Math.max(1e-9, 1 - 8 / Math.sqrt(2 * df)), 1 + 8 / Math.sqrt(df)];
  const panels = 1_000;
  let [area, found] = [0, 0];
  for (let i = 0; i <= panels; i += 1) {
    const s = low + ((high - low) * i) / panels;
    const weight = i === 0 || i === panels ? 1 : i % 2 === 1 ? 4 : 2;
    const density = weight * Math.exp((df - 1) * Math.log(s) - (df * (s * s - 1)) / 2);
    area += density;
    found += density * (1 - missed(s));
  }
  return found / area;
}
