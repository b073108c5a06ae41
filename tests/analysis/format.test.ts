import { describe, expect, it } from 'vitest';
import { fixed, pValue, scoreFormat, seedList, usd } from '../../src/analysis/format.ts';
import { lineageOutcomes } from '../../src/analysis/lineage-outcome.ts';
import { runOf } from './fixture.ts';

const formatOf = (...scores: number[]) =>
  scoreFormat(lineageOutcomes([runOf({ arm: 'solo', seed: 1, lineages: { a: { scores, test: null } } })]));

describe('the format of scores', () => {
  it('shows a hundredth of the spread, whatever the scale', () => {
    expect(formatOf(0.21, 0.67).score(0.5)).toBe('0.500');
    expect(formatOf(2.6358, 2.63598).score(2.63598)).toBe('2.635980');
    expect(formatOf(1e6, 2e6).score(1_234_567)).toBe('1,234,567');
    expect(formatOf(1e-15, 3e-15).signed(-2e-15)).toBe('−2.000e−15');
    expect(formatOf().score(0)).toBe('0.000');
  });

  it('signs gains, and leaves what rounds to zero without a sign', () => {
    const { signed } = formatOf(0, 0.5);
    expect([0.25, -0.25, 0, -0.0001, 0.0001].map(signed)).toEqual(['+0.250', '−0.250', '0.000', '0.000', '0.000']);
  });
});

describe('other numbers', () => {
  it('separate thousands from five digits on', () => {
    expect([999, 9_999, 10_000, -1_234_567].map((n) => fixed(n, 0))).toEqual(['999', '9999', '10,000', '−1,234,567']);
    expect(fixed(12_345.678, 2)).toBe('12,345.68');
  });

  it('say in words what has no price', () => {
    expect([null, 0, 0.0123, 4.5].map(usd)).toEqual(['not metered', '$0.00', '$0.0123', '$4.50']);
    expect([0.0012, 0.0000213, 0.000005, 3e-10].map(usd)).toEqual([
      '$0.0012',
      '$0.000021',
      '$0.0000050',
      '$0.00000000030',
    ]);
  });

  it('keep three digits of p', () => {
    expect([1, 0.03125, 2 ** -19].map(pValue)).toEqual(['1', '0.0313', '0.00000191']);
  });

  it('shorten runs of seeds', () => {
    expect([[4], [1, 2], [1, 2, 3, 5, 8, 9]].map(seedList)).toEqual(['seed 4', 'seeds 1, 2', 'seeds 1–3, 5, 8, 9']);
  });
});
