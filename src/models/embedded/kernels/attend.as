// Attention of single queries over cached keys and values, for sampling.
import { exp, multiplyAdd, sumOfLanes } from './lanes';

/**
 * For each of `rows` queries and each head: softmax(q·K / √headSize) · V over the keys 0 … position of the query's slot.
 * @param queries rows of `queryStride` floats, the heads one after another
 * @param keys cache [slot, contextLength, heads · headSize]; `values` likewise
 * @param slots one i32 per row; `positions` likewise
 * @param out rows of heads · headSize floats
 * @param scratch contextLength + 4 floats
 */
export function attendCached(
  queries: usize, queryStride: i32, keys: usize, values: usize, contextLength: i32,
  slots: usize, positions: usize, rows: i32, heads: i32, headSize: i32, out: usize, scratch: usize,
): void {
  queries <<= 2; keys <<= 2; values <<= 2; slots <<= 2; positions <<= 2; out <<= 2; scratch <<= 2;
  const headBytes = <usize>headSize << 2, rowBytes = <usize>heads * headBytes;
  const scale = <f32>1.0 / Mathf.sqrt(<f32>headSize);
  for (let row = 0; row < rows; row++) {
    const at = <usize>row << 2;
    const length = load<i32>(positions + at) + 1;
    const cache = <usize>load<i32>(slots + at) * <usize>contextLength * rowBytes;
    for (let head = 0; head < heads; head++) {
      const offset = <usize>head * headBytes;
      attend(queries + offset, keys + cache + offset, values + cache + offset, rowBytes, length, headBytes, out + offset, scratch, scale);
    }
    queries += <usize>queryStride << 2;
    out += rowBytes;
  }
}

function attend(
  q: usize, keys: usize, values: usize, stride: usize, length: i32, headBytes: usize, out: usize, scores: usize, scale: f32,
): void {
  let largest: f32 = -1e30;
  let k = keys;
  for (let j = 0; j < length; j++) {
    let sum = f32x4.splat(0.0);
    for (let o: usize = 0; o < headBytes; o += 16) sum = multiplyAdd(v128.load(q + o), v128.load(k + o), sum);
    const score = sumOfLanes(sum) * scale;
    store<f32>(scores + (<usize>j << 2), score);
    largest = max(largest, score);
    k += stride;
  }
  const padded = (length + 3) & ~3;
  for (let j = length; j < padded; j++) store<f32>(scores + (<usize>j << 2), <f32>-1e30);
  const shift = f32x4.splat(largest);
  let total = f32x4.splat(0.0);
  for (let j = 0; j < padded; j += 4) {
    const p = scores + (<usize>j << 2), v = exp(f32x4.sub(v128.load(p), shift));
    v128.store(p, v);
    total = f32x4.add(total, v);
  }
  const factor = f32x4.splat(<f32>1.0 / sumOfLanes(total));
  for (let o: usize = 0; o < headBytes; o += 16) {
    let sum = f32x4.splat(0.0);
    let v = values + o;
    for (let j = 0; j < length; j++) {
      sum = multiplyAdd(v128.load_splat<f32>(scores + (<usize>j << 2)), v128.load(v), sum);
      v += stride;
    }
    v128.store(out + o, f32x4.mul(sum, factor));
  }
}
