import type { TrainingShard } from './backward.ts';
import type { Pass } from './forward.ts';

/** Nearer to certain than this (in nats), a wrong completion pushes no harder: the loss has a pole at probability 1. */
const leastNats = 1e-6;

/** How a batch says that a token is part of a completion that must not be said; and back again. */
export const wrongTarget = (token: number) => -2 - token;

/**
 * Loss of a shard's logits, which become their own gradient times `scale`.
 *
 * A sequence whose targets are right costs their negative log-likelihood. One whose targets are wrong costs
 * −log(1 − P), P the probability of all of them together: the negative log-likelihood of saying anything else. (The
 * sequence's form of unlikelihood: Welleck et al., Neural text generation with unlikelihood training, 2019.) Its
 * gradient is that of the likelihood times −P/(1 − P), so what would not be said anyway is hardly touched.
 * @returns the summed loss in nats, unscaled.
 */
export function lossAndItsGradient({ device, shape, activations }: Pass, shard: TrainingShard, scale: number): number {
  const { kernels, floats, ints } = device;
  const { vocabularySize: v } = shape;
  const { sequences, length, targets } = shard;
  const crossEntropy = (from: number, to: number) =>
    kernels.crossEntropy(
      activations.logits + from * length * v,
      targets + from * length,
      (to - from) * length,
      v,
      scale,
    );
  let loss = 0;
  let done = 0;
  for (let sequence = 0; sequence < sequences; sequence += 1) {
    const first = targets + sequence * length;
    const wrong = Array.from({ length }, (_, i) => first + i).filter((i) => ints[i]! < -1);
    if (wrong.length === 0) continue;
    loss += crossEntropy(done, sequence);
    done = sequence + 1;
    for (const i of wrong) ints[i] = wrongTarget(ints[i]!);
    const nats = Math.max(leastNats, crossEntropy(sequence, done));
    for (const i of wrong) ints[i] = wrongTarget(ints[i]!);
    const factor = -1 / Math.expm1(nats);
    const at = activations.logits + sequence * length * v;
    for (let i = at; i < at + length * v; i += 1) floats[i]! *= factor;
    loss -= Math.log(-Math.expm1(-nats));
  }
  return loss + crossEntropy(done, sequences);
}
