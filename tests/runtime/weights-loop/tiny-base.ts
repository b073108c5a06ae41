import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { writeBase } from '../../../src/models/embedded/files/base-checkpoint.ts';
import { initialWeights } from '../../../src/models/embedded/initialise.ts';
import { parseModelShape } from '../../../src/models/embedded/shape.ts';
import { tokenizerWords } from '../../../src/niches/storage/vocabulary.ts';
import type { LoopRecipe } from '../../../src/runtime/weights-loop/recipe.ts';

export const tinyShape = parseModelShape({
  ...{ vocabularySize: 176, hiddenSize: 16, feedForwardSize: 16, layers: 1, heads: 2, contextLength: 96 },
});

/** Small enough for seconds; everything else is as in a real loop. */
export const tinyRecipe: LoopRecipe = {
  ...{ generations: 2, situations: 4, siblings: 6, difficulty: 0.2, heldOut: 2, commands: 3 },
  ...{ samplingTemperature: 1, evaluationTemperature: 0.3 },
  lora: { rank: 2, alpha: 4, steps: 3, batchSize: 4, learningRate: 5e-3 },
};

export function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), 'galapagos-weights-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The directory of an untrained base: it says any command with nearly equal probability. */
export function tinyBase(): string {
  const directory = scratch();
  const vocabulary = { words: [...tokenizerWords], hasBytes: false };
  writeBase(directory, { shape: tinyShape, weights: initialWeights(tinyShape, 1), vocabulary });
  return directory;
}
