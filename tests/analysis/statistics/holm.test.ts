import { describe, expect, it } from 'vitest';
import { correctedByHolm, holm } from '../../../src/analysis/statistics/holm.ts';

describe('holm', () => {
  it('steps down, stays monotone and keeps the order given', () => {
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(holm([0.5, 0.9])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });
});

describe('correctedByHolm', () => {
  it('counts only entries that have a p into the family, and leaves the others as they are', () => {
    const entries = [{ p: 0.02 }, { p: null }, { p: 0.01 }];
    const corrected = correctedByHolm(
      entries,
      (e) => e.p,
      (e, holmP) => ({ ...e, holmP }),
    );
    expect(corrected).toEqual([{ p: 0.02, holmP: 0.02 }, { p: null }, { p: 0.01, holmP: 0.02 }]);
  });
});
