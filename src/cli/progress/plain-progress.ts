import { describeError, type ProgressEvent } from '../../index.ts';
import { clean } from '../text/clean.ts';
import { counted, decimalsFor, formatChange, formatCount, formatDuration, formatScore } from '../text/numbers.ts';
import { type ProgressState, type RunProgress, waitingNotice } from './progress-state.ts';
import { bestsOf } from './render-progress.ts';

/**
 * What one event is worth saying where nothing can be repainted: the start and
 * end of a run, and each generation that was finished now.
 * @param state - With the event already in it.
 */
export function plainLine(state: ProgressState, event: ProgressEvent): string | null {
  switch (event.type) {
    case 'experiment.started': {
      const { plan, provider, isolation, parallel } = event;
      const together = Math.min(parallel, plan.runs);
      return `${plan.experiment}: ${counted(plan.runs, 'run')}, ${together} at a time, sandbox ${provider}${isolation === 'none' ? ', which does NOT isolate: code runs with your rights (galapagos doctor says what would)' : ''}`;
    }
    case 'run.started':
      return `${event.run} started: arm ${event.arm}, seed ${event.seed}, ${counted(event.rounds, 'round')}, lineages ${event.lineages.join(', ')}`;
    case 'fact':
      return factLine(runOf(state, event.run), event);
    case 'sandbox.waiting':
      return waitingNotice(event);
    case 'run.ended':
      return endLine(runOf(state, event.run));
  }
}

function runOf(state: ProgressState, id: string): RunProgress {
  return state.runs.find((run) => run.run === id)!;
}

function factLine(run: RunProgress, { fact, isReplay }: Extract<ProgressEvent, { type: 'fact' }>): string | null {
  if (isReplay) return null;
  if (fact.type === 'session.opened') {
    return run.replayed === 0 ? null : `${run.run} resumed after ${counted(run.replayed, 'generation')}`;
  }
  const hasGeneration = (fact.body as { generation?: unknown }).generation !== null;
  if (fact.type !== 'lineage.finished' || !hasGeneration) return null;
  const lineage = run.lineages.find((l) => l.id === fact.key.split('/')[0]);
  if (lineage?.last == null) return null;
  const { verdict, score, change, tokens, isAdoption, changedFiles, reason } = lineage.last;
  const decimals = decimalsFor(lineage.scores);
  const parts = [
    `${run.run} ${lineage.id} g${lineage.generation} ${verdict}${isAdoption ? ', adopted' : ''}`,
    score === null ? 'no score' : formatScore(score, decimals),
    formatChange(change, decimals),
    tokens === 0 ? '' : `${formatCount(tokens)} tokens`,
    changedFiles.slice(0, 3).map(clean).join(', ') + (changedFiles.length > 3 ? ` +${changedFiles.length - 3}` : ''),
    reason,
  ];
  return parts.filter((part) => part !== '').join('  ');
}

function endLine(run: RunProgress): string {
  const took = formatDuration((run.endedMs ?? run.startedMs) - run.startedMs);
  if (run.status === 'failed') return `${run.run} failed after ${took}: ${clean(describeError(run.error))}`;
  return `${run.run} ${run.status} after ${took}: ${bestsOf(run)}`;
}
