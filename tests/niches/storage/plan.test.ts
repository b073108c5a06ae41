import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentOf } from '../../../src/niches/storage/content.ts';
import { familyNames } from '../../../src/niches/storage/families.ts';
import { bytesOf, pagesOf, planWorld, type WorldPlan } from '../../../src/niches/storage/plan.ts';

function digestOf(plan: WorldPlan): string {
  const hash = createHash('sha256').update(JSON.stringify(plan));
  for (const file of plan.files) hash.update(bytesOf(file));
  return hash.digest('hex').slice(0, 16);
}

const worlds = fc.record({
  family: fc.constantFrom(...familyNames),
  seed: fc.nat(1_000_000),
  difficulty: fc.double({ min: 0, max: 1, noNaN: true }),
});

const usedBytes = (plan: WorldPlan) =>
  plan.files.reduce((sum, { content, size }) => sum + (content === null ? 0 : pagesOf(size)), 0);

describe('a planned world', () => {
  it('has the same bytes for the same seed, on every machine and at every time', () => {
    expect(familyNames.map((family) => digestOf(planWorld({ family, seed: 7 })))).toMatchInlineSnapshot(`
      [
        "3c6d25c32a9edc46",
        "90256931a408188e",
      ]
    `);
    expect(planWorld({ family: 'web', seed: 7 })).toEqual(planWorld({ family: 'web', seed: 7 }));
  });

  it('differs by seed', () => {
    const digests = new Set(Array.from({ length: 30 }, (_, seed) => digestOf(planWorld({ family: 'mail', seed }))));
    expect(digests.size).toBe(30);
  });

  it('fits its volume, with space left and every file in a directory that is there', () => {
    fc.assert(
      fc.property(worlds, (options) => {
        const plan = planWorld(options);
        expect(usedBytes(plan)).toBeLessThan(0.97 * plan.capacityBytes);
        expect(usedBytes(plan)).toBeGreaterThan(0.6 * plan.capacityBytes);
        const known = new Set(['/workspace', '/tmp', ...plan.directories.map(({ path }) => path)]);
        const paths = [...plan.files, ...plan.links].map(({ path }) => path);
        for (const path of paths) expect(known).toContain(path.slice(0, path.lastIndexOf('/')));
        expect(new Set(paths).size).toBe(paths.length);
        for (const file of plan.files) if (file.content !== null) expect(bytesOf(file)).toHaveLength(file.size);
      }),
      { numRuns: 100 },
    );
  });

  it('has in its family everything that makes a machine: closed and read-only, held, linked, sparse, oddly named, vital', () => {
    for (const family of familyNames) {
      const plans = Array.from({ length: 60 }, (_, seed) => planWorld({ family, seed, difficulty: 0.5 }));
      const share = (has: (plan: WorldPlan) => boolean) => plans.filter(has).length / plans.length;
      expect(share((p) => p.directories.some(({ mode }) => mode === 0o555))).toBeGreaterThan(0.8);
      expect(share((p) => p.files.some(({ mode }) => mode === 0o444))).toBeGreaterThan(0.9);
      expect(share((p) => p.files.some(({ isHeld, path }) => isHeld && path !== p.ownLog))).toBeGreaterThan(0.6);
      expect(share((p) => p.links.length > 0)).toBeGreaterThan(0.3);
      expect(share((p) => p.files.some(({ content }) => content === null))).toBeGreaterThan(0.15);
      expect(share((p) => p.files.some(({ path }) => /[\s'"$*\n]/.test(path)))).toBeGreaterThan(0.3);
      expect(share((p) => p.files.filter(({ isVital }) => isVital).length === 3)).toBe(1);
      expect(share((p) => p.system.length > 0)).toBeGreaterThan(0.4);
    }
  });

  it('closes more as it gets harder', () => {
    const closed = (difficulty: number) =>
      Array.from({ length: 40 }, (_, seed) => planWorld({ family: 'web', seed, difficulty })).reduce(
        (sum, plan) => sum + plan.files.filter(({ mode }) => mode === 0o444).length,
        0,
      );
    expect(closed(0)).toBeLessThan(closed(0.5));
    expect(closed(0.5)).toBeLessThan(closed(1));
  });

  it('refuses options that no world can have', () => {
    expect(() => planWorld({ family: 'web', seed: 1, difficulty: 1.5 })).toThrow(/difficulty is 1.5/);
    expect(() => planWorld({ family: 'web', seed: 1, capacityMiB: 0 })).toThrow(/0 MiB/);
  });
});

describe('content', () => {
  it('of kind gzip is real gzip that grows sixfold, wherever it begins', () => {
    for (const offset of [0, 5_000, 2 ** 20 - 1]) {
      const packed = contentOf('gzip', offset, 30_000);
      expect(gunzipSync(packed).length / packed.length).toBeGreaterThan(6);
    }
  });
});
