import { commitOf } from '../../actors/archivist/create-archivist.ts';
import { noteOf } from '../../actors/archivist/note.ts';
import type { Lineage } from '../lineage/lineage.ts';
import type { RunState } from './run-state.ts';

/** Writes again what the journal knows and the repository may have lost in a crash; the hashes come out the same. */
export async function restoreRepository(
  lineage: Lineage,
  state: RunState,
  secondsOf: (round: number) => number,
): Promise<void> {
  const order = [...state.lineages.keys()];
  for (const { round, records, generations, isClosed } of state.unsafeRounds) {
    for (const record of records) await lineage.commit(commitOf(record, secondsOf(round)));
    if (!isClosed) continue;
    const sorted = [...generations].sort((a, b) => order.indexOf(a.lineage) - order.indexOf(b.lineage));
    const notes = sorted.map((g) => ({ commit: g.commit, note: noteOf(g) }));
    await lineage.annotate(notes, secondsOf(round));
  }
}
