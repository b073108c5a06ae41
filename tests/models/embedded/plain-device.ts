import type { Device, Kernels } from '../../../src/models/embedded/device.ts';

/**
 * The kernels once more, as plain loops over one array: what the WebAssembly
 * ones are compared with. On a `Float64Array` they are precise enough for
 * finite differences.
 */
export function createPlainDevice(floats: Float32Array | Float64Array): Device {
  const ints = floats instanceof Float64Array ? floats : new Int32Array(floats.buffer);
  return { kernels: { ...products(floats), ...layers(floats, ints), ...optimizer(floats) }, floats, ints };
}

type Numbers = Float32Array | Float64Array | Int32Array;

function products(f: Numbers): Pick<Kernels, 'packB' | 'multiplyPacked' | 'multiply'> {
  const packB: Kernels['packB'] = (n, k, b, bRow, bCol, packed) => {
    for (let j = 0; j < n; j += 8) {
      for (let i = 0; i < k; i += 1) {
        for (let q = 0; q < 8; q += 1)
          f[packed + j * k + i * 8 + q] = j + q < n ? f[b + i * bRow + (j + q) * bCol]! : 0;
      }
    }
  };
  const multiplyPacked: Kernels['multiplyPacked'] = (
    ...[m, n, k, a, aRow, aCol, packed, packedRows, c, cRow, alpha, accumulate]
  ) => {
    for (let i = 0; i < m; i += 1) {
      for (let j = 0; j < n; j += 1) {
        let sum = 0;
        const panel = packed + (j & ~7) * packedRows + (j & 7);
        for (let l = 0; l < k; l += 1) sum += f[a + i * aRow + l * aCol]! * f[panel + l * 8]!;
        const at = c + i * cRow + j;
        f[at] = alpha * sum + (accumulate === 1 ? f[at]! : 0);
      }
    }
  };
  return {
    packB,
    multiplyPacked,
    multiply(...[m, n, k, a, aRow, aCol, b, bRow, bCol, c, cRow, alpha, accumulate, scratch]) {
      packB(n, k, b, bRow, bCol, scratch);
      multiplyPacked(m, n, k, a, aRow, aCol, scratch, k, c, cRow, alpha, accumulate);
    },
  };
}

const logistic = (x: number) => 1 / (1 + Math.exp(-x));

/** Softmax over f[at …] in place. @returns the logarithm of the sum of exponentials. */
function softmax(f: Numbers, at: number, count: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i += 1) top = Math.max(top, f[at + i]!);
  let sum = 0;
  for (let i = 0; i < count; i += 1) sum += f[at + i] = Math.exp(f[at + i]! - top);
  for (let i = 0; i < count; i += 1) f[at + i]! /= sum;
  return top + Math.log(sum);
}

