import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Base, readBase, writeBase } from '../../../src/models/embedded/files/base-checkpoint.ts';
import { initialAdapters, initialWeights } from '../../../src/models/embedded/initialise.ts';
import { parseModelShape } from '../../../src/models/embedded/shape.ts';
import { createTokenizer, type Vocabulary } from '../../../src/models/embedded/tokenizer.ts';

export const vocabulary: Vocabulary = {
  words: ['free', 'disk', 'rm', 'mv', 'stat', ...Array.from({ length: 6 }, (_, i) => `@${i + 1}`)],
  hasBytes: false,
};

export const baseShape = parseModelShape({
  vocabularySize: createTokenizer(vocabulary).size,
  ...{ hiddenSize: 32, feedForwardSize: 48, layers: 2, heads: 2, contextLength: 32 },
});

/** A directory that goes with the resource. */
export async function scratchDir(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'galapagos-embedded-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** An untrained base, written and read again. */
export function openSmallBase(directory: string, seed = 1): Base {
  writeBase(directory, { shape: baseShape, weights: initialWeights(baseShape, seed), vocabulary });
  return readBase(directory, 'small');
}

/** Adapters that change something: both matrices random. */
export function randomAdapters(seed: number) {
  const lora = { rank: 4, alpha: 8 };
  const [a, b] = [seed, seed + 1_000].map((s) => initialAdapters(baseShape, lora, s));
  // B is zero in what training starts from; the other draw's A part is moved into it.
  const floats = a!.map((value, i) => (value === 0 ? b!.at(-i - 1)! : value));
  return { ...lora, floats };
}
