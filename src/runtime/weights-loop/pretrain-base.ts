import { canonicalJson, sha256 } from '../../core/json.ts';
import { kernelsHash } from '../../models/embedded/device.ts';
import type { Base } from '../../models/embedded/files/base-checkpoint.ts';
import { initialWeights } from '../../models/embedded/initialise.ts';
import type { ModelShape } from '../../models/embedded/shape.ts';
import type { TokenExample } from '../../models/embedded/training/batches.ts';
import { parseHyperparameters } from '../../models/embedded/training/plan.ts';
import { trainWeights } from '../../models/embedded/training/train-weights.ts';
import { corpusRow } from '../../niches/storage/corpus.ts';
import { tokenizerWords } from '../../niches/storage/vocabulary.ts';

/** All that decides a base's bits, besides the kernels and the corpus that the code makes. */
export interface BaseRecipe {
  readonly shape: ModelShape;
  /** Of the corpus, the first weights and the order of the rows. */
  readonly seed: number;
  /** Different rows; they come again, in another order, when the steps need more. */
  readonly rows: number;
  readonly steps: number;
  readonly batchSize: number;
  /** At its peak; a cosine ends at 5 % of it. */
  readonly learningRate: number;
}

export interface PretrainOptions {
  readonly threads: number;
  /** Where a training that was broken off is found again. */
  readonly checkpointOf: (key: string) => string;
  readonly onRow?: (row: number) => void;
  readonly onStep?: (step: number, loss: number) => void;
  readonly signal: AbortSignal;
}

export interface Pretrained extends Omit<Base, 'name' | 'sha256'> {
  /** Mean negative log-likelihood of each step's targets, in nats. */
  readonly losses: readonly number[];
  readonly checkpoint: string;
}

/** Trains all weights of a new base on the storage niche's corpus. The same recipe and kernels give the same bits. */
export async function pretrainBase(recipe: BaseRecipe, options: PretrainOptions): Promise<Pretrained> {
  const { shape, seed, rows, steps, batchSize, learningRate } = recipe;
  const examples: TokenExample[] = [];
  for (let row = 0; row < rows; row += 1) {
    options.signal.throwIfAborted();
    // One more than the model reads: the last token is only predicted.
    const { tokens, isTarget } = corpusRow({ seed, length: shape.contextLength + 1 }, row);
    examples.push({ tokens, isTarget, firstTarget: isTarget.indexOf(true) });
    options.onRow?.(row + 1);
    if (row % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const dataset = sha256(canonicalJson(examples.map(({ tokens }) => tokens)));
  const checkpoint = options.checkpointOf(sha256(canonicalJson({ ...recipe, dataset, kernels: kernelsHash() })));
  const { trained, curve } = await trainWeights(
    {
      ...{ shape, base: initialWeights(shape, seed), lora: null, examples, seed, threads: options.threads },
      hyperparameters: parseHyperparameters({ steps, batchSize, learningRate, finalRateShare: 0.05 }),
      checkpoint: { file: checkpoint, everySteps: 25 },
      onStep: (step, { loss }) => options.onStep?.(step, loss),
    },
    options.signal,
  );
  return {
    ...{ shape, weights: trained, vocabulary: { words: [...tokenizerWords], hasBytes: false }, checkpoint },
    losses: curve.map(({ loss }) => loss),
  };
}
