import type { FileTree } from '../src/core/file-tree.ts';
import type { CommitId, GenomeId, LineageId } from '../src/core/ids.ts';
import type { Json } from '../src/core/json.ts';
import type { StrategyRef } from '../src/core/records.ts';
import type { Mark } from './mark.ts';

/** The shared space behind its guard. Who holds no handle can only see what was published. */
export interface Markspace extends AsyncDisposable {
  /**
   * The handle carries the identity; no operation takes "who am I".
   * @throws {MarkspaceDeniedError} for a lineage that is not of this run.
   */
  handleFor(lineage: LineageId): LineageHandle;
  /**
   * Best published strategy of every lineage that has one (highest confidence,
   * then oldest), sorted by lineage id. Take it once per round, before anyone moves.
   */
  snapshot(): readonly StrategyRef[];
}

export interface Published {
  /** 0 is the seed's own generation. */
  readonly generation: number;
  readonly genome: GenomeId;
  readonly commit: CommitId;
  /** The selection score the niche measured; becomes the mark's confidence. */
  readonly score: number;
}

export interface MountRequest {
  readonly round: number;
  readonly generation: number;
  /** The round's snapshot. Refs that were never published are denied; the caller's own is left out. */
  readonly snapshot: readonly StrategyRef[];
  /** From the arm. */
  readonly strategies: 'peers' | 'none' | 'sham';
  /** The run's seed; only `sham` uses it. */
  readonly seed: number;
  /** By file name without `.json`: `train`, `selection` or `history`. */
  readonly evals: Readonly<Record<string, Json>>;
  readonly visibility: { readonly train: boolean; readonly selection: boolean };
}

/** A host directory and the path segment in the workspace where it appears, read-only. */
export interface Mount {
  readonly source: string;
  readonly target: string;
}

export interface CollectRequest {
  readonly generation: number;
  readonly parent: FileTree;
  readonly child: FileTree;
}

export type Collected =
  | { readonly allowed: true; readonly tree: FileTree; readonly changedFiles: string[] }
  | { readonly allowed: false; readonly rule: string; readonly message: string };

/** What one lineage may do. Every refusal is a `guard.denied` fact in the journal before the caller sees it. */
export interface LineageHandle {
  readonly lineage: LineageId;
  /**
   * Publishes a generation's genome as an observation in this lineage's
   * strategies scope. Idempotent: a repeat gives the first mark.
   * @returns `null`, and stores nothing, when the score does not strictly improve on what this lineage published before.
   * @throws {MarkspaceDeniedError} for a score that is not finite, or for a generation already published with other content.
   * @throws {LineageCorruptError} when the genome cannot be read.
   * @throws {StorageFailedError} when the mark could not be made durable; it is not visible then.
   */
  publish(published: Published): Promise<Mark | null>;
  /**
   * Marks of exactly this scope, oldest first.
   * @throws {MarkspaceDeniedError} for a scope that is neither this lineage's own nor open, whether or not it exists.
   */
  read(scope: string): Promise<readonly Mark[]>;
  /**
   * Read-only mounts for one generation's sandbox: always `strategies` and
   * `evals`, empty where there is nothing to see. The same request gives the
   * same directories, also after a crash; directories of rounds older than
   * the previous one are removed.
   * @throws {MarkspaceDeniedError} for a ref that was never published, or an evaluation the policy hides.
   * @throws {StorageFailedError} when the directories could not be written.
   */
  mounts(request: MountRequest): Promise<readonly Mount[]>;
  /** The only way back for a genome. A refusal is a result: it names the rule and what would be needed. */
  collect(request: CollectRequest): Promise<Collected>;
}
