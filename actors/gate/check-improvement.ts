import type { GateConfig } from '../../src/core/config/gate-schema.ts';
import type { RequestOf } from '../../src/core/messages.ts';
import type { Check } from '../../src/core/records.ts';
import { isHigherBeyondNoise, pairsOf, spentErrorRate } from './paired-test.ts';

type Evidence = RequestOf<'gate'>;

export interface ImprovementFinding {
  readonly check: Check;
  /** Whether fresh items could still show it. */
  readonly isOpen: boolean;
}

/**
 * Whether the candidate is better than the best so far.
 * @param test - Which of the lineage's tests this is, from 1; every measured candidate is one.
 */
export function checkImprovement(
  evidence: Evidence,
  settings: GateConfig['improvement'],
  test: number,
): ImprovementFinding {
  const { candidate, best } = evidence;
  const closed = (outcome: Check['outcome'], reason: string): ImprovementFinding => ({
    check: { name: 'improvement', outcome, reason },
    isOpen: false,
  });
  if (candidate.selection?.status !== 'measured') return closed('unknown', 'not measured');
  if (best === null) return closed('pass', 'nothing was measured before');
  if (best.selection.status !== 'measured') return closed('unknown', 'the best was not measured');
  const gain = candidate.selection.score - best.selection.score;
  const against = `${gain >= 0 ? '+' : ''}${gain.toPrecision(4)} against generation ${best.generation}`;
  if (settings.test === 'strict' || gain <= 0) return closed(gain > 0 ? 'pass' : 'refuse', against);
  return checkBeyondNoise(evidence, settings, test, against);
}

/**
 * One look after another, each over all items so far, each at its share of
 * the error rate. The best was chosen on the first items, which flatters it
 * there; so what is left of the error is on the careful side.
 */
function checkBeyondNoise(
  { candidate, best, retests }: Evidence,
  { errorRate, per, looks }: GateConfig['improvement'],
  test: number,
  against: string,
): ImprovementFinding {
  const name = 'improvement';
  const { n } = candidate.selection as { n: number };
  const fresh = retests.filter(({ places }) => places.some((place) => place >= n));
  const broken = fresh.find((r) => r.candidate.status === 'failed');
  if (broken?.candidate.status === 'failed') {
    const reason = `${against}, but it failed on fresh items: ${broken.candidate.message}`;
    return { check: { name, outcome: 'refuse', reason }, isOpen: false };
  }
  const pairs = [
    ...pairsOf(candidate.selection!, best!.selection),
    ...fresh.flatMap((r) => (r.best === null ? [] : pairsOf(r.candidate, r.best))),
  ];
  const rate = spentErrorRate(errorRate, per === 'lineage' ? test : null, 1 + looks);
  const { isHigher, reason } = isHigherBeyondNoise(pairs, rate);
  const gained = pairs.reduce((sum, p) => sum + p.candidate - p.reference, 0);
  const look = `${against}; look ${fresh.length + 1} of ${1 + looks}: ${reason}`;
  if (isHigher === true) return { check: { name, outcome: 'pass', reason: look }, isOpen: false };
  return {
    check: { name, outcome: isHigher === null ? 'unknown' : 'refuse', reason: look },
    isOpen: fresh.length < looks && gained > 0,
  };
}
