/**
 * Predicates on doubles, decided without any tolerance. A double is a rational
 * number, so every question here has an exact answer. Floating-point arithmetic
 * decides the clear cases under a proven error bound; integers decide the rest.
 */
const scaleBits = 1_074n;
const unit = 1n << scaleBits;
const bits = new DataView(new ArrayBuffer(8));

/** A finite double times 2^1074, which is an integer for every one of them. */
export function toInteger(x: number): bigint {
  bits.setFloat64(0, x);
  const word = bits.getBigUint64(0);
  const exponent = (word >> 52n) & 0x7ffn;
  const fraction = word & 0xfffffffffffffn;
  const magnitude = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return word >> 63n === 1n ? -magnitude : magnitude;
}

/** `a + b <= 1`. */
export function sumIsAtMostOne(a: number, b: number): boolean {
  const rounded = a + b;
  // Rounding is monotone and 1 is a double: only a sum that rounds to 1 can hide on the other side of it.
  return rounded === 1 ? toInteger(a) + toInteger(b) <= unit : rounded < 1;
}

export type Disc = readonly [x: number, y: number, r: number];

/**
 * `(x1-x2)² + (y1-y2)² >= (r1+r2)²` for numbers of magnitude at most 1.
 *
 * With u = 2^-53 a computed side is its exact value times at most (1+u)^4,
 * so each is off by less than 5u of itself, or by underflow of its products
 * (below 2^-1070). A gap wider than 16u of both sides together, plus 2^-1000,
 * therefore has the right sign.
 */
export function areApart(a: Disc, b: Disc): boolean {
  const dx = a[0] - b[0];
  const dy = a[1] - b[1];
  const reach = a[2] + b[2];
  const distanceSquared = dx * dx + dy * dy;
  const reachSquared = reach * reach;
  const gap = distanceSquared - reachSquared;
  if (Math.abs(gap) > (distanceSquared + reachSquared) * 2 ** -49 + 2 ** -1_000) return gap > 0;
  return areApartExactly(a, b);
}

/** The same question for any finite doubles, by integers alone. */
export function areApartExactly(a: Disc, b: Disc): boolean {
  const dx = toInteger(a[0]) - toInteger(b[0]);
  const dy = toInteger(a[1]) - toInteger(b[1]);
  const reach = toInteger(a[2]) + toInteger(b[2]);
  return dx * dx + dy * dy >= reach * reach;
}
