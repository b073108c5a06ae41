import type { FileTree } from '../core/file-tree.ts';
import type { AdapterId, CommitId, GenomeId, LineageId } from '../core/ids.ts';
import type { Json } from '../core/json.ts';

/** One generation, ready to be written. Equal input gives an equal commit hash. */
export interface GenerationCommit {
  readonly lineage: LineageId;
  readonly generation: number;
  readonly genome: GenomeId;
  /** The weights in use, as `AdapterStore.put` gave them: its files lie in the commit's `adapter/`. */
  readonly adapter?: GenomeId;
  /** First parent: the generation it was made from. `null` only for generation 0. */
  readonly parent: CommitId | null;
  /** Second parent: the peer's commit whose code it took. */
  readonly adopted: CommitId | null;
  readonly subject: string;
  /** In this order, as `Key: value` lines. Values are one line. */
  readonly trailers: readonly (readonly [key: string, value: string])[];
  /** Author and committer date, seconds since the epoch: logical time under the seed, or wall time. */
  readonly seconds: number;
  /** Moves branch `lineage/<id>` here. */
  readonly isPromoted: boolean;
  /** Moves tag `best/<id>` here. */
  readonly isBest: boolean;
}

/**
 * A run's phylogeny as a git repository of its own. Every generation is a
 * commit under `refs/attempts/<lineage>/<generation>`; promoted ones are also
 * on `lineage/<id>`. History is never rewritten.
 */
export interface Lineage extends AsyncDisposable {
  /** Writes the commit, or finds it there already. Visible to other git processes after `checkpoint`. */
  commit(generation: GenerationCommit): Promise<CommitId>;
  /** Adds a JSON note to each commit in `refs/notes/evaluations`, in the given order, as one notes commit. */
  annotate(notes: readonly { readonly commit: CommitId; readonly note: Json }[], seconds: number): Promise<void>;
  /** Makes everything written so far visible and durable. */
  checkpoint(): Promise<void>;
}

/** Content-addressed genomes. A stored genome never changes. */
export interface GenomeStore {
  /** Idempotent. */
  put(tree: FileTree): Promise<GenomeId>;
  /** @throws {LineageCorruptError} when the genome is missing or its bytes do not match its id. */
  get(id: GenomeId): Promise<FileTree>;
}

/** An adapter that is kept. */
export interface StoredAdapter {
  readonly id: AdapterId;
  /** All its files as a tree of their own, large ones by pointer: what a commit names. */
  readonly tree: GenomeId;
}

/**
 * A run's adapters, by content: weights, and beside them what goes with them,
 * the optimiser's state, the examples of its training, and its provenance.
 */
export interface AdapterStore {
  /**
   * Keeps a PEFT directory; files that no adapter has are left out. Its weights are on the device when this resolves,
   * so a commit that names them never names what a crash could take.
   * @throws {WeightsInvalidError} for a directory without configuration or weights.
   */
  put(directory: string): Promise<StoredAdapter>;
  /**
   * Writes an adapter back as a directory, whole or not at all, in place of what is there.
   * @throws {WeightsInvalidError} naming the object that is missing or damaged. What is there stays then.
   */
  restore(tree: GenomeId, directory: string): Promise<AdapterId>;
  /**
   * Removes the objects that no commit names; what was not checkpointed is not seen.
   * @param inFlight - Trees that will be committed yet.
   * @returns the SHA-256 of each object removed.
   */
  prune(inFlight: Iterable<GenomeId>): Promise<readonly string[]>;
}

export interface LogEntry {
  readonly commit: CommitId;
  readonly parents: readonly CommitId[];
  readonly lineage: LineageId;
  readonly generation: number;
  readonly subject: string;
  readonly seconds: number;
  readonly trailers: readonly (readonly [key: string, value: string])[];
  readonly note: Json;
  readonly refs: readonly string[];
}

/** Reading a repository, of a live or a finished run. */
export interface LineageReader {
  /** Every generation, oldest first within a lineage. */
  log(): Promise<readonly LogEntry[]>;
  /** Unified diff between two commits. */
  diff(from: CommitId, to: CommitId): Promise<string>;
  tree(commit: CommitId): Promise<FileTree>;
  /** `git log --graph --oneline` of everything, as git prints it. */
  graph(options: { readonly color: boolean; readonly max?: number }): Promise<string>;
}
