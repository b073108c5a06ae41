import type { Mark } from '../mark.ts';
import { inSlices } from './slices.ts';

/**
 * Asks a compaction's rule about every mark, a slice at a time.
 * @param assertUsable - Throws once the store can no longer be compacted.
 */
export async function sortOut(
  marks: readonly Mark[],
  isNeeded: (mark: Mark) => boolean,
  assertUsable: () => void,
): Promise<{ readonly kept: number; readonly dropped: readonly Mark[] }> {
  const dropped: Mark[] = [];
  let kept = 0;
  function* judging(): Generator<void> {
    for (const mark of marks) {
      assertUsable();
      if (isNeeded(mark)) kept += 1;
      else dropped.push(mark);
      yield;
    }
  }
  await inSlices(judging());
  return { kept, dropped };
}
