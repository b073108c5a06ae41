import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { monotonicMs } from '../../src/core/clock.ts';
import type { Json } from '../../src/core/json.ts';
import { randomStream } from '../../src/core/random.ts';
import {
  areApart,
  areApartExactly,
  type Disc,
  sumIsAtMostOne,
  toInteger,
} from '../../src/niches/circle-packing/exact.ts';
import { circlePacking, circlePackingParamsSchema } from '../../src/niches/circle-packing/niche.ts';

const signal = new AbortController().signal;

function measure(circles: number, output: unknown, exitCode: number | null = 0) {
  const niche = circlePacking.create({ circles });
  const [situation] = niche.situations({ split: 'selection', seed: 1, count: 1 });
  return niche.measure(situation!, { output: output as Json, exitCode }, signal);
}

const two = (a: Disc, b: Disc) => measure(2, { circles: [a, b] });

function nextUp(x: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  view.setBigUint64(0, view.getBigUint64(0) + 1n);
  return view.getFloat64(0);
}

describe('situations', () => {
  const niche = circlePacking.create(circlePackingParamsSchema.parse({}));

  it('are the same problem from different starts, fixed by split, seed and index', () => {
    const some = niche.situations({ split: 'selection', seed: 7, count: 3 });
    expect(some.map((s) => s.id)).toEqual(['selection-0', 'selection-1', 'selection-2']);
    expect(some).toEqual(niche.situations({ split: 'selection', seed: 7, count: 5 }).slice(0, 3));
    const starts = (['train', 'selection', 'test'] as const).flatMap((split) =>
      niche.situations({ split, seed: 7, count: 20 }).map((s) => (s.input as { n: number; seed: number }).seed),
    );
    expect(new Set(starts).size).toBe(60);
    expect(starts.every((s) => Number.isSafeInteger(s) && s >= 0)).toBe(true);
    expect(some[0]!.input).toMatchObject({ n: 26 });
  });
});

describe('feasibility without tolerance', () => {
  it('lets circles touch each other and the sides', () => {
    expect(two([0.25, 0.25, 0.25], [0.75, 0.25, 0.25])).toMatchObject({ status: 'measured', score: 0.5 });
    expect(two([0.5, 0.375, 0.3125], [0.6875, 0.9375, 0.0625])).toMatchObject({ status: 'measured' });
    expect(measure(1, { circles: [[0.5, 0.5, 0.5]] })).toMatchObject({ status: 'measured', score: 0.5 });
  });

  it('accepts a contact along a Pythagorean diagonal and refuses it one ulp wider', () => {
    const a: Disc = [0.25, 0.25, 0.125];
    const b: Disc = [0.25 + 3 / 32, 0.25 + 4 / 32, 1 / 32];
    expect(two(a, b)).toMatchObject({ status: 'measured' });
    expect(two([0.25, 0.25, nextUp(0.125)], b)).toEqual({
      status: 'failed',
      reason: 'infeasible',
      message: 'circles 0 and 1 overlap',
    });
  });

  it('refuses one ulp across each side and names it', () => {
    const r = nextUp(0.25);
    expect(measure(1, { circles: [[0.25, 0.5, r]] })).toMatchObject({ message: expect.stringContaining('left side') });
    expect(measure(1, { circles: [[0.75, 0.5, r]] })).toMatchObject({ message: expect.stringContaining('right side') });
    expect(measure(1, { circles: [[0.5, 0.25, r]] })).toMatchObject({ message: expect.stringContaining('bottom') });
    expect(measure(1, { circles: [[0.5, 0.75, r]] })).toMatchObject({ message: expect.stringContaining('top side') });
  });

  it('sees past a sum that only rounds to one', () => {
    expect(1 - 2 ** -53 + 2 ** -53 + 2 ** -60).toBe(1);
    expect(sumIsAtMostOne(1 - 2 ** -53, 2 ** -53)).toBe(true);
    expect(sumIsAtMostOne(1 - 2 ** -53, nextUp(2 ** -53))).toBe(false);
    expect(sumIsAtMostOne(1, Number.MIN_VALUE)).toBe(false);
  });

  it('decides subnormal circles', () => {
    const tiny = Number.MIN_VALUE;
    expect(two([2 * tiny, tiny, tiny], [4 * tiny, tiny, tiny])).toMatchObject({ status: 'measured' });
    expect(two([2 * tiny, tiny, tiny], [3 * tiny, tiny, tiny])).toMatchObject({ reason: 'infeasible' });
  });

  it('agrees with exact arithmetic on random near-contacts', () => {
    const side = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(side, side, side, side, side, fc.integer({ min: -4, max: 4 }), (x1, y1, x2, y2, share, ulps) => {
        const distance = Math.hypot(x1 - x2, y1 - y2);
        const a: Disc = [x1, y1, distance * share];
        const b: Disc = [x2, y2, Math.max(0, (distance - distance * share) * (1 + ulps * 2 ** -53))];
        expect(areApart(a, b)).toBe(areApartExactly(a, b));
      }),
      { numRuns: 3_000 },
    );
  });

  it('turns every double into its exact integer', () => {
    fc.assert(
      fc.property(fc.double({ min: -1, max: 1, noNaN: true }), fc.integer({ min: -1_074, max: 0 }), (x, exponent) => {
        expect(toInteger(x) + toInteger(-x)).toBe(0n);
        expect(toInteger(2 ** exponent)).toBe(1n << BigInt(1_074 + exponent));
      }),
    );
    expect(toInteger(-0.75)).toBe(-(3n << 1_072n));
  });
});

