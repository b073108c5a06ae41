// Matrix product C[m,n] = alpha · A·B (+ C). B is first packed into panels of eight columns, then tiles of 4×8 stay in
// registers while k runs. Every element is summed over k in ascending order, in blocks of 256, whatever row or tile it
// falls into: a row's result does not depend on the other rows. Strides are in floats; A may be a matrix or its
// transpose (row or column stride 1), B and C anything.
import { multiplyAdd } from './lanes';

const K_BLOCK = 256;
const ROW_BLOCK = 64;

/** Packs B[k,n] into ceil(n/8) panels of k×8 floats, the missing columns of the last as zeros. */
export function packB(n: i32, k: i32, b: usize, bRow: i32, bCol: i32, packed: usize): void {
  pack(n, k, b << 2, bRow, bCol, packed << 2);
}

function pack(n: i32, k: i32, b: usize, bRow: i32, bCol: i32, to: usize): void {
  for (let j = 0; j < n; j += 8) {
    const width = min(8, n - j);
    const from = b + ((<usize>j * bCol) << 2);
    if (bCol == 1 && width == 8) packRows(k, from, <usize>bRow << 2, to);
    else if (bRow == 1 && width == 8 && (k & 3) == 0) packTransposed(k, from, <usize>bCol << 2, to);
    else packAny(k, width, from, bRow, bCol, to);
    to += <usize>k << 5;
  }
}

function packRows(k: i32, from: usize, step: usize, to: usize): void {
  for (let i = 0; i < k; i++) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    from += step;
    to += 32;
  }
}

/** Columns lie in memory one after another: blocks of 4×4 are transposed in registers. */
function packTransposed(k: i32, from: usize, step: usize, to: usize): void {
  for (let i = 0; i < k; i += 4) {
    for (let half = 0; half < 2; half++) {
      const q = from + <usize>(half * 4) * step;
      const r0 = v128.load(q), r1 = v128.load(q + step), r2 = v128.load(q + 2 * step), r3 = v128.load(q + 3 * step);
      const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5), t1 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
      const t2 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5), t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
      const o = to + <usize>(half * 16);
      v128.store(o, v128.shuffle<f32>(t0, t2, 0, 1, 4, 5));
      v128.store(o, v128.shuffle<f32>(t0, t2, 2, 3, 6, 7), 32);
      v128.store(o, v128.shuffle<f32>(t1, t3, 0, 1, 4, 5), 64);
      v128.store(o, v128.shuffle<f32>(t1, t3, 2, 3, 6, 7), 96);
    }
    from += 16;
    to += 128;
  }
}

function packAny(k: i32, width: i32, from: usize, bRow: i32, bCol: i32, to: usize): void {
  for (let i = 0; i < k; i++) {
    const row = from + ((<usize>i * bRow) << 2);
    for (let q = 0; q < 8; q++) {
      const value = q < width ? load<f32>(row + ((<usize>q * bCol) << 2)) : <f32>0.0;
      store<f32>(to + (<usize>q << 2), value);
    }
    to += 32;
  }
}

@inline function putRow(c: usize, v0: v128, v1: v128, alpha: v128, accumulate: i32): void {
  v0 = f32x4.mul(v0, alpha);
  v1 = f32x4.mul(v1, alpha);
  if (accumulate) {
    v0 = f32x4.add(v0, v128.load(c));
    v1 = f32x4.add(v1, v128.load(c, 16));
  }
  v128.store(c, v0);
  v128.store(c, v1, 16);
}

