import type { FileTree } from '../core/file-tree.ts';
import type { CommitId, GenomeId, LineageId } from '../core/ids.ts';
import type { Json } from '../core/json.ts';

/** One generation, ready to be written. Equal input gives an equal commit hash. */
export interface GenerationCommit {
  readonly lineage: LineageId;
  readonly generation: number;
  readonly genome: GenomeId;
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
