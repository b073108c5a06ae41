import type { Ask } from '../../src/core/ask.ts';
import type { Budget } from '../../src/core/budget.ts';
import type { ArchiveEntry } from '../../src/core/define.ts';
import type { CommitId, GenomeId } from '../../src/core/ids.ts';
import type { StepInput } from './lineage-machine.ts';
import type { LineageState } from './lineage-state.ts';
import type { RollbackRule } from './rollback.ts';
import type { Annealing, Draws } from './selection.ts';
import type { Learning } from './training/train-weights.ts';

export interface LineagePorts {
  readonly ask: Ask;
  readonly budget: Budget;
  readonly select: (archive: readonly ArchiveEntry[], draws: Draws) => number;
  /**
   * Randomness for choosing a generation's parent. `drawn` is where a
   * sequential stream stood, and stands afterwards; a stream of its own for
   * each generation has no place and says `null`.
   */
  readonly draws: (generation: number, drawn: number) => Draws & { readonly drawn: number | null };
  /** `null`: no tournaments. */
  readonly annealing: Annealing | null;
  readonly metaFrom: 'parent' | 'generation-0';
  /** When the lineage goes back to its best; `null`: never. */
  readonly rollback: RollbackRule | null;
  /** Publishes through the guard, as this lineage and no other; false when nothing new was published. */
  readonly publish: (strategy: {
    generation: number;
    genome: GenomeId;
    commit: CommitId;
    score: number;
  }) => Promise<boolean>;
  /** The meta-agent's model. */
  readonly model: string;
  /** The task agents', while the lineage has no weights of its own. */
  readonly taskModel: string;
  /** `null`: its weights stay as they are. */
  readonly learning: Learning | null;
  readonly seedGenome: { readonly genome: GenomeId; readonly bytes: number; readonly files: number };
  readonly items: {
    readonly train: number;
    readonly selection: number;
    readonly stage?: { readonly items: number; readonly above: number } | undefined;
  };
  readonly gatePolicy: 'strict-improvement' | 'valid';
  readonly showsTrain: boolean;
  readonly showsSelection: boolean;
  readonly maxStagnation: number | null;
  /** Where the lineage stands: empty, or folded from the journal. */
  readonly state: LineageState;
}

/** What every request of a generation begins with. */
export const header = ({ draft }: StepInput) => ({
  run: draft.request.run,
  seed: draft.request.seed,
  lineage: draft.request.lineage,
  generation: draft.request.round,
});
