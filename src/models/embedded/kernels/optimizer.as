// The optimiser's elementwise work; counts are multiples of four floats.
import { multiplyAdd, sumOfLanes } from './lanes';

/** into += from */
export function add(into: usize, from: usize, count: i32): void {
  into <<= 2; from <<= 2;
  const end = <usize>count << 2;
  for (let o: usize = 0; o < end; o += 16) v128.store(into + o, f32x4.add(v128.load(into + o), v128.load(from + o)));
}

export function sumOfSquares(x: usize, count: i32): f64 {
  x <<= 2;
  let sum: f64 = 0;
  const end = <usize>count << 2;
  for (let o: usize = 0; o < end; o += 16) {
    const v = v128.load(x + o);
    sum += <f64>sumOfLanes(f32x4.mul(v, v));
  }
  return sum;
}

/**
 * One AdamW update (Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019, algorithm 2).
 * @param gradientScale factor on the gradient: below one where its norm is clipped
 * @param correction1 1 / (1 - beta1^step), and `correction2` likewise
 */
export function adamW(
  weights: usize, gradient: usize, mean: usize, variance: usize, count: i32,
  rate: f32, beta1: f32, beta2: f32, epsilon: f32, decay: f32, correction1: f32, correction2: f32, gradientScale: f32,
): void {
  weights <<= 2; gradient <<= 2; mean <<= 2; variance <<= 2;
  const b1 = f32x4.splat(beta1), b2 = f32x4.splat(beta2);
  const rest1 = f32x4.splat(<f32>1.0 - beta1), rest2 = f32x4.splat(<f32>1.0 - beta2);
  const lr = f32x4.splat(rate), eps = f32x4.splat(epsilon), keep = f32x4.splat(<f32>1.0 - rate * decay);
  const unbias1 = f32x4.splat(correction1), unbias2 = f32x4.splat(correction2), scale = f32x4.splat(gradientScale);
  const end = <usize>count << 2;
  for (let o: usize = 0; o < end; o += 16) {
    const g = f32x4.mul(v128.load(gradient + o), scale);
    const m = f32x4.add(f32x4.mul(v128.load(mean + o), b1), f32x4.mul(g, rest1));
    const v = f32x4.add(f32x4.mul(v128.load(variance + o), b2), f32x4.mul(f32x4.mul(g, g), rest2));
    v128.store(mean + o, m);
    v128.store(variance + o, v);
    const step = f32x4.div(f32x4.mul(m, unbias1), f32x4.add(f32x4.sqrt(f32x4.mul(v, unbias2)), eps));
    v128.store(weights + o, f32x4.sub(f32x4.mul(v128.load(weights + o), keep), f32x4.mul(lr, step)));
  }
}

/** Products and sums that touch no memory: what this machine can do at most. `count` rounds of 12 multiply-adds of 4 lanes. */
export function peak(count: i32): f32 {
  const b = f32x4.splat(0.999), c = f32x4.splat(0.001);
  let s0 = f32x4.splat(0.0), s1 = f32x4.splat(1.0), s2 = f32x4.splat(2.0), s3 = f32x4.splat(3.0);
  let s4 = f32x4.splat(4.0), s5 = f32x4.splat(5.0), s6 = f32x4.splat(6.0), s7 = f32x4.splat(7.0);
  let s8 = f32x4.splat(8.0), s9 = f32x4.splat(9.0), sa = f32x4.splat(10.0), sb = f32x4.splat(11.0);
  for (let i = 0; i < count; i++) {
    s0 = multiplyAdd(s0, b, c); s1 = multiplyAdd(s1, b, c); s2 = multiplyAdd(s2, b, c); s3 = multiplyAdd(s3, b, c);
    s4 = multiplyAdd(s4, b, c); s5 = multiplyAdd(s5, b, c); s6 = multiplyAdd(s6, b, c); s7 = multiplyAdd(s7, b, c);
    s8 = multiplyAdd(s8, b, c); s9 = multiplyAdd(s9, b, c); sa = multiplyAdd(sa, b, c); sb = multiplyAdd(sb, b, c);
  }
  const low = f32x4.add(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)), f32x4.add(f32x4.add(s4, s5), f32x4.add(s6, s7)));
  return sumOfLanes(f32x4.add(low, f32x4.add(f32x4.add(s8, s9), f32x4.add(sa, sb))));
}
