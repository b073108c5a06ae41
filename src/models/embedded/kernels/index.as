// Single-precision SIMD kernels over one imported memory. Every address is an index of floats, not of bytes.
export { packB, multiply, multiplyPacked } from './gemm';
export { causalSoftmax, crossEntropy, rmsNorm, rmsNormBackward, rotate, softmaxBackward, swiGlu, swiGluBackward } from './layers';
export { attendCached } from './attend';
export { adamW, add, peak, sumOfSquares } from './optimizer';
