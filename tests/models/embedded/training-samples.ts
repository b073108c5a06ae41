import { randomStream } from '../../../src/core/random.ts';
import { initialWeights } from '../../../src/models/embedded/initialise.ts';
import { type ModelShape, parseModelShape } from '../../../src/models/embedded/shape.ts';
import type { TokenExample } from '../../../src/models/embedded/training/batches.ts';
import { parseHyperparameters } from '../../../src/models/embedded/training/plan.ts';
import type { TrainingRequest } from '../../../src/models/embedded/training/train-weights.ts';

export const tinyShape: ModelShape = parseModelShape({
  ...{ vocabularySize: 16, hiddenSize: 16, feedForwardSize: 24, layers: 2, heads: 2, contextLength: 24 },
});

/** Sequences with something to learn: after a token comes its double, modulo the vocabulary; lengths differ. */
export function doublingExamples(count: number): TokenExample[] {
  const random = randomStream(11, 'examples');
  return Array.from({ length: count }, () => {
    const tokens = [random.int(16)];
    while (tokens.length < 6 + random.int(12)) tokens.push((2 * tokens.at(-1)! + 1) % 16);
    return { tokens, firstTarget: 2 };
  });
}

export function trainingRequest(more: Partial<TrainingRequest> = {}): TrainingRequest {
  return {
    shape: tinyShape,
    base: initialWeights(tinyShape, 1),
    lora: { rank: 4, alpha: 8 },
    examples: doublingExamples(23),
    // Seven sequences do not divide into four shards, and the epoch ends within a batch.
    hyperparameters: parseHyperparameters({ rank: 4, alpha: 8, steps: 12, batchSize: 7 }),
    seed: 5,
    threads: 1,
    checkpoint: null,
    ...more,
  };
}