describe('answers of the wrong shape', () => {
  const disc = [0.5, 0.5, 0.1];
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a list', [disc]],
    ['no circles', { score: 9 }],
    ['inherited circles', Object.create({ circles: [disc] })],
    ['too few circles', { circles: [] }],
    ['too many circles', { circles: [disc, [0.1, 0.1, 0.01]] }],
    ['a string', { circles: [[0.5, 0.5, '0.1']] }],
    ['a missing radius', { circles: [[0.5, 0.5]] }],
    ['a fourth number', { circles: [[0.5, 0.5, 0.1, 0]] }],
    ['NaN', { circles: [[Number.NaN, 0.5, 0.1]] }],
    ['infinity', { circles: [[0.5, 0.5, JSON.parse('1e999')]] }],
    ['a null', { circles: [[null, 0.5, 0.1]] }],
    ['a zero radius', { circles: [[0.5, 0.5, 0]] }],
    ['a negative zero radius', { circles: [[0.5, 0.5, -0]] }],
    ['a negative radius', { circles: [[0.5, 0.5, -0.1]] }],
  ])('fails on %s', (_name, output) => {
    expect(measure(1, output)).toMatchObject({ status: 'failed', reason: 'no-answer' });
  });

  it('refuses numbers far outside the square as infeasible', () => {
    for (const huge of [1e308, -1e308, -1]) {
      expect(measure(1, { circles: [[huge, 0.5, 0.1]] })).toMatchObject({ reason: 'infeasible' });
    }
    expect(measure(1, { circles: [[0.5, 0.5, 1e308]] })).toMatchObject({ reason: 'infeasible' });
  });

  it('calls a non-zero exit a crash', () => {
    expect(measure(1, { circles: [disc] }, 1)).toMatchObject({ reason: 'crash' });
    expect(measure(1, { circles: [disc] }, null)).toMatchObject({ reason: 'crash' });
  });
});

describe('the score', () => {
  it('is the sum the niche computes, whatever the answer claims', () => {
    const honest = { circles: [[0.25, 0.25, 0.25] as Disc, [0.75, 0.75, 0.125] as Disc] };
    expect(measure(2, { ...honest, score: 99, radiiSum: 99 })).toEqual(measure(2, honest));
    expect(measure(2, honest)).toMatchObject({ score: 0.375, details: { radiiSum: 0.375, smallestRadius: 0.125 } });
  });

  it('does not depend on the order of the circles', () => {
    const random = randomStream(3, 'order');
    const circles = grid(5, 26).map(([x, y, r]) => [x, y, r * (0.5 + random.next() / 2)]);
    expect(measure(26, { circles: random.shuffle(circles) })).toEqual(measure(26, { circles }));
  });

  it('takes less than ten milliseconds, even when all 26 circles touch', () => {
    const circles = grid(6, 26);
    expect(measure(26, { circles })).toMatchObject({ score: 26 / 16 });
    const startedMs = monotonicMs();
    expect(measure(26, { circles })).toMatchObject({ status: 'measured' });
    expect(monotonicMs() - startedMs).toBeLessThan(10);
  });
});

/** The first n circles of a grid with `side` cells a side; 1/8 keeps every contact exact. */
function grid(side: number, n: number): Disc[] {
  return Array.from({ length: n }, (_, i) => [(1 + 2 * (i % side)) / 16, (1 + 2 * Math.floor(i / side)) / 16, 1 / 16]);
}
