import type { ProgressState, RunProgress } from './progress-state.ts';

/** Milliseconds until everything is done at the pace so far, or `null` while that is anybody's guess. */
export function remainingMs(state: ProgressState, nowMs: number): number | null {
  const perRun = Math.max(0, ...state.runs.map((run) => (run.rounds + 1) * run.lineages.length));
  const settled = state.runs.reduce((sum, run) => sum + (run.status === 'active' ? generationsOf(run) : perRun), 0);
  const live = state.runs.reduce((sum, run) => sum + generationsOf(run) - run.replayed, 0);
  // The first generations include starting up; two say nothing about a pace.
  if (live < 4) return null;
  return ((nowMs - state.startedMs) / live) * Math.max(0, state.totalRuns * perRun - settled);
}

function generationsOf(run: RunProgress): number {
  return run.lineages.reduce((sum, lineage) => sum + lineage.scores.length, 0);
}

/** What is being waited for, in words, longest wait first. */
export function waitingFor(state: ProgressState): string {
  const waits = state.runs
    .filter((run) => run.status === 'active')
    .flatMap((run) => run.lineages.map((l) => ({ run: run.run, ...l })))
    .filter((l) => l.doing !== 'waiting' && !l.doing.startsWith('stopped'))
    .sort((a, b) => a.doingSinceMs - b.doingSinceMs);
  const shown = waits.slice(0, 3).map((l) => `${l.run} ${l.id} g${(l.generation ?? -1) + 1} (${l.doing})`);
  if (shown.length === 0) return 'the next run to start or end';
  return shown.join(', ') + (waits.length > 3 ? ` and ${waits.length - 3} more` : '');
}
