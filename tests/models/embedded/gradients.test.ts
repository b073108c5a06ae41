import { describe, expect, it } from 'vitest';
import { randomStream } from '../../../src/core/random.ts';
import { createWasmDevice, type Kernels } from '../../../src/models/embedded/device.ts';
import { createPlainDevice } from './plain-device.ts';
import { lossAndGradient, openSmallModel, type SmallModel } from './small-model.ts';

/** Central differences of a function of f[at … at+count], at the given coordinates. */
function differences(
  f: Float32Array | Float64Array,
  at: number,
  where: readonly number[],
  step: number,
  of: () => number,
) {
  return where.map((i) => {
    const saved = f[at + i]!;
    const [above, below] = [step, -step].map((change) => {
      f[at + i] = saved + change;
      return of();
    });
    f[at + i] = saved;
    return (above! - below!) / (2 * step);
  });
}

function relativeError(claimed: readonly number[], measured: readonly number[]): number {
  const size = Math.sqrt(measured.reduce((sum, v) => sum + v * v, 0));
  expect(size).toBeGreaterThan(0);
  return Math.sqrt(claimed.reduce((sum, v, i) => sum + (v - measured[i]!) ** 2, 0)) / size;
}

const [rows, size] = [5, 16];
const cells = rows * size;
const everyCell = Array.from({ length: cells }, (_, i) => i);

interface Layer {
  /** Addresses of what it reads, `cells` numbers each. */
  readonly inputs: readonly number[];
  /** Where its result lies, `cells` numbers. */
  readonly output: number;
  forward(kernels: Kernels): void;
  /** Where `backward` wants the gradient of the result, and leaves those of the inputs. */
  readonly given: number;
  readonly gradients: readonly number[];
  backward(kernels: Kernels): void;
}

// One norm weight serves all rows, so only its first `size` numbers matter; the others have no gradient.
const layers: Record<string, Layer> = {
  RMSNorm: {
    ...{ inputs: [100, 300], output: 500, given: 700, gradients: [900, 1_100] },
    forward: (k) => k.rmsNorm(100, 300, 500, 1_300, rows, size),
    backward: (k) => k.rmsNormBackward(100, 300, 1_300, 700, 900, 1_100, rows, size),
  },
  'rotary embedding': {
    ...{ inputs: [100], output: 100, given: 100, gradients: [100] },
    forward: (k) => k.rotate(100, size, rows, 2, 8, 1_500, 1_600, 1_700, 1),
    backward: (k) => k.rotate(100, size, rows, 2, 8, 1_500, 1_600, 1_700, -1),
  },
  'causal softmax': {
    ...{ inputs: [100], output: 100, given: 300, gradients: [300] },
    forward: (k) => k.causalSoftmax(100, size, 7, rows, size),
    backward: (k) => k.softmaxBackward(100, 300, size, rows, size),
  },
  SwiGLU: {
    ...{ inputs: [100, 300], output: 500, given: 700, gradients: [100, 300] },
    forward: (k) => k.swiGlu(100, 300, 500, cells),
    backward: (k) => k.swiGluBackward(100, 300, 700, cells),
  },
  'product with a weight matrix': {
    ...{ inputs: [100, 400], output: 800, given: 1_000, gradients: [1_200, 1_800] },
    forward: (k) => k.multiply(rows, size, size, 100, size, 1, 400, 1, size, 800, size, 1, 0, 2_100),
    backward(k) {
      k.multiply(rows, size, size, 1_000, size, 1, 400, size, 1, 1_200, size, 1, 1, 2_100);
      k.multiply(size, size, rows, 1_000, 1, size, 100, size, 1, 1_800, size, 1, 1, 2_100);
    },
  },
};

describe('the gradient of a layer agrees with finite differences', () => {
  it.each(Object.entries(layers))('%s', (_, layer) => {
    const random = randomStream(1, 'layer');
    const start = new Float64Array(4_000).map(() => 2 * random.next() - 1);
    for (let i = 0; i < rows; i += 1) start[1_500 + i] = i;
    // A rotation: cos² + sin² = 1, or the way back would not be the transposed.
    for (let i = 0; i < 4 * rows; i += 1) [start[1_600 + i], start[1_700 + i]] = [Math.cos(i), Math.sin(i)];
    const cotangent = everyCell.map(() => random.normal());
    const device = createPlainDevice(start.slice());
    const { floats, kernels } = device;

    layer.forward(kernels);
    for (const at of layer.gradients) if (!layer.inputs.includes(at)) floats.fill(0, at, at + cells);
    floats.set(cotangent, layer.given);
    layer.backward(kernels);
    const claimed = layer.gradients.map((at) => [...floats.slice(at, at + cells)]);

    for (const [i, at] of layer.inputs.entries()) {
      const measured = differences(start, at, everyCell, 1e-5, () => {
        floats.set(start);
        layer.forward(kernels);
        return cotangent.reduce((sum, c, cell) => sum + c * floats[layer.output + cell]!, 0);
      });
      expect(relativeError(claimed[i]!, measured)).toBeLessThan(1e-8);
    }
  });

  it('cross-entropy', () => {
    const random = randomStream(2, 'layer');
    const start = new Float64Array(200).map(() => random.normal());
    start.set([3, -1, 0, 15, 7], 100);
    const device = createPlainDevice(start.slice());
    device.kernels.crossEntropy(0, 100, rows, size, 0.5);
    const claimed = [...device.floats.slice(0, cells)];
    const measured = differences(start, 0, everyCell, 1e-5, () => {
      device.floats.set(start);
      return 0.5 * device.kernels.crossEntropy(0, 100, rows, size, 1);
    });
    expect(relativeError(claimed, measured)).toBeLessThan(1e-8);
  });
});

/** The numbers that are trained: where they start, how many, and a sample of each matrix and norm. */
function sampled({ trained }: SmallModel): number[] {
  const random = randomStream(5, 'sample');
  return trained.spans.flatMap(({ at, count }) => Array.from({ length: 3 }, () => at + random.int(count)));
}

describe.each([
  ['weights', 0],
  ['adapters', 0],
  ['weights', 1],
  ['adapters', 2],
] as const)('the gradient of the whole loss with respect to the %s, %i tokens of it wrong', (what, wrongs) => {
  it('agrees with finite differences in double precision', { timeout: 120_000 }, () => {
    const model = openSmallModel((end) => createPlainDevice(new Float64Array(end)), what, wrongs);
    const where = sampled(model);
    const { gradient } = lossAndGradient(model);
    const measured = differences(model.device.floats, model.trained.at, where, 1e-5, () => lossAndGradient(model).loss);
    expect(where.length).toBeGreaterThan(50);
    expect(
      relativeError(
        where.map((i) => gradient[i]!),
        measured,
      ),
    ).toBeLessThan(1e-7);
  });

  it('is the same in single precision on WebAssembly', () => {
    const wasm = lossAndGradient(openSmallModel(createWasmDevice, what, wrongs));
    const plain = lossAndGradient(openSmallModel((end) => createPlainDevice(new Float64Array(end)), what, wrongs));
    expect(wasm.loss).toBeCloseTo(plain.loss, 4);
    expect(relativeError([...wasm.gradient], [...plain.gradient])).toBeLessThan(1e-5);
  });
});
