import type { Rollback } from '../../src/core/records.ts';
import { type LineageState, scoreOf } from './lineage-state.ts';

/** When a lineage goes back to its best. Its choice of a parent stands otherwise. */
export interface RollbackRule {
  /** So many low generations in a row. */
  readonly after: number;
  /** A generation is low that lost more than this share of what the lineage had gained over generation 0, … */
  readonly share: number;
  /** … and more than this, in units of the score: what measuring twice may differ by. */
  readonly margin: number;
}

/**
 * Whether the parent that was chosen is part of a catastrophic regression: it
 * is low, and so were the last `after` generations. A generation without a
 * score is low, too. A lineage that has gained nothing can only fail.
 *
 * Pure: a resumed lineage decides as it did.
 */
export function rollbackOf(state: LineageState, chosen: number, rule: RollbackRule): Rollback | null {
  if (state.best === null || chosen === state.best) return null;
  const floor = floorOf(state, state.best, rule);
  const isLow = (score: number | null) => score === null || (floor !== null && score < floor);
  if (!isLow(scoreOf(state, chosen))) return null;
  const streak = lowInARow(state, isLow);
  return streak < rule.after ? null : { from: chosen, streak, floor };
}

/** What a score must not be under; `null` where nothing was gained that could be lost. */
function floorOf(state: LineageState, best: number, { share, margin }: RollbackRule): number | null {
  const [top, start] = [scoreOf(state, best)!, state.archive[0]!.score];
  return start === null || top <= start ? null : top - Math.max(share * (top - start), margin);
}

/** Every round makes one generation; those that failed are not in the archive. */
function lowInARow({ archive, history }: LineageState, isLow: (score: number | null) => boolean): number {
  const last = history.at(-1)?.generation ?? 0;
  let at = archive.length - 1;
  let streak = 0;
  for (let generation = last; generation > 0; generation -= 1) {
    const entry = archive[at]?.generation === generation ? archive[at--]! : null;
    if (!isLow(entry === null ? null : entry.score)) break;
    streak += 1;
  }
  return streak;
}