function layers(
  f: Numbers,
  ints: Numbers,
): Omit<Kernels, keyof ReturnType<typeof products> | keyof ReturnType<typeof optimizer>> {
  return {
    rmsNorm(x, weight, y, inverse, rows, size) {
      for (let row = 0; row < rows; row += 1) {
        let squares = 0;
        for (let i = 0; i < size; i += 1) squares += f[x + row * size + i]! ** 2;
        const r = 1 / Math.sqrt(squares / size + 1e-5);
        f[inverse + row] = r;
        for (let i = 0; i < size; i += 1) f[y + row * size + i] = f[x + row * size + i]! * r * f[weight + i]!;
      }
    },
    rmsNormBackward(x, weight, inverse, dy, dx, dWeight, rows, size) {
      for (let row = 0; row < rows; row += 1) {
        const at = row * size;
        const r = f[inverse + row]!;
        let sum = 0;
        for (let i = 0; i < size; i += 1) sum += f[dy + at + i]! * f[weight + i]! * f[x + at + i]!;
        for (let i = 0; i < size; i += 1) {
          const g = f[dy + at + i]!;
          f[dx + at + i]! += g * f[weight + i]! * r - (f[x + at + i]! * sum * r ** 3) / size;
          if (dWeight !== 0) f[dWeight + i]! += g * f[x + at + i]! * r;
        }
      }
    },
    rotate(x, rowStride, rows, heads, headSize, positions, cos, sin, sign) {
      const half = headSize / 2;
      for (let row = 0; row < rows; row += 1) {
        const table = ints[positions + row]! * half;
        for (let head = 0; head < heads; head += 1) {
          for (let i = 0; i < half; i += 1) {
            const at = x + row * rowStride + head * headSize + i;
            const [a, b] = [f[at]!, f[at + half]!];
            const [c, s] = [f[cos + table + i]!, sign * f[sin + table + i]!];
            f[at] = a * c - b * s;
            f[at + half] = b * c + a * s;
          }
        }
      }
    },
    causalSoftmax(scores, rowStride, first, rows, width) {
      for (let r = 0; r < rows; r += 1) {
        const at = scores + r * rowStride;
        softmax(f, at, first + r + 1);
        f.fill(0, at + first + r + 1, at + width);
      }
    },
    softmaxBackward(p, d, rowStride, rows, width) {
      for (let r = 0; r < rows; r += 1) {
        const at = r * rowStride;
        let sum = 0;
        for (let i = 0; i < width; i += 1) sum += f[p + at + i]! * f[d + at + i]!;
        for (let i = 0; i < width; i += 1) f[d + at + i] = f[p + at + i]! * (f[d + at + i]! - sum);
      }
    },
    swiGlu(gate, up, y, count) {
      for (let i = 0; i < count; i += 1) f[y + i] = f[gate + i]! * logistic(f[gate + i]!) * f[up + i]!;
    },
    swiGluBackward(gate, up, dy, count) {
      for (let i = 0; i < count; i += 1) {
        const [x, u, d] = [f[gate + i]!, f[up + i]!, f[dy + i]!];
        const s = logistic(x);
        f[up + i] = d * x * s;
        f[gate + i] = d * u * (s + x * s * (1 - s));
      }
    },
    crossEntropy(logits, targets, rows, size, scale) {
      let loss = 0;
      for (let row = 0; row < rows; row += 1) {
        const at = logits + row * size;
        const target = ints[targets + row]!;
        if (target < 0) {
          f.fill(0, at, at + size);
          continue;
        }
        const wanted = f[at + target]!;
        loss += softmax(f, at, size) - wanted;
        for (let i = 0; i < size; i += 1) f[at + i]! *= scale;
        f[at + target]! -= scale;
      }
      return loss;
    },
    attendCached(...args) {
      const [queries, queryStride, keys, values, contextLength, slots, positions, rows, heads, headSize, out, scratch] =
        args;
      const width = heads * headSize;
      for (let row = 0; row < rows; row += 1) {
        const cache = ints[slots + row]! * contextLength * width;
        const length = ints[positions + row]! + 1;
        for (let lane = 0; lane < width; lane += headSize) {
          for (let j = 0; j < length; j += 1) {
            let sum = 0;
            for (let i = 0; i < headSize; i += 1) {
              sum += f[queries + row * queryStride + lane + i]! * f[keys + cache + j * width + lane + i]!;
            }
            f[scratch + j] = sum / Math.sqrt(headSize);
          }
          softmax(f, scratch, length);
          for (let i = 0; i < headSize; i += 1) {
            let sum = 0;
            for (let j = 0; j < length; j += 1) sum += f[scratch + j]! * f[values + cache + j * width + lane + i]!;
            f[out + row * width + lane + i] = sum;
          }
        }
      }
    },
  };
}

function optimizer(f: Numbers): Pick<Kernels, 'add' | 'sumOfSquares' | 'adamW'> {
  return {
    add(into, from, count) {
      for (let i = 0; i < count; i += 1) f[into + i]! += f[from + i]!;
    },
    sumOfSquares(x, count) {
      let sum = 0;
      for (let i = 0; i < count; i += 1) sum += f[x + i]! ** 2;
      return sum;
    },
    adamW(...args) {
      const [weights, gradient, mean, variance, count, rate, beta1, beta2, epsilon, decay, unbias1, unbias2, scale] =
        args;
      for (let i = 0; i < count; i += 1) {
        const g = f[gradient + i]! * scale;
        const m = (f[mean + i] = beta1 * f[mean + i]! + (1 - beta1) * g);
        const v = (f[variance + i] = beta2 * f[variance + i]! + (1 - beta2) * g * g);
        const step = (m * unbias1) / (Math.sqrt(v * unbias2) + epsilon);
        f[weights + i] = f[weights + i]! * (1 - rate * decay) - rate * step;
      }
    },
  };
}
