import { describe, expect, it } from 'vitest';
import { wilsonInterval } from '../../src/analysis/statistics/proportions.ts';
import { gateSettings } from './gate-evidence.ts';
import { complacencyRate, promotionRates, type Rate, regressionRates } from './simulated-gates.ts';

// Few simulations, of one seed: what they show is shown with intervals, and the bench has more.
const simulations = 150;
const low = ({ hits, of }: Rate) => wilsonInterval(hits, of).low;
const high = ({ hits, of }: Rate) => wilsonInterval(hits, of).high;

describe('at the published noise', () => {
  it.each([
    ['one look', { test: 'paired' as const }],
    ['1 + 3 looks', { test: 'paired' as const, looks: 3 }],
  ])(
    'promotes what is no better no more often than its error rate, in %s; a higher score alone far more often',
    (_, improvement) => {
      for (const gain of ['identical', 0] as const) {
        const { naive, gate } = promotionRates(gateSettings({ improvement }), gain, simulations, 7);
        expect(low(gate)).toBeLessThan(0.05);
        expect(low(naive)).toBeGreaterThan(0.2);
      }
    },
  );

  it('promotes what is better by .2', () => {
    const settings = gateSettings({ improvement: { test: 'paired', looks: 3 } });
    expect(low(promotionRates(settings, 0.2, simulations, 7).gate)).toBeGreaterThan(0.9);
  });

  it('refuses what breaks ten frozen items, and hardly what breaks none, whatever is known of flakiness', () => {
    for (const trials of [0, 8]) {
      const rate = (breaks: number) => regressionRates({}, breaks, { trials, simulations, seed: 7 }).gate;
      expect(low(rate(0))).toBeLessThan(0.05);
      expect(high(rate(0))).toBeLessThan(0.12);
      expect(low(rate(10))).toBeGreaterThan(0.85);
    }
  });

  it('calls complacent who hardly ever changes code, and hardly ever who does', () => {
    expect(high(complacencyRate(0.9, 1_000, 7))).toBeLessThan(0.02);
    expect(low(complacencyRate(0.05, 1_000, 7))).toBeGreaterThan(0.75);
  });
});
