import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
// @ts-expect-error: the scripts are plain JavaScript
import { compileKernels } from '../../../scripts/build-kernels.mjs';
import { randomStream } from '../../../src/core/random.ts';
import { createWasmDevice, type Device, firstFree } from '../../../src/models/embedded/device.ts';
import { createPlainDevice } from './plain-device.ts';

const count = 65_536;
const wasm = createWasmDevice(firstFree + count);
const plain = createPlainDevice(new Float32Array(firstFree + count));

/** Runs one kernel on both devices, on equal memory, and returns what each left behind. */
function onBoth(seed: number, prepare: (device: Device) => void, call: (device: Device) => unknown) {
  const random = randomStream(seed, 'kernels');
  for (let i = firstFree; i < firstFree + count; i += 1) {
    wasm.floats[i] = plain.floats[i] = 2 * random.next() - 1;
  }
  const results = [wasm, plain].map((device) => {
    prepare(device);
    return call(device);
  });
  return { results, floats: [wasm.floats.slice(firstFree), (plain.floats as Float32Array).slice(firstFree)] as const };
}

/** Of every float that neither device used as scratch. */
function largestDifference([a, b]: readonly [Float32Array, Float32Array], from = 0, to = count): number {
  let worst = 0;
  for (let i = from; i < to; i += 1) worst = Math.max(worst, Math.abs(a[i]! - b[i]!) / (1 + Math.abs(b[i]!)));
  return worst;
}

const at = (offset: number) => firstFree + offset;
const scratch = at(40_000);
const seed = fc.integer({ min: 0, max: 2 ** 31 });
const fours = (max: number) => fc.integer({ min: 1, max }).map((n) => 4 * n);

function setInts(offset: number, values: readonly number[]) {
  return ({ ints }: Device) => {
    for (const [i, value] of values.entries()) ints[at(offset) + i] = value;
  };
}

