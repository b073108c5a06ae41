import type { RequestOf, ResultOf } from '../../src/core/messages.ts';
import type { Check } from '../../src/core/records.ts';

type Evidence = RequestOf<'gate'>;

/**
 * The verdict on a generation, a pure function of the evidence. Checks come
 * in order; the first that does not pass decides, and `unknown` never passes.
 */
export function judge(evidence: Evidence): ResultOf<'gate'> {
  const validity = checkValidity(evidence);
  if (validity.outcome !== 'pass') return { verdict: 'failed', checks: [validity] };
  const measured = checkMeasured(evidence);
  if (measured.outcome !== 'pass') return { verdict: 'failed', checks: [validity, measured] };
  if (evidence.policy === 'valid') return { verdict: 'promoted', checks: [validity, measured] };
  const improvement = checkImprovement(evidence);
  return {
    verdict: improvement.outcome === 'pass' ? 'promoted' : 'archived',
    checks: [validity, measured, improvement],
  };
}

function checkValidity({ candidate }: Evidence): Check {
  const { failure } = candidate;
  return failure === null
    ? { name: 'validity', outcome: 'pass', reason: 'both entry points import' }
    : { name: 'validity', outcome: 'refuse', reason: `${failure.stage}: ${failure.message}` };
}

function checkMeasured({ candidate }: Evidence): Check {
  const name = 'measured';
  if (candidate.selection === null) return { name, outcome: 'unknown', reason: 'not evaluated' };
  if (candidate.selection.status === 'failed') {
    return { name, outcome: 'unknown', reason: `${candidate.selection.reason}: ${candidate.selection.message}` };
  }
  return { name, outcome: 'pass', reason: `n ${candidate.selection.n}` };
}

function checkImprovement({ candidate, best }: Evidence): Check {
  const name = 'improvement';
  const selection = candidate.selection;
  if (selection?.status !== 'measured') return { name, outcome: 'unknown', reason: 'not measured' };
  if (best === null) return { name, outcome: 'pass', reason: 'nothing was measured before' };
  if (best.selection.status !== 'measured') return { name, outcome: 'unknown', reason: 'the best was not measured' };
  const gain = selection.score - best.selection.score;
  const reason = `${gain >= 0 ? '+' : ''}${gain.toPrecision(4)} against generation ${best.generation}`;
  return { name, outcome: gain > 0 ? 'pass' : 'refuse', reason };
}
