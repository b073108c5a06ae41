import type { Mark, Source } from '../mark.ts';
import type { ScopeSettings } from '../scopes/definition.ts';

/** What is weaker is not read. */
export const readThreshold = 0.01;

/** By whose word an observation is; never above 1, so that trust only takes away. */
export const trust: Readonly<Record<Source, number>> = { fleet: 1, verified: 0.7, unverified: 0.3 };

/** What each further independent author adds, as a share of its own strength. */
const reinforcement = 0.3;
/** The most that many authors make of one mark. */
const reinforcementCap = 2;

export type Times = Pick<ScopeSettings, 'halfLifeMs' | 'warningHalfLifeMs' | 'intentTtlMs'>;

/**
 * What time and trust leave of a mark's base strength; in [0, base].
 * Observations and warnings halve every half-life, an intent lasts its time to
 * live, an action and a need stay what they are.
 * @param times - Of the mark's own scope.
 */
export function ownStrength(mark: Mark, nowMs: number, times: Times): number {
  const ageMs = Math.max(0, nowMs - mark.createdAtMs);
  switch (mark.kind) {
    case 'observation':
      return mark.strength * trust[mark.source] * 2 ** (-ageMs / times.halfLifeMs);
    case 'warning':
      return mark.strength * 2 ** (-ageMs / times.warningHalfLifeMs);
    case 'intent':
      return ageMs < times.intentTtlMs ? mark.strength : 0;
    case 'action':
    case 'need':
      return mark.strength;
  }
}

/** @param warnings - Own strengths of the warnings on the mark. */
export function effectiveStrength(own: number, warnings: readonly number[]): number {
  return Math.max(0, own - warnings.reduce((sum, strength) => sum + strength, 0));
}

/**
 * What equal marks weigh together: the strongest, and a share of each further
 * author's strongest, at most twice the strongest.
 * @param marks - Effective strengths. One author's many marks count as its strongest.
 */
export function reinforcedStrength(marks: Iterable<{ readonly author: string; readonly strength: number }>): number {
  const byAuthor = new Map<string, number>();
  for (const { author, strength } of marks) byAuthor.set(author, Math.max(strength, byAuthor.get(author) ?? 0));
  let strongest = 0;
  let sum = 0;
  for (const strength of byAuthor.values()) {
    strongest = Math.max(strongest, strength);
    sum += strength;
  }
  return Math.min(reinforcementCap * strongest, strongest + reinforcement * (sum - strongest));
}