/** A tile of 4 rows × 8 columns. Eight accumulators, two of B and one of A: eleven of the sixteen registers there are. */
function tile4(k: i32, a: usize, aRow: usize, aCol: usize, b: usize, c: usize, cRow: usize, alpha: f32, acc: i32): void {
  const zero = f32x4.splat(0.0);
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero, c30 = zero, c31 = zero;
  let i = 0;
  if (aCol == 4) {
    let a0 = a, a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
    for (; i + 4 <= k; i += 4) {
      let b0 = v128.load(b), b1 = v128.load(b, 16), t = v128.load_splat<f32>(a0);
      c00 = multiplyAdd(t, b0, c00); c01 = multiplyAdd(t, b1, c01); t = v128.load_splat<f32>(a1);
      c10 = multiplyAdd(t, b0, c10); c11 = multiplyAdd(t, b1, c11); t = v128.load_splat<f32>(a2);
      c20 = multiplyAdd(t, b0, c20); c21 = multiplyAdd(t, b1, c21); t = v128.load_splat<f32>(a3);
      c30 = multiplyAdd(t, b0, c30); c31 = multiplyAdd(t, b1, c31);
      b0 = v128.load(b, 32); b1 = v128.load(b, 48); t = v128.load_splat<f32>(a0, 4);
      c00 = multiplyAdd(t, b0, c00); c01 = multiplyAdd(t, b1, c01); t = v128.load_splat<f32>(a1, 4);
      c10 = multiplyAdd(t, b0, c10); c11 = multiplyAdd(t, b1, c11); t = v128.load_splat<f32>(a2, 4);
      c20 = multiplyAdd(t, b0, c20); c21 = multiplyAdd(t, b1, c21); t = v128.load_splat<f32>(a3, 4);
      c30 = multiplyAdd(t, b0, c30); c31 = multiplyAdd(t, b1, c31);
      b0 = v128.load(b, 64); b1 = v128.load(b, 80); t = v128.load_splat<f32>(a0, 8);
      c00 = multiplyAdd(t, b0, c00); c01 = multiplyAdd(t, b1, c01); t = v128.load_splat<f32>(a1, 8);
      c10 = multiplyAdd(t, b0, c10); c11 = multiplyAdd(t, b1, c11); t = v128.load_splat<f32>(a2, 8);
      c20 = multiplyAdd(t, b0, c20); c21 = multiplyAdd(t, b1, c21); t = v128.load_splat<f32>(a3, 8);
      c30 = multiplyAdd(t, b0, c30); c31 = multiplyAdd(t, b1, c31);
      b0 = v128.load(b, 96); b1 = v128.load(b, 112); t = v128.load_splat<f32>(a0, 12);
      c00 = multiplyAdd(t, b0, c00); c01 = multiplyAdd(t, b1, c01); t = v128.load_splat<f32>(a1, 12);
      c10 = multiplyAdd(t, b0, c10); c11 = multiplyAdd(t, b1, c11); t = v128.load_splat<f32>(a2, 12);
      c20 = multiplyAdd(t, b0, c20); c21 = multiplyAdd(t, b1, c21); t = v128.load_splat<f32>(a3, 12);
      c30 = multiplyAdd(t, b0, c30); c31 = multiplyAdd(t, b1, c31);
      a0 += 16; a1 += 16; a2 += 16; a3 += 16; b += 128;
    }
    a = a0;
  }
  for (; i < k; i++) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let t = v128.load_splat<f32>(a), p = a + aRow;
    c00 = multiplyAdd(t, b0, c00); c01 = multiplyAdd(t, b1, c01); t = v128.load_splat<f32>(p); p += aRow;
    c10 = multiplyAdd(t, b0, c10); c11 = multiplyAdd(t, b1, c11); t = v128.load_splat<f32>(p); p += aRow;
    c20 = multiplyAdd(t, b0, c20); c21 = multiplyAdd(t, b1, c21); t = v128.load_splat<f32>(p);
    c30 = multiplyAdd(t, b0, c30); c31 = multiplyAdd(t, b1, c31);
    a += aCol; b += 32;
  }
  const factor = f32x4.splat(alpha);
  putRow(c, c00, c01, factor, acc); c += cRow;
  putRow(c, c10, c11, factor, acc); c += cRow;
  putRow(c, c20, c21, factor, acc); c += cRow;
  putRow(c, c30, c31, factor, acc);
}

