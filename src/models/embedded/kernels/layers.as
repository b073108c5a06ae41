// The layers between the products, forward and backward. Sizes are multiples of four floats; see ../README.md.
import { exp, logistic, maxOfLanes, multiplyAdd, sumOfLanes } from './lanes';

/** y = x / rms(x) · weight for each of `rows` rows; `inverse` takes 1/rms(x) of each row for the way back. */
export function rmsNorm(x: usize, weight: usize, y: usize, inverse: usize, rows: i32, size: i32): void {
  x <<= 2; weight <<= 2; y <<= 2; inverse <<= 2;
  const end = <usize>size << 2;
  for (let row = 0; row < rows; row++) {
    let squares = f32x4.splat(0.0);
    for (let o: usize = 0; o < end; o += 16) squares = multiplyAdd(v128.load(x + o), v128.load(x + o), squares);
    const r = <f32>1.0 / Mathf.sqrt(sumOfLanes(squares) / <f32>size + <f32>1e-5);
    store<f32>(inverse + (<usize>row << 2), r);
    const factor = f32x4.splat(r);
    for (let o: usize = 0; o < end; o += 16) {
      v128.store(y + o, f32x4.mul(f32x4.mul(v128.load(x + o), factor), v128.load(weight + o)));
    }
    x += end;
    y += end;
  }
}

/** Adds to dx, and to dWeight unless it is 0 (a frozen weight). */
export function rmsNormBackward(
  x: usize, weight: usize, inverse: usize, dy: usize, dx: usize, dWeight: usize, rows: i32, size: i32,
): void {
  x <<= 2; weight <<= 2; inverse <<= 2; dy <<= 2; dx <<= 2; dWeight <<= 2;
  const end = <usize>size << 2;
  for (let row = 0; row < rows; row++) {
    const r = load<f32>(inverse + (<usize>row << 2)), factor = f32x4.splat(r);
    let sum = f32x4.splat(0.0);
    for (let o: usize = 0; o < end; o += 16) {
      sum = multiplyAdd(f32x4.mul(v128.load(dy + o), v128.load(weight + o)), v128.load(x + o), sum);
    }
    const pull = f32x4.splat(sumOfLanes(sum) * r * r * r / <f32>size);
    for (let o: usize = 0; o < end; o += 16) {
      const xv = v128.load(x + o), g = v128.load(dy + o);
      const direct = f32x4.mul(f32x4.mul(g, v128.load(weight + o)), factor);
      v128.store(dx + o, f32x4.add(v128.load(dx + o), f32x4.sub(direct, f32x4.mul(xv, pull))));
      if (dWeight) {
        v128.store(dWeight + o, multiplyAdd(g, f32x4.mul(xv, factor), v128.load(dWeight + o)));
      }
    }
    x += end;
    dy += end;
    dx += end;
  }
}

/**
 * Rotary embedding in place, in the half-split form of Llama: lane i of a head turns with lane i + headSize/2.
 * @param positions one i32 per row
 * @param sign 1 forward, -1 backward
 */
export function rotate(
  x: usize, rowStride: i32, rows: i32, heads: i32, headSize: i32, positions: usize, cos: usize, sin: usize, sign: f32,
): void {
  x <<= 2; positions <<= 2; cos <<= 2; sin <<= 2;
  const half = <usize>headSize << 1, direction = f32x4.splat(sign);
  for (let row = 0; row < rows; row++) {
    const table = <usize>load<i32>(positions + (<usize>row << 2)) * half;
    for (let head = 0; head < heads; head++) {
      const p = x + <usize>head * (half << 1);
      for (let o: usize = 0; o < half; o += 16) {
        const c = v128.load(cos + table + o), s = f32x4.mul(v128.load(sin + table + o), direction);
        const a = v128.load(p + o), b = v128.load(p + half + o);
        v128.store(p + o, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
        v128.store(p + half + o, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)));
      }
    }
    x += <usize>rowStride << 2;
  }
}

/**
 * Softmax of `rows` rows of a causal score matrix: row r is query first + r, and sees keys 0 … first + r; the rest of
 * the `width` columns becomes zero.
 */
export function causalSoftmax(scores: usize, rowStride: i32, first: i32, rows: i32, width: i32): void {
  scores <<= 2;
  const step = <usize>rowStride << 2;
  for (let r = 0; r < rows; r++) {
    const seen = first + r + 1;
    for (let j = seen; j < width; j++) store<f32>(scores + (<usize>j << 2), <f32>-1e30);
    softmaxRow(scores, <usize>((seen + 3) & ~3) << 2);
    for (let j = seen; j < width; j++) store<f32>(scores + (<usize>j << 2), <f32>0.0);
    scores += step;
  }
}

