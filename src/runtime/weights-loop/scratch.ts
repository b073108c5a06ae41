import type { ReapOptions } from '../../../sandboxes/sandbox.ts';
import { labelFor, makeScratch, reapScratch, scratchRoot } from '../../../sandboxes/scratch.ts';
import { parseRunId } from '../../core/ids.ts';

const owner = parseRunId('weights-loop');
const root = () => scratchRoot(undefined, owner);

/** For a loop whose adapters nobody wants to keep. */
export function makeLoopScratch(): string {
  return makeScratch(root(), labelFor(owner));
}

/** Removes what dead processes left of theirs, or only counts it. @returns how many. */
export function reapLoopScratch(options?: ReapOptions): number {
  return reapScratch(root(), 'all', options);
}
