import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splits } from '../../../src/core/niche.ts';
import { drawSplits } from '../../../src/niches/grading/splits.ts';
import type { Item } from '../../../src/niches/grading/table.ts';

const item = (i: number, grade: Item['grade'], group: string): Item => ({
  ...{ id: `G${i}`, problem: group, response: '', guidelines: null, reference: null, group, label: '', grade },
});
const gradeAt = fc.constantFrom<Item['grade'][]>(0, 0, 0, 1, 6, 7, 7);
const tables = fc
  .array(fc.tuple(gradeAt, fc.integer({ min: 0, max: 12 })), { minLength: 30, maxLength: 200 })
  .map((rows) => rows.map(([grade, problem], i) => item(i, grade, `P${problem}`)));
const third = fc.integer({ min: 1, max: 10 });
const sizesOf = fc.record({ train: third, selection: third, test: third });
const seeds = fc.nat();

function drawn(items: readonly Item[], sizes: Record<'train' | 'selection' | 'test', number>, seed: number) {
  const result = drawSplits(items, { sizes, seed, isGrouped: false });
  if (typeof result === 'string') throw new Error(result);
  return result;
}

describe('splits', () => {
  it('are disjoint, as large as asked for, and together the table as far as it goes', () => {
    fc.assert(
      fc.property(tables, sizesOf, seeds, (items, sizes, seed) => {
        const { train, selection, test } = drawn(items, sizes, seed);
        expect([train.length, test.length]).toEqual([sizes.train, sizes.test]);
        expect(selection.length).toBe(items.length - sizes.train - sizes.test);
        expect(new Set([...train, ...selection, ...test]).size).toBe(items.length);
      }),
    );
  });

  it('have the grades of the table in any number of their first items', () => {
    fc.assert(
      fc.property(tables, sizesOf, seeds, (items, sizes, seed) => {
        const all = drawn(items, sizes, seed);
        for (const split of splits) {
          for (let k = 1; k <= all[split].length; k += 1) {
            for (const grade of [0, 1, 6, 7]) {
              const share = items.filter((i) => i.grade === grade).length / items.length;
              const count = all[split].slice(0, k).filter((i) => i.grade === grade).length;
              expect(Math.abs(count - share * k)).toBeLessThanOrEqual(1 + 4 * share + 1e-9);
            }
          }
        }
      }),
    );
  });

  it('are the same for the same seed, and others for another', () => {
    const items = Array.from({ length: 60 }, (_, i) => item(i, i % 2 === 0 ? 0 : 7, `P${i % 5}`));
    const sizes = { train: 10, selection: 10, test: 10 };
    expect(drawn(items, sizes, 3)).toEqual(drawn(items, sizes, 3));
    const tests = new Set(
      [1, 2, 3, 4, 5].map((seed) =>
        drawn(items, sizes, seed)
          .test.map(({ id }) => id)
          .join(),
      ),
    );
    expect(tests.size).toBe(5);
  });

  it('do not follow the order of the table', () => {
    const items = Array.from({ length: 40 }, (_, i) => item(i, 7, 'P'));
    const places = [1, 2, 3, 4, 5, 6].flatMap((seed) =>
      drawn(items, { train: 10, selection: 10, test: 10 }, seed).test.map(({ id }) => Number(id.slice(1))),
    );
    expect(Math.max(...places)).toBeGreaterThan(30);
    expect(Math.min(...places)).toBeLessThan(10);
  });

  it('never share a problem when problems are kept together, and say so when that leaves too little', () => {
    fc.assert(
      fc.property(tables, sizesOf, seeds, (items, sizes, seed) => {
        const result = drawSplits(items, { sizes, seed, isGrouped: true });
        if (typeof result === 'string') return void expect(result).toMatch(/gets \d+ items of the \d+ it needs/);
        const problems = splits.map((split) => new Set(result[split].map(({ group }) => group)));
        for (const [i, a] of problems.entries())
          for (const b of problems.slice(i + 1)) expect([...a].filter((group) => b.has(group))).toEqual([]);
        for (const split of splits) expect(result[split].length).toBeGreaterThanOrEqual(sizes[split]);
      }),
    );
  });

  it('keep problems together in a table as large as the published one', () => {
    const items = Array.from({ length: 1_000 }, (_, i) => item(i, ([0, 1, 6, 7] as const)[i % 4]!, `P${i % 30}`));
    for (let seed = 0; seed < 20; seed += 1) {
      expect(drawSplits(items, { sizes: { train: 100, selection: 100, test: 100 }, seed, isGrouped: true })).toBeTypeOf(
        'object',
      );
    }
  });

  it('are refused when the table is too small', () => {
    const items = Array.from({ length: 5 }, (_, i) => item(i, 7, 'P'));
    expect(drawSplits(items, { sizes: { train: 2, selection: 2, test: 2 }, seed: 1, isGrouped: false })).toBe(
      'train 2, selection 2, test 2 are 6 items, and the table has 5',
    );
  });
});
