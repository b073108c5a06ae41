import { describe, expect, it } from 'vitest';
import { randomStream, seedNumber } from '../../src/core/random.ts';

const draws = (count: number, draw: () => number) => Array.from({ length: count }, draw);

describe('a random stream', () => {
  // A change of any value below makes every recorded run unrepeatable. They are not to be updated.
  it('draws the same numbers for ever', () => {
    const stream = randomStream(1, 'selection', 'a', 7);
    expect(draws(3, stream.next)).toEqual([0.7370934592786494, 0.18590106792250993, 0.8631046555818506]);
    expect([stream.int(6), stream.int(1000), stream.int(2 ** 53)]).toEqual([2, 181, 1565643183730983]);
    expect(stream.pick(['a', 'b', 'c', 'd'])).toBe('c');
    expect(stream.shuffle([1, 2, 3, 4, 5, 6, 7, 8])).toEqual([7, 8, 6, 1, 5, 3, 4, 2]);
    expect(stream.normal()).toBeCloseTo(-1.093689574784804, 12);
    expect(seedNumber(1, 'proposer')).toBe(1427162486);
    expect(seedNumber(2 ** 31 - 1, 'x', 0)).toBe(136269606);
    expect(randomStream(0).next()).toBe(0.07848495349686058);
  });

  it('is told apart by seed, by every part of its name, and by text against number', () => {
    const names = [['a'], ['a', 0], ['a', '0'], ['a', 'b'], ['ab'], [], ['a', 0, 0], ['b', 'a']];
    const firsts = [0, 1].flatMap((seed) => names.map((name) => randomStream(seed, ...name).next()));
    expect(new Set(firsts).size).toBe(firsts.length);
  });

  it('is not moved by what other streams draw', () => {
    const alone = randomStream(3, 'selection');
    const expected = draws(10, alone.next);
    const beside = randomStream(3, 'selection');
    const other = randomStream(3, 'retry');
    const interleaved = draws(10, () => {
      other.next();
      return beside.next();
    });
    expect(interleaved).toEqual(expected);
  });

  it('shows no correlation between streams with neighbouring names', () => {
    const n = 4_000;
    const pairs = Array.from({ length: n }, (_, i) => [
      randomStream(1, 'x', i).next(),
      randomStream(1, 'x', i + 1).next(),
    ]);
    const covariance = pairs.reduce((sum, [a, b]) => sum + (a! - 0.5) * (b! - 0.5), 0) / n;
    // Standard error of the correlation is 1/sqrt(n); five of them.
    expect(Math.abs(covariance * 12)).toBeLessThan(5 / Math.sqrt(n));
  });

  it('is uniform: 16 buckets of 64 000 draws pass a chi-squared test', () => {
    const stream = randomStream(2, 'uniform');
    const buckets = new Array<number>(16).fill(0);
    for (let i = 0; i < 64_000; i += 1) buckets[stream.int(16)]! += 1;
    const chiSquared = buckets.reduce((sum, count) => sum + (count - 4_000) ** 2 / 4_000, 0);
    // 15 degrees of freedom: 1 in 10 000 of good generators would be above 44.3 or below 2.1.
    expect(chiSquared).toBeGreaterThan(2.1);
    expect(chiSquared).toBeLessThan(44.3);
  });

  it('stays in range at both ends of what int takes', () => {
    const stream = randomStream(5);
    for (let i = 0; i < 1_000; i += 1) {
      expect(stream.int(1)).toBe(0);
      const large = stream.int(2 ** 53);
      expect(Number.isSafeInteger(large) && large >= 0).toBe(true);
    }
  });

  it('shuffles into every order equally often, and leaves its argument alone', () => {
    const stream = randomStream(7, 'shuffle');
    const items = ['a', 'b', 'c'];
    const counts = new Map<string, number>();
    for (let i = 0; i < 6_000; i += 1) {
      const order = stream.shuffle(items).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
    expect(items).toEqual(['a', 'b', 'c']);
  });

  it('draws normal numbers of mean 0 and variance 1', () => {
    const stream = randomStream(11, 'normal');
    const sample = draws(20_000, stream.normal);
    const mean = sample.reduce((sum, x) => sum + x, 0) / sample.length;
    const variance = sample.reduce((sum, x) => sum + (x - mean) ** 2, 0) / sample.length;
    expect(Math.abs(mean)).toBeLessThan(0.035);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
    expect(sample.every(Number.isFinite)).toBe(true);
  });

  it('refuses to pick from nothing', () => {
    expect(() => randomStream(1).pick([])).toThrow(RangeError);
  });
});
