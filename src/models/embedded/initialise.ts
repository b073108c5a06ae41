import { randomStream } from '../../core/random.ts';
import { adapterLayout, weightLayout } from './layout.ts';
import { type LoraShape, type ModelShape, projectionSize, projections } from './shape.ts';

/** Random weights in the order of `weightLayout`. What feeds the residual is smaller, as in GPT-2. */
export function initialWeights(shape: ModelShape, seed: number): Float32Array {
  const layout = weightLayout(shape);
  const weights = new Float32Array(layout.count);
  const random = randomStream(seed, 'embedded', 'weights');
  const fill = (at: number, count: number, deviation: number) => {
    for (let i = at; i < at + count; i += 1) weights[i] = deviation * random.normal();
  };
  fill(layout.embedding, shape.vocabularySize * shape.hiddenSize, 0.05);
  weights.fill(1, layout.norms.at, layout.norms.at + layout.norms.count);
  for (const layer of layout.layers) {
    for (const name of projections) {
      const { outputs, inputs } = projectionSize(shape, name);
      const residual = name === 'o_proj' || name === 'down_proj' ? 1 / Math.sqrt(2 * shape.layers) : 1;
      // 0.7/√inputs trained best of what was tried at these sizes.
      fill(layer[name], outputs * inputs, (residual * 0.7) / Math.sqrt(inputs));
    }
  }
  return weights;
}

/** Adapters that change nothing yet: A uniform in ±1/√inputs as PEFT draws it, B zero. In the order of `adapterLayout`. */
export function initialAdapters(shape: ModelShape, { rank }: LoraShape, seed: number): Float32Array {
  const layout = adapterLayout(shape, rank);
  const adapters = new Float32Array(layout.count);
  const random = randomStream(seed, 'embedded', 'adapters');
  for (const layer of layout.layers) {
    for (const name of projections) {
      const { inputs } = projectionSize(shape, name);
      const bound = 1 / Math.sqrt(inputs);
      for (let i = 0; i < inputs * rank; i += 1) adapters[layer[name].a + i] = (2 * random.next() - 1) * bound;
    }
  }
  return adapters;
}
