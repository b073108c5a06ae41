import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type AdapterWeights, mergedWeights } from '../../../src/models/embedded/files/peft-adapter.ts';
import { interpolate } from '../../../src/models/embedded/interpolate.ts';
import { weightLayout } from '../../../src/models/embedded/layout.ts';
import { baseShape, openSmallBase, randomAdapters, scratchDir } from './small-base.ts';

const [good, current] = [randomAdapters(1), randomAdapters(2)];

it('interpolates each number of A and of B', () => {
  const { rank, alpha, floats } = interpolate(good, current, 0.25);
  expect([rank, alpha, floats.length]).toEqual([good.rank, good.alpha, good.floats.length]);
  for (const i of [0, 17, 400, floats.length - 1]) {
    expect(floats[i]).toBe(Math.fround(0.75 * good.floats[i]! + 0.25 * current.floats[i]!));
  }
});

it('changes the base by the three products that its documentation names, not by the mean of two changes', async () => {
  const scratch = await scratchDir();
  onTestFinished(() => scratch[Symbol.asyncDispose]());
  const base = openSmallBase(join(scratch.path, 'base'));
  const at = weightLayout(baseShape).layers[0]!.down_proj;
  /** The first weight of a projection less the base's. */
  const change = (weights: AdapterWeights) => mergedWeights(base, weights)[at]! - base.weights[at]!;
  const s = 0.3;
  // B·A is bilinear: both crossed products together are what the sum of the factors has beyond the two by themselves.
  const summed = { ...good, floats: good.floats.map((value, i) => value + current.floats[i]!) };
  const crossed = change(summed) - change(good) - change(current);
  const expected = (1 - s) ** 2 * change(good) + s ** 2 * change(current) + s * (1 - s) * crossed;
  const found = change(interpolate(good, current, s));
  expect(found).toBeCloseTo(expected, 5);
  expect(Math.abs(found - ((1 - s) * change(good) + s * change(current)))).toBeGreaterThan(1e-4);
});

it.each([
  ['rank', { ...current, rank: 8 }, /rank 4 and 8/],
  ['alpha', { ...current, alpha: 16 }, /alpha 8 and 16/],
  ['numbers', { ...current, floats: current.floats.map((v, i) => (i === 5 ? Number.NaN : v)) }, /number 5 .* damaged/],
])('refuses adapters whose %s do not fit', (_, other, message) => {
  expect(() => interpolate(good, other, 0.5)).toThrow(
    expect.objectContaining({ code: 'WEIGHTS_INVALID', message: expect.stringMatching(message) }),
  );
});

it.each([0, 1, -0.1, 1.1, Number.NaN])('refuses the share %d: at the ends there is nothing to interpolate', (share) => {
  expect(() => interpolate(good, current, share)).toThrow(RangeError);
});
