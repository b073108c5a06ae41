import { createHash } from 'node:crypto';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/**
 * A stream of random numbers that belongs to one purpose.
 *
 * Streams are named, not shared: `randomStream(seed, 'selection', 'a', 7)` is
 * the same stream on every machine and at every resume, whatever any other
 * purpose has drawn. So no generator state has to be saved, a retry cannot
 * change a selection, and two arms of one seed draw the same numbers.
 */
export interface RandomStream {
  /** Uniform in [0, 1) with 53 bits. */
  next(): number;
  /** Uniform integer in [0, below). `below` from 1 to 2^53. */
  int(below: number): number;
  /** One item, each equally likely. Throws a RangeError on an empty list. */
  pick<T>(items: readonly T[]): T;
  /** A new array in random order (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[];
  /** Standard normal (Box-Muller). */
  normal(): number;
}

/** @param name - What the stream is for: any path of words and numbers. */
export function randomStream(seed: number, ...name: readonly (string | number)[]): RandomStream {
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, ...name]))
    .digest();
  const generator = xoroshiro128plusFromState([
    digest.readInt32LE(0),
    digest.readInt32LE(4),
    digest.readInt32LE(8),
    digest.readInt32LE(12) | 1,
  ]);
  const next = () => {
    const high = generator.next() >>> 6;
    const low = generator.next() >>> 5;
    return (high * 2 ** 27 + low) / 2 ** 53;
  };
  const int = (below: number) => Math.floor(next() * below);
  return {
    next,
    int,
    pick: (items) => {
      if (items.length === 0) throw new RangeError('cannot pick from an empty list');
      return items[int(items.length)]!;
    },
    shuffle: (items) => {
      const out = [...items];
      for (let i = out.length - 1; i > 0; i -= 1) {
        const j = int(i + 1);
        [out[i], out[j]] = [out[j]!, out[i]!];
      }
      return out;
    },
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}

/** A 31-bit integer that stands for a stream, for protocols that take a `seed` number. */
export function seedNumber(seed: number, ...name: readonly (string | number)[]): number {
  return randomStream(seed, ...name).int(2 ** 31);
}
