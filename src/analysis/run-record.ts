import type { ArmName } from '../core/config/arms.ts';
import { type Evaluation, type Generation, mayBeBest, type Usage } from '../core/records.ts';

/** What is known of one run, live or finished; rebuilt from its journal. */
export interface RunRecord {
  readonly run: string;
  readonly dir: string;
  readonly experiment: string;
  readonly arm: ArmName;
  readonly seed: number;
  readonly status: 'running' | 'done' | 'stopped' | 'failed';
  /** Why it stopped or failed. */
  readonly reason: string | null;
  readonly startedAtMs: number;
  /** Wall time spent in all sessions, in milliseconds. */
  readonly wallMs: number;
  readonly lineages: readonly LineageRecord[];
  /** What the guard closed to a lineage for its conduct, oldest first. */
  readonly narrowings?: readonly Narrowing[];
  /** Of a run that another system made: where from, and what of it nobody knows, such as `usage`, `times` and `reads`. */
  readonly imported?: ImportedFrom & { readonly notAvailable: readonly string[] };
}

/** Where an imported run comes from. */
export interface ImportedFrom {
  readonly source: string;
  /** The name of the file or directory that was imported. */
  readonly path: string;
  /** What the source calls the experiment, and what it is summarized with. */
  readonly pairing: string;
  readonly family: string;
  /** The file that is the task agent in every genome. */
  readonly taskFile: string;
  /** Paths of the settings that the source tells, `*` standing for one name; all others are nobody's choice. */
  readonly tells?: readonly string[];
  /** The source names no seed; 0 stands for it. */
  readonly hasNoSeed?: true;
}

export interface Narrowing {
  readonly lineage: string;
  /** `null` is everything. */
  readonly scope: string | null;
  readonly round: number | null;
  readonly reason: string;
}

export interface LineageRecord {
  readonly id: string;
  /** The lineage whose second instance this is; it was there to be seen, and is not compared with anything. */
  readonly twinOf?: string;
  readonly model: string;
  /** What its task agents call, where that is another one; weights that it has trained are in its generations. */
  readonly taskModel?: string;
  /** Generation 0 first; one entry per generation, failed ones included. */
  readonly generations: readonly Generation[];
  /** The held-out test of the best generation, opened once at the end; `null` before. */
  readonly test: Evaluation | null;
  readonly spent: Usage;
  readonly evaluations: number;
}

/** Who edits, and who answers where that is another one. */
export function modelNames({ model, taskModel }: Pick<LineageRecord, 'model' | 'taskModel'>): string {
  return taskModel === undefined ? model : `${model}, tasks: ${taskModel}`;
}

/** The generation with the highest selection score; the earliest of equals; `null` when none was measured. */
export function bestGeneration(generations: readonly Generation[]): Generation | null {
  let best: Generation | null = null;
  for (const g of generations) {
    const score = mayBeBest(g.verdict) ? selectionScore(g) : null;
    if (score !== null && (best === null || score > selectionScore(best)!)) best = g;
  }
  return best;
}

/** `null` for a generation that was not measured: a failed evaluation has no score. */
export function selectionScore(generation: Generation): number | null {
  return generation.selection?.status === 'measured' ? generation.selection.score : null;
}