@inline function softmaxRow(p: usize, end: usize): void {
  let largest = v128.load(p);
  for (let o: usize = 16; o < end; o += 16) largest = f32x4.max(largest, v128.load(p + o));
  const shift = f32x4.splat(maxOfLanes(largest));
  let sum = f32x4.splat(0.0);
  for (let o: usize = 0; o < end; o += 16) {
    const v = exp(f32x4.sub(v128.load(p + o), shift));
    v128.store(p + o, v);
    sum = f32x4.add(sum, v);
  }
  const factor = f32x4.splat(<f32>1.0 / sumOfLanes(sum));
  for (let o: usize = 0; o < end; o += 16) v128.store(p + o, f32x4.mul(v128.load(p + o), factor));
}

/** d ← p · (d − Σ p·d) for each row: the gradient of the scores from that of the probabilities. */
export function softmaxBackward(p: usize, d: usize, rowStride: i32, rows: i32, width: i32): void {
  p <<= 2; d <<= 2;
  const end = <usize>width << 2, step = <usize>rowStride << 2;
  for (let r = 0; r < rows; r++) {
    let sum = f32x4.splat(0.0);
    for (let o: usize = 0; o < end; o += 16) sum = multiplyAdd(v128.load(p + o), v128.load(d + o), sum);
    const mean = f32x4.splat(sumOfLanes(sum));
    for (let o: usize = 0; o < end; o += 16) {
      v128.store(d + o, f32x4.mul(v128.load(p + o), f32x4.sub(v128.load(d + o), mean)));
    }
    p += step;
    d += step;
  }
}

/** y = silu(gate) · up, with silu(x) = x · logistic(x) (Shazeer, GLU Variants Improve Transformer, 2020). */
export function swiGlu(gate: usize, up: usize, y: usize, count: i32): void {
  gate <<= 2; up <<= 2; y <<= 2;
  const end = <usize>count << 2;
  for (let o: usize = 0; o < end; o += 16) {
    const x = v128.load(gate + o);
    v128.store(y + o, f32x4.mul(f32x4.mul(x, logistic(x)), v128.load(up + o)));
  }
}

/** Replaces gate and up by their gradients. */
export function swiGluBackward(gate: usize, up: usize, dy: usize, count: i32): void {
  gate <<= 2; up <<= 2; dy <<= 2;
  const one = f32x4.splat(1.0), end = <usize>count << 2;
  for (let o: usize = 0; o < end; o += 16) {
    const x = v128.load(gate + o), u = v128.load(up + o), d = v128.load(dy + o);
    const s = logistic(x), silu = f32x4.mul(x, s);
    v128.store(up + o, f32x4.mul(d, silu));
    v128.store(gate + o, f32x4.mul(f32x4.mul(d, u), f32x4.add(s, f32x4.mul(silu, f32x4.sub(one, s)))));
  }
}

/**
 * Cross-entropy of `rows` rows of logits, which become their own gradient times `scale`.
 * @param targets one i32 per row; a negative one leaves the row out
 * @returns the summed negative log-likelihood in nats
 */
export function crossEntropy(logits: usize, targets: usize, rows: i32, size: i32, scale: f32): f64 {
  logits <<= 2; targets <<= 2;
  let loss: f64 = 0;
  const end = <usize>size << 2;
  for (let row = 0; row < rows; row++, logits += end) {
    const target = load<i32>(targets + (<usize>row << 2));
    if (target < 0) {
      memory.fill(logits, 0, end);
      continue;
    }
    let largest = v128.load(logits);
    for (let o: usize = 16; o < end; o += 16) largest = f32x4.max(largest, v128.load(logits + o));
    const top = maxOfLanes(largest), shift = f32x4.splat(top);
    const at = logits + (<usize>target << 2), wanted = load<f32>(at);
    let sum = f32x4.splat(0.0);
    for (let o: usize = 0; o < end; o += 16) {
      const v = exp(f32x4.sub(v128.load(logits + o), shift));
      v128.store(logits + o, v);
      sum = f32x4.add(sum, v);
    }
    const total = sumOfLanes(sum), factor = f32x4.splat(scale / total);
    for (let o: usize = 0; o < end; o += 16) v128.store(logits + o, f32x4.mul(v128.load(logits + o), factor));
    store<f32>(at, load<f32>(at) - scale);
    loss += Math.log(<f64>total) + <f64>top - <f64>wanted;
  }
  return loss;
}
