import type { Assess } from '../../../markspace/writing/assessment.ts';
import type { LineageId } from '../../core/ids.ts';
import type { RunState } from '../run-state.ts';

/**
 * What a mark weighs, from what the niche has measured of its author, without
 * regard to the unit of scores:
 *
 * - strength (m + 1) / (n + 1), where m of the author's n generations could be
 *   measured: who mostly fails has less to say, and a single failure does not silence;
 * - confidence: the share of the other lineages whose best score the author's
 *   is not below, equal ones counting half; 0 while it has none.
 *
 * Who is no lineage speaks for the run, and weighs 1.
 */
export function assessFrom(lineages: RunState['lineages']): Assess {
  return (agent) => {
    const known = lineages.get(agent as LineageId);
    if (known === undefined) return { strength: 1, confidence: 1 };
    const measured = known.state.archive.filter(({ score }) => score !== null).length;
    const strength = (measured + 1) / (known.generations.size + 1);
    const own = known.member.best?.score ?? null;
    const others = [...lineages].flatMap(([id, { member }]) => (id === agent ? [] : [member.best?.score ?? null]));
    return { strength: Math.min(1, strength), confidence: own === null ? 0 : rankAmong(own, others) };
  };
}

function rankAmong(own: number, others: readonly (number | null)[]): number {
  if (others.length === 0) return 1;
  const points: number[] = others.map((other) => (other === null || own > other ? 1 : own === other ? 0.5 : 0));
  return points.reduce((a, b) => a + b) / others.length;
}