describe('the kernels', () => {
  it('are what the sources compile to, byte for byte', { timeout: 120_000 }, async () => {
    const built = readFileSync('dist/src/models/embedded/kernels.wasm');
    expect(built.equals(await compileKernels()), 'kernels.wasm is out of date: npm run build').toBe(true);
  });

  it('multiply as plain loops do, whatever the sizes, strides and block ends', () => {
    const dims = fc.record({
      ...{ seed, m: fc.integer({ min: 1, max: 70 }), n: fc.integer({ min: 1, max: 20 }) },
      ...{ k: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 250, max: 270 })) },
      ...{
        isATransposed: fc.boolean(),
        isBTransposed: fc.boolean(),
        accumulate: fc.constantFrom(0 as const, 1 as const),
      },
      alpha: fc.constantFrom(1, 0.25, -2),
    });
    fc.assert(
      fc.property(dims, ({ seed, m, n, k, isATransposed, isBTransposed, accumulate, alpha }) => {
        const a: [number, number] = isATransposed ? [1, m] : [k, 1];
        const b: [number, number] = isBTransposed ? [1, k] : [n, 1];
        const { floats } = onBoth(
          seed,
          () => {},
          ({ kernels }) =>
            kernels.multiply(m, n, k, at(0), ...a, at(20_000), ...b, at(30_000), n, alpha, accumulate, scratch),
        );
        expect(largestDifference(floats, 0, 40_000)).toBeLessThan(2e-5);
      }),
      { numRuns: 150 },
    );
  });

  it('give a row of a product the same bits whatever rows lie beside it', () => {
    const dims = fc.record({
      seed,
      m: fc.integer({ min: 1, max: 70 }),
      k: fc.integer({ min: 1, max: 300 }),
      n: fours(5),
    });
    fc.assert(
      fc.property(dims, ({ seed, m, k, n }) => {
        const product = (first: number, rows: number) =>
          onBoth(
            seed,
            () => {},
            ({ kernels }) =>
              kernels.multiply(rows, n, k, at(first * k), k, 1, at(22_000), n, 1, at(30_000), n, 1, 0, scratch),
          ).floats[0].slice(30_000, 30_000 + n);
        expect(product(m - 1, 1)).toEqual(product(m - 1, Math.min(5, 71 - m)));
      }),
    );
  });

  it('normalise, forward and back', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 1, max: 9 }), fours(24), fc.boolean(), (seed, rows, size, isFrozen) => {
        const { floats } = onBoth(
          seed,
          () => {},
          ({ kernels }) => {
            kernels.rmsNorm(at(0), at(1_000), at(2_000), at(3_000), rows, size);
            kernels.rmsNormBackward(
              at(0),
              at(1_000),
              at(3_000),
              at(4_000),
              at(5_000),
              isFrozen ? 0 : at(6_000),
              rows,
              size,
            );
          },
        );
        expect(largestDifference(floats)).toBeLessThan(2e-5);
      }),
    );
  });

  it('rotate by each row’s own position, and back to where it was', () => {
    const positions = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(
        seed,
        positions,
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(8, 16, 24),
        (seed, rows, heads, size) => {
          const stride = heads * size + 4;
          const rotate = (sign: number) => (device: Device) =>
            device.kernels.rotate(at(0), stride, rows.length, heads, size, at(10_000), at(11_000), at(13_000), sign);
          const once = onBoth(seed, setInts(10_000, rows), rotate(1));
          expect(largestDifference(once.floats, 0, 10_000)).toBeLessThan(1e-6);
          const cosines = (device: Device) => {
            setInts(10_000, rows)(device);
            for (let i = 0; i < 2_000; i += 1) {
              device.floats[at(11_000) + i] = Math.cos(i);
              device.floats[at(13_000) + i] = Math.sin(i);
            }
          };
          const { floats } = onBoth(seed, cosines, (device) => [1, -1].map((sign) => rotate(sign)(device)));
          const before = onBoth(
            seed,
            () => {},
            () => {},
          ).floats[0].subarray(0, 10_000);
          expect(largestDifference([floats[0], before], 0, 10_000)).toBeLessThan(1e-6);
        },
      ),
    );
  });

  it('take a causal softmax, and its way back', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1, max: 12 }), (seed, first, rows) => {
        const width = Math.ceil((first + rows) / 4) * 4;
        const { floats } = onBoth(
          seed,
          () => {},
          ({ kernels }) => {
            kernels.causalSoftmax(at(0), width + 4, first, rows, width);
            kernels.softmaxBackward(at(0), at(2_000), width + 4, rows, width);
          },
        );
        expect(largestDifference(floats)).toBeLessThan(5e-6);
        for (let row = 0; row < rows; row += 1) {
          const unseen = floats[0].subarray(row * (width + 4) + first + row + 1, row * (width + 4) + width);
          expect(unseen.every((p) => p === 0)).toBe(true);
        }
      }),
    );
  });

  it('gate, forward and back, at small and at huge values', () => {
    fc.assert(
      fc.property(seed, fours(40), fc.constantFrom(1, 10, 500), (seed, count, factor) => {
        const grow = ({ floats }: Device) => {
          for (let i = 0; i < 400; i += 1) floats[at(i)]! *= factor;
        };
        const { floats } = onBoth(seed, grow, ({ kernels }) => {
          kernels.swiGlu(at(0), at(1_000), at(2_000), count);
          kernels.swiGluBackward(at(0), at(1_000), at(3_000), count);
        });
        expect(largestDifference(floats)).toBeLessThan(5e-6);
      }),
    );
  });

  it('measure cross-entropy over the targets that count', () => {
    const targets = fc.array(fc.integer({ min: -1, max: 31 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(seed, targets, fc.constantFrom(1, 30), (seed, wanted, factor) => {
        const grow = (device: Device) => {
          for (let i = 0; i < 640; i += 1) device.floats[at(i)]! *= factor;
          setInts(5_000, wanted)(device);
        };
        const { results, floats } = onBoth(seed, grow, ({ kernels }) =>
          kernels.crossEntropy(at(0), at(5_000), wanted.length, 32, 0.5),
        );
        expect(largestDifference(floats, 0, 5_000)).toBeLessThan(5e-6);
        expect(results[0]).toBeCloseTo(results[1] as number, 3);
        expect(floats[0].subarray(0, wanted.length * 32).every((v, i) => wanted[i >> 5]! >= 0 || v === 0)).toBe(true);
      }),
    );
  });

  it('hand a NaN on to the loss', () => {
    const { results } = onBoth(
      1,
      (device) => {
        setInts(5_000, [3])(device);
        device.floats[at(7)] = Number.NaN;
      },
      ({ kernels }) => kernels.crossEntropy(at(0), at(5_000), 1, 32, 1),
    );
    expect(results[0]).toBeNaN();
  });

  it('attend over cached keys and values, each row its own slot and length', () => {
    const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 23 })), {
      minLength: 1,
      maxLength: 9,
    });
    fc.assert(
      fc.property(seed, rows, fc.integer({ min: 1, max: 3 }), fc.constantFrom(8, 16), (seed, rows, heads, size) => {
        const cached = (device: Device) => {
          setInts(
            30_000,
            rows.map(([slot]) => slot),
          )(device);
          setInts(
            30_100,
            rows.map(([, position]) => position),
          )(device);
        };
        const { floats } = onBoth(seed, cached, ({ kernels }) =>
          kernels.attendCached(
            ...([at(0), heads * size + 8, at(1_000), at(10_000), 24, at(30_000), at(30_100)] as const),
            ...([rows.length, heads, size, at(31_000), scratch] as const),
          ),
        );
        expect(largestDifference(floats, 0, 40_000)).toBeLessThan(5e-6);
      }),
    );
  });

  it('take an AdamW step, add, and sum squares', () => {
    fc.assert(
      fc.property(seed, fours(50), fc.constantFrom(1, 0.3), (seed, count, gradientScale) => {
        const positive = ({ floats }: Device) => {
          for (let i = 3_000; i < 3_200; i += 1) floats[at(i)] = Math.abs(floats[at(i)]!);
        };
        const { results, floats } = onBoth(seed, positive, ({ kernels }) => {
          kernels.add(at(1_000), at(5_000), count);
          const numbers = [0.01, 0.9, 0.95, 1e-8, 0.1, 10, 20, gradientScale] as const;
          kernels.adamW(at(0), at(1_000), at(2_000), at(3_000), count, ...numbers);
          return kernels.sumOfSquares(at(1_000), count);
        });
        expect(largestDifference(floats)).toBeLessThan(2e-6);
        expect(results[0]).toBeCloseTo(results[1] as number, 3);
      }),
    );
  });
});
