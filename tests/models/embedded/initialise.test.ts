import { expect, it } from 'vitest';
import { initialAdapters } from '../../../src/models/embedded/initialise.ts';
import { adapterLayout } from '../../../src/models/embedded/layout.ts';
import { projectionSize, projections } from '../../../src/models/embedded/shape.ts';
import { tinyShape } from './training-samples.ts';

it('begins adapters as PEFT does: A uniform between ±1/√inputs, B zero', () => {
  const rank = 64;
  const floats = initialAdapters(tinyShape, { rank, alpha: 8 }, 3);
  for (const layer of adapterLayout(tinyShape, rank).layers) {
    for (const name of projections) {
      const { inputs, outputs } = projectionSize(tinyShape, name);
      const a = [...floats.subarray(layer[name].a, layer[name].a + inputs * rank)].map((x) => x * Math.sqrt(inputs));
      expect(Math.max(...a.map(Math.abs))).toBeLessThanOrEqual(1 + 1e-6);
      // Of 1,024 and more uniform numbers: the extremes lie near the bounds, the mean (its deviation 0.018) near 0.
      expect(Math.min(...a)).toBeLessThan(-0.97);
      expect(Math.max(...a)).toBeGreaterThan(0.97);
      expect(Math.abs(a.reduce((sum, x) => sum + x, 0) / a.length)).toBeLessThan(0.1);
      expect(floats.subarray(layer[name].b, layer[name].b + outputs * rank).every((x) => x === 0)).toBe(true);
    }
  }
});
