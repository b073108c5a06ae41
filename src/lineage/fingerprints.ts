import { tokenize } from './tokens.ts';

/** Length of a gram, and with it the noise threshold: shorter matches are never seen. In tokens. */
export const gramTokens = 6;
/** Grams in a window: any match of `gramTokens + windowGrams - 1` tokens is always seen. */
export const windowGrams = 4;

/**
 * The fingerprints of a text: the smallest gram hash of every window.
 * A text of fewer than six tokens has none.
 * @see Schleimer, Wilkerson, Aiken, Winnowing: Local Algorithms for Document Fingerprinting (2003), section 3
 */
export function fingerprint(text: string): Set<number> {
  const grams = gramsOf(text);
  const chosen = new Set<number>();
  const last = Math.max(1, grams.length - windowGrams + 1);
  for (let start = 0; start < last && grams.length > 0; start += 1) {
    let least = grams[start]!;
    for (let i = start + 1; i < start + windowGrams && i < grams.length; i += 1) least = Math.min(least, grams[i]!);
    chosen.add(least);
  }
  return chosen;
}

const base = 0x01000193;
const leading = Array.from({ length: gramTokens - 1 }).reduce<number>((power) => Math.imul(power, base), 1);

/** The hash of every run of `gramTokens` tokens, in order: a rolling polynomial, mixed so that "smallest" is arbitrary. */
export function gramsOf(text: string): Uint32Array {
  const { hashes } = tokenize(text);
  const grams = new Uint32Array(Math.max(0, hashes.length - gramTokens + 1));
  let rolling = 0;
  for (let i = 0; i < hashes.length; i += 1) {
    if (i >= gramTokens) rolling -= Math.imul(hashes[i - gramTokens]!, leading);
    rolling = (Math.imul(rolling, base) + hashes[i]!) | 0;
    if (i >= gramTokens - 1) grams[i - gramTokens + 1] = mix(rolling);
  }
  return grams;
}

/** MurmurHash3's finalizer. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
