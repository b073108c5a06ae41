import type { LineageOutcome } from './lineage-outcome.ts';

/** One recorded adoption: provenance says that lines of a peer's generation came into this one. */
export interface AdoptionEvent {
  readonly outcome: LineageOutcome;
  readonly generation: number;
  readonly verdict: string;
  readonly from: { readonly lineage: string; readonly generation: number; readonly score: number };
  /** Adopted lines, and their share of the lines that the child added. */
  readonly lines: number;
  readonly share: number;
  readonly parentScore: number | null;
  readonly score: number | null;
  /** Own score minus the parent's; `null` when either was not measured. */
  readonly effect: number | null;
}

export function adoptionEvents(outcomes: readonly LineageOutcome[]): AdoptionEvent[] {
  return outcomes.flatMap((outcome) =>
    outcome.generations.flatMap((g): AdoptionEvent[] => {
      if (g.adoption === null) return [];
      const at = (generation: number | null) => outcome.curve.find((p) => p.generation === generation)?.score ?? null;
      const [score, parentScore] = [at(g.generation), at(g.parent)];
      return [
        {
          outcome,
          generation: g.generation,
          verdict: g.verdict,
          from: g.adoption.from,
          lines: g.adoption.lines,
          share: g.adoption.share,
          parentScore,
          score,
          effect: score === null || parentScore === null ? null : score - parentScore,
        },
      ];
    }),
  );
}
