import type { AdoptionEvent } from '../adoptions.ts';
import { fixed, type ScoreFormat } from '../format.ts';
import { type Column, column, measuredColumn } from './table.ts';

export function adoptionColumns(format: ScoreFormat): Column<AdoptionEvent>[] {
  return [
    column('run', (e) => e.outcome.run),
    column('lineage', (e) => e.outcome.lineage),
    column('generation', (e) => e.generation),
    column('from_lineage', (e) => e.from.lineage),
    column('from_generation', (e) => e.from.generation),
    measuredColumn('peer_score', (e) => e.from.score, format.score),
    column('lines', (e) => e.lines),
    measuredColumn(
      'share_of_added_lines',
      (e) => e.share,
      (share) => `${fixed(100 * share, 0)} %`,
    ),
    measuredColumn('parent_score', (e) => e.parentScore, format.score),
    measuredColumn('score', (e) => e.score, format.score),
    measuredColumn('effect', (e) => e.effect, format.signed),
    column('verdict', (e) => e.verdict),
  ];
}
