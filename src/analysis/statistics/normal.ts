/**
 * Standard normal distribution function, absolute error below 1e-15.
 * @see Marsaglia, Evaluating the Normal Distribution (2004), the series Φ = ½ + φ(x)(x + x³/3 + x⁵/(3·5) + …).
 */
export function normalCdf(x: number): number {
  // Beyond, the rest is below 1e-15 and the series loses its digits.
  if (Math.abs(x) > 8) return x > 0 ? 1 : 0;
  let term = x;
  let sum = x;
  for (let i = 3; sum + term !== sum; i += 2) {
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-x * x * 0.5)) / Math.sqrt(2 * Math.PI);
}

/** @param p - In [1e-12, 1 − 1e-12]. @throws {RangeError} outside. */
export function normalQuantile(p: number): number {
  if (!(p >= 1e-12 && p <= 1 - 1e-12)) throw new RangeError(`p must be in (0, 1), not ${p}`);
  let [low, high] = [-8, 8];
  for (let i = 0; i < 60; i += 1) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
