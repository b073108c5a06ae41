import { type Generation, type RunRecord, selectionScore, type Verdict } from '../../index.ts';
import { clean } from '../text/clean.ts';

/** One generation as the log tells it. */
export interface LogRow {
  readonly lineage: string;
  readonly generation: number;
  readonly round: number;
  readonly parent: number | null;
  readonly commit: string;
  readonly verdict: Verdict;
  /** Selection score; `null` when it was not measured. */
  readonly score: number | null;
  /** Score minus the parent's; `null` when either was not measured. */
  readonly change: number | null;
  readonly changedFiles: readonly string[];
  readonly adopted: {
    readonly lineage: string;
    readonly generation: number;
    readonly lines: number;
    readonly share: number;
  } | null;
  /** The generation that was chosen as its parent, before the lineage went back to its best; `null` where it did not. */
  readonly rolledBackFrom: number | null;
  /** Why it was not kept, in one line; empty for what was. */
  readonly reason: string;
}

/** Every generation of a run, newest round first, lineages in their order within a round. */
export function logRows(record: RunRecord): LogRow[] {
  return record.lineages
    .flatMap(({ id, generations }) => {
      const scores = new Map(generations.map((g) => [g.generation, selectionScore(g)]));
      return generations.map((g) => rowOf(id, g, scores));
    })
    .sort((a, b) => b.round - a.round);
}

function rowOf(lineage: string, g: Generation, scores: ReadonlyMap<number, number | null>): LogRow {
  const score = selectionScore(g);
  const before = g.parent === null ? null : (scores.get(g.parent) ?? null);
  const { generation, round, parent, commit, verdict, changedFiles, adoption } = g;
  return {
    lineage,
    generation,
    round,
    parent,
    commit,
    verdict,
    score,
    change: score === null || before === null ? null : score - before,
    changedFiles,
    adopted: adoption && {
      lineage: adoption.from.lineage,
      generation: adoption.from.generation,
      lines: adoption.lines,
      share: adoption.share,
    },
    rolledBackFrom: g.rollback?.from ?? null,
    reason: reasonOf(g),
  };
}

/** Why a generation was not kept: what broke, or the check that said no. */
export function reasonOf(g: Generation): string {
  if (g.verdict === 'seed' || g.verdict === 'promoted') return '';
  if (g.failure !== null) return clean(`${g.failure.stage}: ${g.failure.message}`);
  const broken = [g.train, g.selection].find((e) => e?.status === 'failed');
  if (broken?.status === 'failed') return clean(`${broken.reason}: ${broken.message}`);
  const check = g.checks.find((c) => c.outcome === 'refuse') ?? g.checks.find((c) => c.outcome === 'unknown');
  return check === undefined ? '' : clean(`${check.name} ${check.reason}`);
}
