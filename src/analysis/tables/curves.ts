import { spentSoFar } from '../figures/spending.ts';
import type { LineageOutcome } from '../lineage-outcome.ts';
import { type Column, column, seedColumn } from './table.ts';

/** One generation: a point of every curve in the report. */
export interface CurveRow {
  readonly outcome: LineageOutcome;
  readonly index: number;
  /** Up to and with this generation; `null` where it is not known. */
  readonly tokens: number | null;
  readonly usd: number | null;
}

export function curveRows(outcomes: readonly LineageOutcome[]): CurveRow[] {
  return outcomes.flatMap((outcome) => {
    const [tokens, usd] = [spentSoFar(outcome, 'tokens'), spentSoFar(outcome, 'usd')];
    return outcome.curve.map((_, index) => ({
      outcome,
      index,
      tokens: tokens?.[index] ?? null,
      usd: usd?.[index] ?? null,
    }));
  });
}

export function curveColumns(): Column<CurveRow>[] {
  const generation = ({ outcome, index }: CurveRow) => outcome.generations[index]!;
  return [
    column('run', (r) => r.outcome.run),
    column('arm', (r) => r.outcome.arm),
    seedColumn((r) => r.outcome),
    column('lineage', (r) => r.outcome.lineage),
    column('generation', (r) => generation(r).generation),
    column('round', (r) => generation(r).round),
    column('parent', (r) => generation(r).parent),
    column('verdict', (r) => generation(r).verdict),
    column('score', (r) => r.outcome.curve[r.index]!.score),
    column('best_so_far', (r) => r.outcome.curve[r.index]!.best),
    column('tokens_so_far', (r) => r.tokens),
    column('usd_so_far', (r) => r.usd),
    column('genome_bytes', (r) => generation(r).bytes),
    column('adopted_from_lineage', (r) => generation(r).adoption?.from.lineage ?? null),
    column('adopted_from_generation', (r) => generation(r).adoption?.from.generation ?? null),
    column('commit', (r) => generation(r).commit),
  ];
}
