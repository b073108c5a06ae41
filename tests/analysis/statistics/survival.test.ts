import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { censoredPairsTest, gehanDifferences } from '../../../src/analysis/statistics/censored-pairs.ts';
import { signFlipP } from '../../../src/analysis/statistics/sign-flip.ts';
import { kaplanMeier, medianWait, restrictedMeanWait } from '../../../src/analysis/statistics/survival.ts';

const at = (time: number) => ({ time, isReached: true });
const past = (time: number) => ({ time, isReached: false });

describe('waits that may be censored', () => {
  it("give the published curve of Freireich's 21 patients on 6-MP", () => {
    // Freireich et al. (1963): remission in weeks; S(6) 0.857, S(10) 0.753, S(22) 0.538, S(23) 0.448; median 23.
    const reached = [6, 6, 6, 7, 10, 13, 16, 22, 23].map(at);
    const censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35].map(past);
    const curve = kaplanMeier([...censored, ...reached]);
    expect(curve.map((s) => `${s.time} ${s.survival.toFixed(3)}`)).toEqual([
      '6 0.857',
      '7 0.807',
      '10 0.753',
      '13 0.690',
      '16 0.627',
      '22 0.538',
      '23 0.448',
    ]);
    expect(medianWait([...reached, ...censored])).toBe(23);
  });

  it('have the ordinary mean when nothing is censored', () => {
    const times = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(times, (list) => {
        const mean = list.reduce((a, b) => a + b, 0) / list.length;
        expect(restrictedMeanWait(list.map(at), Math.max(...list))).toBeCloseTo(mean, 10);
        // Past the last event nothing is added, because nobody waits.
        expect(restrictedMeanWait(list.map(at), 50)).toBeCloseTo(mean, 10);
      }),
    );
  });

  it('count censored ones for as long as they were watched', () => {
    expect(restrictedMeanWait([at(2), past(10)], 10)).toBe(6);
    expect(restrictedMeanWait([past(10), past(10)], 10)).toBe(10);
    // Both wait up to 2, one of them up to the horizon.
    expect(restrictedMeanWait([at(2), at(4)], 3)).toBe(2.5);
  });

  it('have no median where fewer than half got there, and no mean past what was watched', () => {
    expect(medianWait([at(1), past(9), past(9)])).toBeNull();
    expect(medianWait([])).toBeNull();
    expect(medianWait([1, 2, 3, 4].map(at))).toBe(2);
    expect(() => restrictedMeanWait([at(1), past(9)], 10)).toThrow(RangeError);
    expect(() => restrictedMeanWait([], 10)).toThrow(RangeError);
  });
});

describe('the exact test of paired waits', () => {
  const pair = (first: ReturnType<typeof at>, second: ReturnType<typeof at>) => ({ first, second });

  it('agrees with the count by hand', () => {
    // Pool 1, 3, >4, 2: the sooner ones score 3, 1 (2), −1 (3), and the censored −3.
    const pairs = [pair(at(1), at(3)), pair(at(2), past(4))];
    expect(gehanDifferences(pairs)).toEqual([4, 4]);
    expect(censoredPairsTest(pairs)).toEqual({ p: 0.5, floor: 0.5 });
  });

  it('reaches its floor when the first is sooner in every pair, censored or not', () => {
    const pairs = [
      pair(at(1), at(5)),
      pair(at(2), past(10)),
      pair(at(9), past(10)),
      pair(at(0), at(1)),
      pair(at(3), at(4)),
      pair(at(0), past(10)),
    ];
    expect(censoredPairsTest(pairs)).toEqual({ p: 1 / 32, floor: 1 / 32 });
    const turned = pairs.map(({ first, second }) => pair(second, first));
    expect(censoredPairsTest(turned).p).toBe(1 / 32);
  });

  it('takes nothing from pairs in which one was watched too briefly to say', () => {
    expect(gehanDifferences([pair(past(1), at(5))])).toEqual([0]);
    expect(gehanDifferences([pair(past(5), at(5))])).toEqual([-2]);
  });

  it('takes nothing from pairs in which neither got there', () => {
    const none = pair(past(10), past(10));
    expect(censoredPairsTest([none, none, none])).toEqual({ p: 1, floor: 1 });
  });

  it('holds its error rate when the arms do not differ, whatever is censored', () => {
    // Every way in which n pairs could have been swapped is equally likely then: at most a share of 0.25 may have p ≤ 0.25.
    const wait = fc.record({ time: fc.integer({ min: 0, max: 8 }), isReached: fc.boolean() });
    const pairs = fc.array(fc.record({ first: wait, second: wait }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(pairs, fc.constantFrom(0.0625, 0.125, 0.25, 0.5), (list, alpha) => {
        const n = list.length;
        let rejected = 0;
        for (let mask = 0; mask < 2 ** n; mask += 1) {
          const swapped = list.map((p, i) => ((mask >> i) & 1 ? pair(p.second, p.first) : p));
          rejected += Number(censoredPairsTest(swapped).p <= alpha);
        }
        expect(rejected / 2 ** n).toBeLessThanOrEqual(alpha);
      }),
    );
  });

  it('does not change when time is told in other units', () => {
    const list = [pair(at(1), past(7)), pair(at(6), at(5)), pair(past(7), at(2)), pair(at(3), at(4))];
    const squared = list.map(({ first, second }) =>
      pair({ ...first, time: first.time ** 2 }, { ...second, time: second.time ** 2 }),
    );
    expect(censoredPairsTest(squared)).toEqual(censoredPairsTest(list));
    expect(censoredPairsTest(list).p).toBe(signFlipP(gehanDifferences(list)).p);
  });
});
