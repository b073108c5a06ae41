import { describe, expect, it } from 'vitest';
import { sparkline } from '../../src/analysis/sparkline.ts';

describe('sparkline', () => {
  it('rises from the lowest to the highest level', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe('▁▂▃▄▅▆▇█');
  });

  it('shows a failed generation as a dot, not as the lowest score', () => {
    expect(sparkline([0.1, null, 0.5])).toBe('▁·█');
    expect(sparkline([null, null])).toBe('··');
    expect(sparkline([])).toBe('');
  });

  it('shows equal scores at the middle level', () => {
    expect(sparkline([0.3, 0.3])).toBe('▄▄');
  });

  it('keeps a fixed scale and clamps what lies outside', () => {
    expect(sparkline([-1, 0.5, 2], { low: 0, high: 1 })).toBe('▁▅█');
  });

  it('bins long series, each bin showing its highest score', () => {
    expect(sparkline([0, 7, null, null, 3, null], { width: 3 })).toBe('█·▁');
    expect(
      sparkline(
        Array.from({ length: 1_000 }, (_, i) => i),
        { width: 8 },
      ),
    ).toBe('▁▂▃▄▅▆▇█');
  });
});
