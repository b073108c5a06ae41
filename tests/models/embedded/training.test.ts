import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';
import { weightLayout } from '../../../src/models/embedded/layout.ts';
import { createBatchOrder, writeBatch } from '../../../src/models/embedded/training/batches.ts';
import { readCheckpoint } from '../../../src/models/embedded/training/checkpoint.ts';
import { learningRate, parseHyperparameters, trainingLayout } from '../../../src/models/embedded/training/plan.ts';
import { trainWeights } from '../../../src/models/embedded/training/train-weights.ts';
import { doublingExamples, tinyShape, trainingRequest } from './training-samples.ts';

const never = () => new AbortController().signal;
const patient = { timeout: 120_000 };

async function scratchFile(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'galapagos-training-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  return join(dir, 'training.safetensors');
}

function expectSameBits(a: Float32Array, b: Float32Array): void {
  expect(a.length).toBe(b.length);
  expect(Buffer.from(a.buffer).equals(Buffer.from(b.buffer))).toBe(true);
}

describe('training', () => {
  it.each([
    ['adapters', { rank: 4, alpha: 8 }],
    ['all weights', null],
  ] as const)('of %s gives the same bits with 1, 2 and 3 threads', patient, async (_, lora) => {
    const one = await trainWeights(trainingRequest({ lora, threads: 1 }), never());
    for (const threads of [2, 3]) {
      const more = await trainWeights(trainingRequest({ lora, threads }), never());
      expectSameBits(more.trained, one.trained);
      expect(more.curve).toEqual(one.curve);
    }
    const other = await trainWeights(trainingRequest({ lora, seed: 6 }), never());
    expect(other.trained).not.toEqual(one.trained);
  });

  it('learns: the loss of a rule falls towards none', patient, async () => {
    const hyperparameters = parseHyperparameters({ steps: 150, batchSize: 16, learningRate: 1e-2 });
    const { curve } = await trainWeights(trainingRequest({ lora: null, hyperparameters, threads: 2 }), never());
    expect(curve[0]!.loss).toBeGreaterThan(2.5);
    expect(curve.at(-1)!.loss).toBeLessThan(0.1);
  });

  describe('a step', () => {
    const rate = 1e-2;
    /** One step at the full rate, on the same example over and over. @returns the gradient that AdamW's moments tell. */
    async function oneStep(more: object = {}) {
      const hyperparameters = parseHyperparameters({
        ...{ steps: 1, batchSize: 4, learningRate: rate, warmupShare: 0, finalRateShare: 1, maxGradientNorm: 1e9 },
        ...more,
      });
      const request = trainingRequest({ lora: null, examples: doublingExamples(1), hyperparameters });
      const { trained, moments, curve } = await trainWeights(request, never());
      const gradient = moments.mean.map((value) => value / (1 - hyperparameters.beta1));
      return { before: request.base, trained, moments, gradient, norm: curve[0]!.gradientNorm, hyperparameters };
    }

    it("is AdamW's: moments without their bias, matrices decayed and norms not", patient, async () => {
      const { before, trained, moments, gradient, norm, hyperparameters } = await oneStep({ weightDecay: 0.5 });
      const { beta2, epsilon } = hyperparameters;
      const { norms } = weightLayout(tinyShape);
      expect(norm).toBeCloseTo(Math.hypot(...gradient), 4);
      for (const [i, g] of gradient.entries()) {
        const isNorm = i >= norms.at && i < norms.at + norms.count;
        const kept = before[i]! * (isNorm ? 1 : 1 - rate * 0.5);
        expect(trained[i]).toBeCloseTo(kept - (rate * g) / (Math.abs(g) + epsilon), 4);
        expect(moments.variance[i]).toBeCloseTo((1 - beta2) * g * g, 6);
      }
    });

    it('takes the mean over what is to be predicted, and clips the norm of it', patient, async () => {
      const { gradient, norm } = await oneStep();
      const twice = await oneStep({ batchSize: 8 });
      expect(twice.norm).toBeCloseTo(norm, 4);
      const clipped = await oneStep({ maxGradientNorm: norm / 4 });
      expect(clipped.norm).toBeCloseTo(norm, 6);
      for (const [i, g] of gradient.entries()) expect(clipped.gradient[i]).toBeCloseTo(g / 4, 5);
    });
  });

  it('goes on from its checkpoint to the bits of an undisturbed training', patient, async () => {
    const checkpoint = { file: await scratchFile(), everySteps: 5 };
    const undisturbed = await trainWeights(trainingRequest({ threads: 2, checkpoint }), never());
    const steps: number[] = [];
    // The file is left as it was after the tenth step of twelve.
    const request = trainingRequest({ threads: 1, checkpoint, onStep: (step) => steps.push(step) });
    const resumed = await trainWeights(request, never());
    expect([resumed.resumedFrom, steps]).toEqual([10, [11, 12]]);
    expect(resumed.curve).toEqual(undisturbed.curve);
    expectSameBits(resumed.trained, undisturbed.trained);
  });

  it('killed by SIGKILL, goes on to the bits of an undisturbed training', patient, async () => {
    const file = await scratchFile();
    const jiti = fileURLToPath(new URL('../../../node_modules/jiti/lib/jiti-cli.mjs', import.meta.url));
    const program = fileURLToPath(new URL('programs/train-until-killed.ts', import.meta.url));
    const ended = await execa(process.execPath, [jiti, program, file], { reject: false, timeout: 100_000 });
    expect([ended.signal, ended.stderr]).toEqual(['SIGKILL', '']);
    const resumed = await trainWeights(trainingRequest({ checkpoint: { file, everySteps: 1 } }), never());
    expect(resumed.resumedFrom).toBeGreaterThanOrEqual(6);
    const undisturbed = await trainWeights(trainingRequest(), never());
    expect(resumed.curve).toEqual(undisturbed.curve);
    expectSameBits(resumed.trained, undisturbed.trained);
  });

  it('stops between two steps when its signal says so, leaving a checkpoint', patient, async () => {
    const file = await scratchFile();
    const controller = new AbortController();
    const endless = parseHyperparameters({ rank: 4, alpha: 8, steps: 1_000_000, batchSize: 7 });
    const request = trainingRequest({
      ...{ hyperparameters: endless, threads: 2, checkpoint: { file, everySteps: 1_000_000 } },
      onStep: (step) => step === 3 && controller.abort(new Error('enough for today')),
    });
    await expect(trainWeights(request, controller.signal)).rejects.toThrow('enough for today');
    expect(readCheckpoint(file, trainingLayout(request).trained.count)!.curve.length).toBeGreaterThanOrEqual(3);
  });

  it('starts over where its checkpoint is damaged', patient, async () => {
    const file = await scratchFile();
    await writeFile(file, 'half of somethi');
    const request = trainingRequest({ checkpoint: { file, everySteps: 5 } });
    const { resumedFrom, curve } = await trainWeights(request, never());
    expect([resumedFrom, curve.length]).toEqual([0, 12]);
  });

  it('does not start under a signal that was aborted before', async () => {
    const checkpoint = { file: await scratchFile(), everySteps: 1 };
    const stopped = AbortSignal.abort(new Error('not today'));
    await expect(trainWeights(trainingRequest({ checkpoint }), stopped)).rejects.toThrow('not today');
    expect(await readdir(join(checkpoint.file, '..'))).toEqual([]);
  });

  it.each([
    ['no examples', { examples: [] }, /dataset is empty/],
    [
      'a long example',
      { examples: [{ tokens: Array(26).fill(1), firstTarget: 1 }] },
      /example 1 of 1 has 25 tokens.* 24/,
    ],
    ['an unknown token', { examples: [{ tokens: [1, 16], firstTarget: 1 }] }, /token 16; the vocabulary has 16/],
    ['nothing to predict', { examples: [{ tokens: [1, 2], firstTarget: 2 }] }, /has no token to predict/],
  ])('refuses %s', async (_, more, message) => {
    const training = trainWeights(trainingRequest(more), never());
    await expect(training).rejects.toMatchObject({ code: 'TRAINING_FAILED', message: expect.stringMatching(message) });
  });

  it.each([
    ['loss', Number.NaN, /the loss became NaN at step 1 of 12: use a lower learning rate/],
    ['gradient', 1e30, /the gradient's norm became (NaN|Infinity) at step 1 of 12/],
  ])('says at which step a %s stopped being a number', patient, async (_, factor, message) => {
    const base = trainingRequest().base.map((w) => w * factor);
    const training = trainWeights(trainingRequest({ base, threads: 2 }), never());
    await expect(training).rejects.toMatchObject({ code: 'TRAINING_FAILED', message: expect.stringMatching(message) });
  });
});

describe('the order of examples', () => {
  it('shows each example once an epoch, in another order each time, whatever the batch size', () => {
    const order = createBatchOrder(3, 10, 4);
    const seen = Array.from({ length: 5 }, (_, i) => order(i + 1)).flat();
    const [first, second] = [seen.slice(0, 10), seen.slice(10)];
    expect([...first].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(second).size).toBe(10);
    expect(second).not.toEqual(first);
    expect(createBatchOrder(3, 10, 4)(4)).toEqual(seen.slice(12, 16));
  });

  it('pads to the longest and counts what is to be predicted', () => {
    const ints = new Int32Array(64).fill(9);
    const batch = [
      { tokens: [1, 2, 3], firstTarget: 2 },
      { tokens: [4, 5, 6, 7], firstTarget: 1 },
    ];
    expect(writeBatch(ints, { tokens: 0, targets: 32 }, batch)).toEqual({ length: 8, counted: 4 });
    expect([...ints.slice(0, 16)]).toEqual([1, 2, 0, 0, 0, 0, 0, 0, 4, 5, 6, 0, 0, 0, 0, 0]);
    expect([...ints.slice(32, 48)]).toEqual([-1, 3, -1, -1, -1, -1, -1, -1, 5, 6, 7, -1, -1, -1, -1, -1]);
    expect(doublingExamples(50).every(({ tokens }) => tokens.length <= tinyShape.contextLength)).toBe(true);
  });
});

describe('the learning rate', () => {
  it('rises in a line and falls as a cosine', () => {
    const h = parseHyperparameters({ steps: 110, learningRate: 1, warmupShare: 1 / 11, finalRateShare: 0.2 });
    const rates = [5, 10, 60, 110].map((step) => learningRate(h, step));
    for (const [i, expected] of [0.5, 1, 0.6, 0.2].entries()) expect(rates[i]).toBeCloseTo(expected, 10);
  });

  it('is refused where it cannot be, with every wrong value named', () => {
    expect(() => parseHyperparameters({ learningRate: -1, steps: 0.5 })).toThrow(
      /steps[\s\S]*learningRate|learningRate[\s\S]*steps/,
    );
  });
});
