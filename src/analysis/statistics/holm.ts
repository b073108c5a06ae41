/**
 * Holm's step-down correction over one family of p values, in the order given.
 * @see Holm, A simple sequentially rejective multiple test procedure (1979).
 */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, i) => i).sort((a, b) => ps[a]! - ps[b]!);
  const corrected: number[] = new Array(ps.length);
  let largest = 0;
  order.forEach((index, rank) => {
    largest = Math.max(largest, Math.min(1, ps[index]! * (ps.length - rank)));
    corrected[index] = largest;
  });
  return corrected;
}

/** One family: every entry that has a p gets its corrected one, the others stay as they are. */
export function correctedByHolm<T>(
  entries: readonly T[],
  pOf: (entry: T) => number | null,
  withHolm: (entry: T, holmP: number) => T,
): T[] {
  const corrected = holm(entries.flatMap((entry) => pOf(entry) ?? []));
  return entries.map((entry) => (pOf(entry) === null ? entry : withHolm(entry, corrected.shift()!)));
}
