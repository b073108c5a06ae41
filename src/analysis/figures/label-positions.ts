/**
 * Moves labels apart until neighbours are at least `gap` px from each other,
 * inside [top, bottom], each as near to its wish as a push down and a push up
 * allow. The order of the wishes is kept.
 * @throws {RangeError} when they cannot fit.
 */
export function labelPositions(wishes: readonly number[], gap: number, top: number, bottom: number): number[] {
  if ((wishes.length - 1) * gap > bottom - top + 1e-9) throw new RangeError(`${wishes.length} labels do not fit`);
  const order = wishes.map((_, i) => i).sort((a, b) => wishes[a]! - wishes[b]! || a - b);
  const placed: number[] = new Array(wishes.length);
  let free = top;
  for (const i of order) {
    placed[i] = Math.max(wishes[i]!, free);
    free = placed[i]! + gap;
  }
  let limit = bottom;
  for (const i of [...order].reverse()) {
    placed[i] = Math.min(placed[i]!, limit);
    limit = placed[i]! - gap;
  }
  return placed;
}
