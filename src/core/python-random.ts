import { createHash } from 'node:crypto';
import { mersenneFromState } from 'pure-rand/generator/mersenne';

/**
 * Python's `random.Random`, number for number, so that a parent chosen by a
 * published Python program can be chosen again, and anybody with a Python
 * interpreter can check a draw.
 *
 * @see CPython 3.11, Lib/random.py and Modules/_randommodule.c; Matsumoto and
 *   Nishimura, Mersenne Twister (1998), with init_by_array of 2002.
 */
export interface PythonRandom {
  /** Uniform in [0, 1) with 53 bits; two words. */
  random(): number;
  /** Uniform integer in [0, below), `below` from 1 to 2^53 − 1: `Random._randbelow`, by rejection. */
  randbelow(below: number): number;
  choice<T>(items: readonly T[]): T;
  /** `count` items with replacement; one `random()` each. Weights need not sum to 1. */
  choices<T>(items: readonly T[], options?: { readonly weights?: readonly number[]; readonly count?: number }): T[];
  /** `count` different places, in the order drawn. */
  sample<T>(items: readonly T[], count: number): T[];
  /** A shuffled copy; Python shuffles in place. */
  shuffle<T>(items: readonly T[]): T[];
  /** Words of 32 bits drawn since the seed: where the sequence stands. */
  readonly words: number;
}

/**
 * @param seed - As `random.seed(seed)`: an integer, its sign ignored, or a string (version 2).
 * @param skip - Words to pass over first, so that a sequence goes on where it stood.
 * @throws {RangeError} for a number that is no safe integer.
 */
export function pythonRandom(seed: number | bigint | string, skip = 0): PythonRandom {
  const generator = mersenneFromState([0, ...twisterState(wordsOf(seed))]);
  // It holds a state that is twisted already, one word at a time as it is passed over.
  for (let i = 0; i < stateWords; i += 1) generator.next();
  let words = 0;
  const word = () => {
    words += 1;
    return generator.next() >>> 0;
  };
  for (let i = 0; i < skip; i += 1) word();
  const random = () => {
    const high = word() >>> 5;
    return (high * 2 ** 26 + (word() >>> 6)) / 2 ** 53;
  };
  /** At most 53 bits: little-endian words, of the last one the upper bits. */
  const bits = (count: number) => {
    const low = word() >>> Math.max(0, 32 - count);
    return count <= 32 ? low : low + (word() >>> (64 - count)) * 2 ** 32;
  };
  const randbelow = (below: number) => {
    if (!(Number.isSafeInteger(below) && below >= 1)) throw new RangeError(`nothing can be drawn below ${below}`);
    const count = bitLength(below);
    let drawn = bits(count);
    while (drawn >= below) drawn = bits(count);
    return drawn;
  };
  return {
    random,
    randbelow,
    choice: (items) => {
      if (items.length === 0) throw new RangeError('cannot choose from an empty list');
      return items[randbelow(items.length)]!;
    },
    choices: (items, { weights, count = 1 } = {}) => {
      const place =
        weights === undefined ? () => Math.floor(random() * items.length) : weighted(items, weights, random);
      if (items.length === 0) throw new RangeError('cannot choose from an empty list');
      return Array.from({ length: count }, () => items[place()]!);
    },
    sample: (items, count) => samplePlaces(items.length, count, randbelow).map((place) => items[place]!),
    shuffle: (items) => {
      const out = [...items];
      for (let i = out.length - 1; i > 0; i -= 1) {
        const j = randbelow(i + 1);
        [out[i], out[j]] = [out[j]!, out[i]!];
      }
      return out;
    },
    get words() {
      return words;
    },
  };
}

/** Draws the place of one item by cumulative weight; `bisect_right`, the last place at most. */
function weighted(items: readonly unknown[], weights: readonly number[], random: () => number): () => number {
  if (weights.length !== items.length) {
    throw new RangeError(`${items.length} items need as many weights, not ${weights.length}`);
  }
  let sum = 0;
  const cumulative = weights.map((weight) => (sum += weight));
  if (!(sum > 0 && Number.isFinite(sum)))
    throw new RangeError(`the weights must have a finite sum above 0, not ${sum}`);
  return () => {
    const drawn = random() * sum;
    let low = 0;
    let high = items.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (drawn < cumulative[middle]!) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Python keeps a pool of what is left when that is smaller than a set of what was taken; the draws differ. */
function samplePlaces(n: number, count: number, randbelow: (below: number) => number): number[] {
  if (!(Number.isInteger(count) && count >= 0 && count <= n)) {
    throw new RangeError(`a sample of ${n} has 0 to ${n} items, not ${count}`);
  }
  const setSize = 21 + (count > 5 ? 4 ** Math.ceil(Math.log(count * 3) / Math.log(4)) : 0);
  if (n <= setSize) {
    const pool = Array.from({ length: n }, (_, i) => i);
    return Array.from({ length: count }, (_, i) => {
      const j = randbelow(n - i);
      const taken = pool[j]!;
      pool[j] = pool[n - i - 1]!;
      return taken;
    });
  }
  const taken = new Set<number>();
  while (taken.size < count) taken.add(randbelow(n));
  return [...taken];
}

function bitLength(value: number): number {
  return value < 2 ** 32 ? 32 - Math.clz32(value) : 64 - Math.clz32(Math.floor(value / 2 ** 32));
}

/** The key of a seed: its 32-bit words, lowest first. Of a string, its bytes and their SHA-512 as one big number. */
function wordsOf(seed: number | bigint | string): number[] {
  if (typeof seed === 'number' && !Number.isSafeInteger(seed)) throw new RangeError(`${seed} is no integer seed`);
  let value: bigint;
  if (typeof seed === 'string') {
    const bytes = Buffer.from(seed, 'utf8');
    const digest = createHash('sha512').update(bytes).digest();
    value = BigInt(`0x${Buffer.concat([bytes, digest]).toString('hex')}`);
  } else value = BigInt(seed) < 0n ? -BigInt(seed) : BigInt(seed);
  const words: number[] = [];
  for (; value > 0n; value >>= 32n) words.push(Number(value & 0xffff_ffffn));
  return words.length === 0 ? [0] : words;
}

const stateWords = 624;

/** `init_by_array`: a state of 624 words that every word of the key has stirred. */
function twisterState(key: readonly number[]): number[] {
  const state = [19_650_218];
  const previous = (i: number) => state[i - 1]! ^ (state[i - 1]! >>> 30);
  for (let i = 1; i < stateWords; i += 1) state.push((Math.imul(1_812_433_253, previous(i)) + i) | 0);
  let i = 1;
  const step = () => {
    i += 1;
    if (i < stateWords) return;
    state[0] = state[stateWords - 1]!;
    i = 1;
  };
  for (let k = 0, j = 0; k < Math.max(stateWords, key.length); k += 1, j = (j + 1) % key.length) {
    state[i] = ((state[i]! ^ Math.imul(previous(i), 1_664_525)) + key[j]! + j) | 0;
    step();
  }
  for (let k = 1; k < stateWords; k += 1) {
    state[i] = ((state[i]! ^ Math.imul(previous(i), 1_566_083_941)) - i) | 0;
    step();
  }
  state[0] = 0x8000_0000 | 0;
  return state;
}
