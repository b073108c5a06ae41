import type { ArmName } from '../../core/config/arms.ts';
import type { FileTree } from '../../core/file-tree.ts';
import type { LineageId, RunId } from '../../core/ids.ts';
import type { Evaluation, Tournament, Verdict } from '../../core/records.ts';
import type { MissingList } from './missing.ts';

/** Systems whose results can be imported. */
export const importSources = ['hyperspace', 'adas', 'openevolve'] as const;
export type ImportSource = (typeof importSources)[number];

/** A run of another system, as it is about to be written in our format. */
export interface ForeignRun {
  readonly run: RunId;
  readonly arm: ArmName;
  /** `null` where the source does not say. */
  readonly seed: number | null;
  readonly source: ImportSource;
  /** What the source calls the experiment, such as `claude_vs_kimi-k2p5`. */
  readonly pairing: string;
  /** Runs of equal value are summarized together by `analyze`. */
  readonly family: string;
  /** The file that is the task agent in every genome. */
  readonly taskFile: string;
  /** Settings of the experiment besides what follows from the rest. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Paths of the settings that the source tells, such as `lineages.*.model`; the rest is there because a run needs it. */
  readonly tells: readonly string[];
  readonly lineages: readonly { readonly id: LineageId; readonly model: string | null }[];
  readonly missing: MissingList;
  /** By round, oldest first; read while it is written, so that one round is in memory. */
  readonly rounds: Iterable<readonly ForeignGeneration[]>;
  /** Held-out tests, asked for when every round was read. */
  readonly tests: () => readonly ForeignTest[];
  /** What no generation of this run tells, asked for when every round was read. */
  readonly notAvailable: () => readonly string[];
}

export interface ForeignTest {
  readonly lineage: LineageId;
  readonly generation: number;
  readonly evaluation: Evaluation;
}

export interface ForeignGeneration {
  readonly lineage: LineageId;
  readonly generation: number;
  /** A generation of the same lineage; `null` for none and for one that is not there. */
  readonly parent: number | null;
  /** Where its code came from, when that is not `parent`. */
  readonly forkedFrom?: { readonly lineage: LineageId; readonly generation: number };
  readonly metaFrom: number | null;
  /** `null` when its files were not kept; those of its parent stand for them. */
  readonly files: FileTree | null;
  readonly verdict: Verdict;
  readonly failure: { readonly stage: 'meta-agent' | 'collect'; readonly message: string } | null;
  readonly train: Evaluation | null;
  readonly selection: Evaluation | null;
  readonly isPartial: boolean;
  readonly tournament?: Tournament;
  /** A generation of another lineage that this one is a copy of. */
  readonly copyOf?: { readonly lineage: LineageId; readonly generation: number };
  readonly isPublished: boolean;
  /** What else the source says, for the commit. */
  readonly trailers: readonly (readonly [key: string, value: string])[];
  /** The commit's subject, where it is not made of the files that changed. */
  readonly subject?: string;
  readonly recorded: Recorded;
}

/**
 * What the source recorded, word for word: where it keeps a failed evaluation
 * as 0, our record has none, and analyses of its own figures need the 0.
 */
export interface Recorded {
  readonly isValid: boolean;
  readonly train: number | null;
  readonly selection: number | null;
  /** Whether it read a peer's files; `null` when that is not known. */
  readonly readPeers: boolean | null;
  /** Whether its own files were kept. */
  readonly hasFiles: boolean;
}
