import { setImmediate as nextTurn } from 'node:timers/promises';
import { monotonicMs } from '../../src/core/clock.ts';

/** Milliseconds of work in one piece, before readers and writers get their turn. */
const sliceMs = 2;
/** Steps between two looks at the clock. */
const stride = 32;

/** Takes all the steps, a slice at a time. */
export async function inSlices(steps: Iterable<void>): Promise<void> {
  let until = monotonicMs() + sliceMs;
  let taken = 0;
  for (const _ of steps) {
    taken += 1;
    if (taken % stride !== 0 || monotonicMs() < until) continue;
    await nextTurn();
    until = monotonicMs() + sliceMs;
  }
}
