import type { RandomStream } from '../../../core/random.ts';
import type { Logits } from './decoder.ts';

export interface Choice {
  /** 0 takes the likeliest. */
  readonly temperature: number;
  /** Keeps the likeliest tokens that together have this much probability (Holtzman et al., 2020). */
  readonly topP: number;
}

/**
 * Draws a token.
 * @param logits - Of the whole vocabulary.
 * @param among - What may be drawn, in ascending order; `null` for everything.
 */
export function chooseToken(
  logits: Logits,
  among: Int32Array | null,
  { temperature, topP }: Choice,
  random: RandomStream,
): number {
  const count = among?.length ?? logits.length;
  const token = (i: number) => (among === null ? i : among[i]!);
  let best = token(0);
  for (let i = 1; i < count; i += 1) if (logits[token(i)]! > logits[best]!) best = token(i);
  if (temperature === 0) return best;
  const weights = new Float64Array(count);
  let total = 0;
  for (let i = 0; i < count; i += 1) {
    total += weights[i] = Math.exp((logits[token(i)]! - logits[best]!) / temperature);
  }
  if (topP < 1) total = keepNucleus(weights, topP * total);
  let left = random.next() * total;
  let drawn = -1;
  for (let i = 0; i < count && left >= 0; i += 1) {
    if (weights[i] === 0) continue;
    left -= weights[i]!;
    drawn = i;
  }
  return token(drawn);
}

/** Takes their weight from all but the heaviest, which together have at least `wanted`. @returns what those have. */
function keepNucleus(weights: Float64Array, wanted: number): number {
  const order = Array.from(weights.keys()).sort((a, b) => weights[b]! - weights[a]! || a - b);
  let total = 0;
  for (const i of order) {
    if (total < wanted || total === 0) total += weights[i]!;
    else weights[i] = 0;
  }
  return total;
}

/** The logarithm of Σ e^logit: what makes a logit a log-probability. */
export function logSumExp(logits: Logits): number {
  let top = Number.NEGATIVE_INFINITY;
  for (const logit of logits) top = Math.max(top, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - top);
  return top + Math.log(sum);
}
