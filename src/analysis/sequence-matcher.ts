/**
 * `difflib.SequenceMatcher(None, a, b).ratio()` of Python over characters
 * (code points), its autojunk heuristic included: in a `b` of 200 characters
 * or more, a character that makes up more than 1 % of it starts no match. The
 * published adoption counts rest on it, so it is kept to the last bit; it is
 * not symmetric.
 *
 * @see CPython 3.11, Lib/difflib.py; Ratcliff and Metzener, Pattern Matching: The Gestalt Approach (1988).
 * @returns 2·M/T in [0, 1], M the characters in matching blocks, T those of both texts; 1 for two empty texts.
 */
export function similarityRatio(a: string, b: string): number {
  // Equal texts match whole, whatever is popular in them: the earliest longest block is on the diagonal.
  if (a === b) return 1;
  const [left, right] = [codePoints(a), codePoints(b)];
  const total = left.length + right.length;
  return total === 0 ? 1 : (2 * matchedCharacters(left, right)) / total;
}

/**
 * A bound that is cheap: no more characters can match than both texts have.
 * @returns at least {@link similarityRatio} of the same texts, whichever way round.
 */
export function similarityAtMost(a: string, b: string): number {
  const [left, right] = [codePoints(a), codePoints(b)];
  if (left.length + right.length === 0) return 1;
  const unmatched = new Map<number, number>();
  for (const character of right) unmatched.set(character, (unmatched.get(character) ?? 0) + 1);
  let common = 0;
  for (const character of left) {
    const there = unmatched.get(character) ?? 0;
    if (there === 0) continue;
    unmatched.set(character, there - 1);
    common += 1;
  }
  return (2 * common) / (left.length + right.length);
}

const codePoints = (text: string) => Uint32Array.from(text, (character) => character.codePointAt(0)!);

interface Span {
  readonly aLow: number;
  readonly aHigh: number;
  readonly bLow: number;
  readonly bHigh: number;
}

/** The longest common block, then the longest to its left and to its right, and so on. */
function matchedCharacters(a: Uint32Array, b: Uint32Array): number {
  const longest = blockFinder(a, b);
  const open: Span[] = [{ aLow: 0, aHigh: a.length, bLow: 0, bHigh: b.length }];
  let matched = 0;
  for (let span = open.pop(); span !== undefined; span = open.pop()) {
    const { aLow, aHigh, bLow, bHigh } = span;
    const { i, j, size } = longest(span);
    if (size === 0) continue;
    matched += size;
    if (aLow < i && bLow < j) open.push({ aLow, aHigh: i, bLow, bHigh: j });
    if (i + size < aHigh && j + size < bHigh) open.push({ aLow: i + size, aHigh, bLow: j + size, bHigh });
  }
  return matched;
}

/** Of equally long blocks the one that starts earliest in `a`, then in `b`; grown over popular characters at both ends. */
function blockFinder(a: Uint32Array, b: Uint32Array) {
  const places = placesOf(b);
  // Lengths of the blocks that end at each place of `b`, for the last character of `a` and for this one, shifted by one.
  let [before, here] = [new Int32Array(b.length + 1), new Int32Array(b.length + 1)];
  return ({ aLow, aHigh, bLow, bHigh }: Span) => {
    let [bestI, bestJ, size] = [aLow, bLow, 0];
    let written: readonly number[] = [];
    for (let i = aLow; i < aHigh; i += 1) {
      const at = places.get(a[i]!) ?? [];
      for (const j of at) {
        if (j < bLow) continue;
        if (j >= bHigh) break;
        const length = before[j]! + 1;
        here[j + 1] = length;
        if (length > size) [bestI, bestJ, size] = [i - length + 1, j - length + 1, length];
      }
      for (const j of written) before[j + 1] = 0;
      [before, here] = [here, before];
      written = at;
    }
    for (const j of written) before[j + 1] = 0;
    while (bestI > aLow && bestJ > bLow && a[bestI - 1] === b[bestJ - 1]) {
      [bestI, bestJ, size] = [bestI - 1, bestJ - 1, size + 1];
    }
    while (bestI + size < aHigh && bestJ + size < bHigh && a[bestI + size] === b[bestJ + size]) size += 1;
    return { i: bestI, j: bestJ, size };
  };
}

/** Where each character of `b` is, without the popular ones of a long text. */
function placesOf(b: Uint32Array): Map<number, number[]> {
  const places = new Map<number, number[]>();
  b.forEach((character, j) => {
    const known = places.get(character);
    if (known === undefined) places.set(character, [j]);
    else known.push(j);
  });
  if (b.length < 200) return places;
  const most = Math.floor(b.length / 100) + 1;
  for (const [character, at] of places) if (at.length > most) places.delete(character);
  return places;
}