/** One row of a panel, and the panel's last columns where there are fewer than eight. */
function tile1(k: i32, a: usize, aCol: usize, b: usize, c: usize, width: i32, alpha: f32, acc: i32): void {
  let c0 = f32x4.splat(0.0), c1 = c0;
  for (let i = 0; i < k; i++) {
    const t = v128.load_splat<f32>(a);
    c0 = multiplyAdd(t, v128.load(b), c0);
    c1 = multiplyAdd(t, v128.load(b, 16), c1);
    a += aCol;
    b += 32;
  }
  if (width == 8) return putRow(c, c0, c1, f32x4.splat(alpha), acc);
  for (let q = 0; q < width; q++) {
    const at = c + (<usize>q << 2);
    const value = alpha * laneOf(q < 4 ? c0 : c1, q & 3);
    store<f32>(at, acc ? value + load<f32>(at) : value);
  }
}

@inline function laneOf(v: v128, lane: i32): f32 {
  if (lane == 0) return f32x4.extract_lane(v, 0);
  if (lane == 1) return f32x4.extract_lane(v, 1);
  return lane == 2 ? f32x4.extract_lane(v, 2) : f32x4.extract_lane(v, 3);
}

/** C[m,n] = alpha · A[m,k] · B (+ C), B packed with at least `k` rows a panel (`packedRows`). */
export function multiplyPacked(
  m: i32, n: i32, k: i32,
  a: usize, aRow: i32, aCol: i32,
  packed: usize, packedRows: i32,
  c: usize, cRow: i32,
  alpha: f32, accumulate: i32,
): void {
  product(m, n, k, a << 2, aRow, aCol, packed << 2, packedRows, c << 2, cRow, alpha, accumulate);
}

function product(
  m: i32, n: i32, k: i32,
  a: usize, aRow: i32, aCol: i32,
  packed: usize, packedRows: i32,
  c: usize, cRow: i32,
  alpha: f32, accumulate: i32,
): void {
  const rowA = <usize>aRow << 2, colA = <usize>aCol << 2, rowC = <usize>cRow << 2;
  for (let k0 = 0; k0 < k; k0 += K_BLOCK) {
    const depth = min(K_BLOCK, k - k0);
    const acc = k0 > 0 ? 1 : accumulate;
    const fromA = a + <usize>k0 * colA;
    for (let i0 = 0; i0 < m; i0 += ROW_BLOCK) {
      const end = min(m, i0 + ROW_BLOCK);
      for (let j = 0; j < n; j += 8) {
        const width = min(8, n - j);
        const b = packed + ((<usize>j * packedRows + <usize>k0 * 8) << 2);
        const toC = c + (<usize>j << 2);
        let i = i0;
        if (width == 8) {
          for (; i + 4 <= end; i += 4) {
            tile4(depth, fromA + <usize>i * rowA, rowA, colA, b, toC + <usize>i * rowC, rowC, alpha, acc);
          }
        }
        for (; i < end; i++) tile1(depth, fromA + <usize>i * rowA, colA, b, toC + <usize>i * rowC, width, alpha, acc);
      }
    }
  }
}

/** As `multiplyPacked`, with B[k,n] as it lies in memory; `scratch` takes its packed form: k · ceil(n/8) · 8 floats. */
export function multiply(
  m: i32, n: i32, k: i32,
  a: usize, aRow: i32, aCol: i32,
  b: usize, bRow: i32, bCol: i32,
  c: usize, cRow: i32,
  alpha: f32, accumulate: i32, scratch: usize,
): void {
  pack(n, k, b << 2, bRow, bCol, scratch << 2);
  product(m, n, k, a << 2, aRow, aCol, scratch << 2, k, c << 2, cRow, alpha, accumulate);
}
