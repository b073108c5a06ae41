import { describe, expect, it } from 'vitest';
import { randomStream } from '../../../src/core/random.ts';
import type { Pass } from '../../../src/models/embedded/forward.ts';
import { lossAndItsGradient, wrongTarget } from '../../../src/models/embedded/loss.ts';
import { createPlainDevice } from './plain-device.ts';

const [sequences, length, vocabularySize] = [3, 2, 16];
const targetsAt = 200;

/** Three sequences of two places. @returns loss, gradient, and what the targets are afterwards. */
function lossOf(targets: readonly number[], logits: readonly number[]) {
  const device = createPlainDevice(new Float64Array(300));
  device.floats.set(logits);
  device.ints.set(targets, targetsAt);
  const pass = { device, shape: { vocabularySize }, activations: { logits: 0 } } as unknown as Pass;
  const loss = lossAndItsGradient(pass, { tokens: 0, targets: targetsAt, sequences, length }, 1);
  const cells = sequences * length * vocabularySize;
  return {
    loss,
    gradient: [...device.floats.slice(0, cells)],
    after: [...device.ints.slice(targetsAt, targetsAt + targets.length)],
  };
}

const random = randomStream(3, 'loss');
const logits = Array.from({ length: sequences * length * vocabularySize }, () => random.normal());
const logProbability = (row: number, token: number) => {
  const own = logits.slice(row * vocabularySize, (row + 1) * vocabularySize);
  return own[token]! - Math.log(own.reduce((sum, x) => sum + Math.exp(x), 0));
};

describe('the loss of a batch', () => {
  it('is the likelihood of what is right and of saying anything but the whole of what is wrong', () => {
    const targets = [1, 2, wrongTarget(3), wrongTarget(4), -1, 5];
    const { loss, after } = lossOf(targets, logits);
    const right = logProbability(0, 1) + logProbability(1, 2) + logProbability(5, 5);
    const wrong = Math.exp(logProbability(2, 3) + logProbability(3, 4));
    expect(loss).toBeCloseTo(-right - Math.log(1 - wrong), 10);
    expect(after).toEqual(targets);
  });

  it('pushes what is wrong down, and by so much less as it would not be said anyway', () => {
    const targets = [-1, -1, wrongTarget(3), -1, -1, -1];
    const at = 2 * vocabularySize + 3;
    const { gradient } = lossOf(targets, logits);
    expect(gradient[at]).toBeCloseTo(Math.exp(logProbability(2, 3)), 10);
    expect(gradient.filter((g, i) => g > 0 && i !== at)).toEqual([]);
    expect(gradient.slice(0, 2 * vocabularySize).every((g) => g === 0)).toBe(true);
    const unlikely = logits.with(at, -9);
    expect(lossOf(targets, unlikely).gradient[at]).toBeLessThan(0.001);
  });

  it('stays a number where what is wrong is certain', () => {
    const { loss, gradient } = lossOf([-1, -1, wrongTarget(3), -1, -1, -1], logits.with(2 * vocabularySize + 3, 90));
    expect([loss, ...gradient].every(Number.isFinite)).toBe(true);
    expect(loss).toBeGreaterThan(10);
  });
});
