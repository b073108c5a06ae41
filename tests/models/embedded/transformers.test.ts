import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../../src/core/random.ts';
import { type Base, readBase } from '../../../src/models/embedded/files/base-checkpoint.ts';
import { mergedWeights, readAdapter, writeAdapter } from '../../../src/models/embedded/files/peft-adapter.ts';
import { Decoder } from '../../../src/models/embedded/sampling/decoder.ts';
import { itWithTorch, torchPython } from '../../support/torch-python.ts';
import { baseShape, openSmallBase, randomAdapters, scratchDir } from './small-base.ts';

const random = randomStream(6, 'tokens');
const tokens = Array.from({ length: baseShape.contextLength }, () => random.int(baseShape.vocabularySize));

function ourLogits({ shape }: Base, weights: Float32Array): number[][] {
  const decoder = new Decoder(shape, 1);
  decoder.load(weights);
  const rows = tokens.map((token, position) => ({ slot: 0, position, token, wantsLogits: true }));
  return decoder.read(rows).map((logits) => [...logits]);
}

function largestDifference(a: readonly number[][], b: readonly number[][]): number {
  expect([a.length, a[0]!.length]).toEqual([b.length, b[0]!.length]);
  return Math.max(...a.flatMap((row, i) => row.map((logit, j) => Math.abs(logit - b[i]![j]!))));
}

/**
 * What transformers 5.23 and peft 0.21 computed of the base and the adapter below, `[base, adapter]`, rounded to six
 * digits: `programs/transformers_logits.py` makes them, and the last test compares them with what it makes now.
 */
const recorded = JSON.parse(
  await readFile(new URL('../../fixtures/embedded/transformers-logits.json', import.meta.url), 'utf8'),
) as [number[][], number[][]];

const program = fileURLToPath(new URL('programs/transformers_logits.py', import.meta.url));

describe('transformers and peft', () => {
  it('computed the logits that we compute, base and adapter', async () => {
    await using scratch = await scratchDir();
    const base = openSmallBase(scratch.path);
    const ours = [ourLogits(base, base.weights), ourLogits(base, mergedWeights(base, randomAdapters(1)))];
    for (const [i, logits] of ours.entries()) expect(largestDifference(recorded[i]!, logits)).toBeLessThan(1e-4);
  });

  itWithTorch('compute the same logits from our files, and we from theirs', { timeout: 300_000 }, async () => {
    await using scratch = await scratchDir();
    const at = (name: string) => join(scratch.path, name);
    const base = openSmallBase(at('base'));
    const adapters = randomAdapters(1);
    const adapter = join(scratch.path, writeAdapter(scratch.path, base, adapters, {}));
    const args = [program, at('base'), adapter, at('theirs'), JSON.stringify(tokens)];
    const { stdout } = await execa(torchPython, args, { timeout: 290_000, env: { HF_HUB_OFFLINE: '1' } });
    const said = JSON.parse(stdout) as Record<'ourBase' | 'ourAdapter' | 'theirBase' | 'theirAdapter', number[][]>;

    expect(largestDifference(said.ourBase, ourLogits(base, base.weights))).toBeLessThan(1e-4);
    expect(largestDifference(said.ourAdapter, ourLogits(base, mergedWeights(base, adapters)))).toBeLessThan(1e-4);
    expect(largestDifference(said.ourBase, recorded[0])).toBeLessThan(1e-4);
    expect(largestDifference(said.ourAdapter, recorded[1])).toBeLessThan(1e-4);
    // The adapter is not lost in the comparison.
    expect(largestDifference(said.ourAdapter, said.ourBase)).toBeGreaterThan(0.1);

    await copyFile(at('base/vocabulary.json'), at('theirs/base/vocabulary.json'));
    const theirs = readBase(at('theirs/base'), 'theirs');
    expect(largestDifference(said.theirBase, ourLogits(theirs, theirs.weights))).toBeLessThan(1e-4);
    const merged = mergedWeights(theirs, readAdapter(at('theirs/adapter'), theirs));
    expect(largestDifference(said.theirAdapter, ourLogits(theirs, merged))).toBeLessThan(1e-4);
    expect(largestDifference(said.theirAdapter, said.theirBase)).toBeGreaterThan(0.1);
  });
});
