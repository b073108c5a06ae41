import { randomStream } from '../../../core/random.ts';
import { wrongTarget } from '../loss.ts';

/** One sequence to learn from. */
export interface TokenExample {
  /** Begin and end included. */
  readonly tokens: readonly number[];
  /** Index of the first token that is to be predicted; those before it are only read. */
  readonly firstTarget: number;
  /** For each token, whether it is to be predicted if it does not come before `firstTarget`. All of those unless said. */
  readonly isTarget?: readonly boolean[];
  /** Its targets together are what must not be said. */
  readonly isWrong?: boolean;
}

/**
 * Which examples a step sees: the dataset in a new random order each epoch,
 * cut into batches without regard to where an epoch ends. A function of seed
 * and step alone, so nothing but the step has to be known to go on.
 *
 * @returns the indices of a step's batch; steps count from 1.
 */
export function createBatchOrder(seed: number, examples: number, batchSize: number): (step: number) => number[] {
  const indices = Array.from({ length: examples }, (_, i) => i);
  let current: { readonly epoch: number; readonly order: readonly number[] } = { epoch: -1, order: [] };
  const orderOf = (epoch: number) => {
    if (current.epoch !== epoch) {
      current = { epoch, order: randomStream(seed, 'embedded', 'order', epoch).shuffle(indices) };
    }
    return current.order;
  };
  return (step) =>
    Array.from({ length: batchSize }, (_, i) => {
      const at = (step - 1) * batchSize + i;
      return orderOf(Math.floor(at / examples))[at % examples]!;
    });
}

export interface BatchPlace {
  readonly tokens: number;
  readonly targets: number;
}

/**
 * Writes a batch: inputs and, one place on, what should follow them. Sequences
 * are padded to the longest, rounded up to a multiple of 8.
 *
 * @returns the common length, and how many targets count.
 */
export function writeBatch(
  ints: Int32Array | Float64Array,
  { tokens, targets }: BatchPlace,
  batch: readonly TokenExample[],
): { readonly length: number; readonly counted: number } {
  const longest = Math.max(...batch.map((example) => example.tokens.length - 1));
  const length = Math.ceil(longest / 8) * 8;
  let counted = 0;
  ints.fill(0, tokens, tokens + batch.length * length);
  ints.fill(-1, targets, targets + batch.length * length);
  for (const [row, example] of batch.entries()) {
    for (let i = 0; i + 1 < example.tokens.length; i += 1) {
      ints[tokens + row * length + i] = example.tokens[i]!;
      if (i + 1 < example.firstTarget || example.isTarget?.[i + 1] === false) continue;
      const next = example.tokens[i + 1]!;
      ints[targets + row * length + i] = example.isWrong === true ? wrongTarget(next) : next;
      counted += 1;
    }
  }
  return { length, counted };
}
