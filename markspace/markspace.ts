import type { FileTree } from '../src/core/file-tree.ts';
import type { CommitId, GenomeId, LineageId, MarkId } from '../src/core/ids.ts';
import type { Json } from '../src/core/json.ts';
import type { StrategyRef } from '../src/core/records.ts';
import type { Acted, ActRequest } from './acting/act.ts';
import type { Draft } from './check.ts';
import type { Action, Mark, Need, Observation } from './mark.ts';
import type { Query, View } from './reading/query.ts';
import type { Compaction } from './store.ts';

/** The shared space behind its guard. Who holds no handle can only see what was published. */
export interface Markspace extends AsyncDisposable {
  /**
   * The handle carries the identity; no operation takes "who am I".
   * @throws {MarkspaceDeniedError} for a lineage that is not of this run.
   */
  handleFor(lineage: LineageId): LineageHandle;
  /**
   * A handle of somebody who is no lineage, such as a person who answers needs.
   * @throws {MarkspaceDeniedError} for one who is not a member.
   */
  memberHandle(id: string): AgentHandle;
  /** What lies in a scope, for the runtime, which sees everything. */
  inspect(query: Query): readonly View[];
  /** Needs that nobody has resolved, oldest first. Where one is `blocking`, nothing should go on. */
  openNeeds(): readonly Need[];
  /**
   * Drops marks that were replaced, have expired or have faded, while
   * everything goes on. What was done or measured is kept. Answers stay what
   * they were (strengths to a millionth), except that faded and replaced
   * marks can no longer be asked for.
   * @throws {StorageFailedError} when it could not be done; nothing is dropped then.
   */
  compact(): Promise<Compaction>;
  /**
   * Best published strategy of every lineage that has one (highest score,
   * then oldest), sorted by lineage id. Take it once per round, before anyone moves.
   */
  snapshot(): readonly StrategyRef[];
}

export interface Published {
  /** 0 is the seed's own generation. */
  readonly generation: number;
  readonly genome: GenomeId;
  readonly commit: CommitId;
  /** The selection score the niche measured. */
  readonly score: number;
}

export interface MountRequest {
  readonly round: number;
  readonly generation: number;
  /** The round's snapshot. Refs that were never published, or that the caller may not read, are denied; its own is left out. */
  readonly snapshot: readonly StrategyRef[];
  /** From the arm. `lent`: what another run published, and the runtime has taken over. */
  readonly strategies: 'peers' | 'none' | 'sham' | 'lent';
  /** The run's seed; only `sham` uses it. */
  readonly seed: number;
  /** By file name without `.json`: `train`, `selection` or `history`. */
  readonly evals: Readonly<Record<string, Json>>;
  /** What became of the marks it wanted to leave, for the lineage to read; shown where there are shared scopes. */
  readonly refused?: Json;
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

/**
 * What somebody may do with marks. The handle carries the identity. Every
 * refusal is a `guard.denied` fact in the journal before the caller sees it,
 * changes nothing, and says which check refused and what to do instead
 * (`details`: `check`, `rule`, and `winner` where the caller may see it).
 */
export interface AgentHandle {
  readonly agent: string;
  /**
   * Leaves a mark. The runtime sets author, time, strength and confidence.
   * @param id - Where the runtime writes for the agent: asked again under it, as after a crash, the mark is the first one.
   * @throws {MarkspaceDeniedError} when a check refuses.
   * @throws {StorageFailedError} when the mark could not be kept; it is not visible then.
   */
  write(draft: Draft, id?: MarkId): Promise<Mark>;
  /**
   * What the agent sees of a scope, in the order in which it was written. A
   * scope that is hidden from it is empty, like one that does not exist.
   * @throws {MarkspaceDeniedError} for what is not spelled like a scope.
   */
  query(query: Query): Promise<readonly View[]>;
  /**
   * Calls a tool, if the guard allows it: announces the intent, and leaves an
   * action with what the tool returned, `failed` if it threw.
   * @throws {MarkspaceDeniedError} when a check refuses; the tool was not called then.
   * @throws {StorageFailedError} when a mark could not be kept; the tool may have been called.
   */
  act(request: ActRequest): Promise<Acted>;
  /**
   * Answers a need and closes it.
   * @throws {MarkspaceDeniedError} for one that the agent may not resolve, or that is closed or was never there.
   */
  resolve(need: string, answer: Json): Promise<Action>;
  /**
   * Takes back any other mark, such as a finished action that others wait for.
   * @throws {MarkspaceDeniedError} for one that is neither the agent's own nor under its authority.
   */
  withdraw(mark: string, reason: string): Promise<Action>;
}

export interface ReachRequest {
  readonly generation: number;
  /** As the agent named it; `default` is its own. */
  readonly model: string;
  readonly use: 'chat' | 'embeddings';
}

export type Reached =
  /** `model` is the one the call goes to. */
  | { readonly allowed: true; readonly model: string }
  | { readonly allowed: false; readonly rule: string; readonly message: string };

/** What one lineage may do. */
export interface LineageHandle extends AgentHandle {
  readonly lineage: LineageId;
  /**
   * Publishes a generation's genome as an observation in this lineage's
   * strategies scope. Idempotent: a repeat gives the first mark.
   * @returns `null`, and stores nothing, when the score does not strictly improve on what this lineage published before.
   * @throws {MarkspaceDeniedError} for a score that is not finite, or for a generation already published with other content.
   * @throws {LineageCorruptError} when the genome cannot be read.
   * @throws {StorageFailedError} when the mark could not be made durable; it is not visible then.
   */
  publish(published: Published): Promise<Observation | null>;
  /**
   * Marks of exactly this scope, oldest first.
   * @throws {MarkspaceDeniedError} for a scope that is neither this lineage's own nor open, whether or not it exists.
   */
  read(scope: string): Promise<readonly Mark[]>;
  /**
   * Read-only mounts for one generation's sandbox: always `strategies` and
   * `evals`, empty where there is nothing to see, and `marks` where there are
   * shared scopes. The same request gives the
   * same directories, also after a crash; directories of rounds older than
   * the previous one are removed.
   * @throws {MarkspaceDeniedError} for a ref that was never published or is not for the caller, or an evaluation the policy hides.
   * @throws {StorageFailedError} when the directories could not be written.
   */
  mounts(request: MountRequest): Promise<readonly Mount[]>;
  /**
   * Decides which model a call reaches: the lineage's own, and no other by
   * any spelling. Every call is an operation in the scope `models`, so
   * barriers, rates, budgets and the envelope hold for it. A refusal is a result.
   */
  reach(request: ReachRequest): Promise<Reached>;
  /** The only way back for a genome. A refusal is a result: it names the rule and what would be needed. */
  collect(request: CollectRequest): Promise<Collected>;
}
