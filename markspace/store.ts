import type { Mark, NewMark } from './mark.ts';

/**
 * Where marks live: one total order over all scopes. What an append has
 * resolved is in every later read, and nothing else is: a reader never sees a
 * mark that could still be lost, nor half of one.
 *
 * A store knows an id, a scope and an order; what else is in a mark is the
 * guard's business. It takes plain JSON and gives it back deeply frozen.
 * @see tests/conformance/mark-store.suite.ts
 */
export interface MarkStore extends AsyncDisposable {
  readonly capabilities: {
    /** What an acknowledged mark outlives. */
    readonly survives: 'nothing' | 'kill' | 'power-cut';
  };
  /**
   * Resolves when the mark is kept and visible. A second append with a known
   * id is the first one. Marks appended one after another, in whatever scopes,
   * have ascending orders; numbers may be left out.
   * @throws {MessageInvalidError} for an id or scope that is none, or what JSON would not give back.
   * @throws {StorageFailedError} when the mark could not be kept; it is not visible then.
   */
  append(mark: NewMark): Promise<Mark>;
  /** Marks of exactly this scope in order, in a list of the caller's own. */
  inScope(scope: string): readonly Mark[];
  /** Marks of this scope and of all below it, in order, in a list of the caller's own. */
  under(scope: string): readonly Mark[];
  /** Marks whose order is this or above, in order; costs no more than what it gives. */
  since(order: number): readonly Mark[];
  get(id: string): Mark | null;
  /** Marks that can be read. */
  readonly size: number;
  /**
   * Drops the marks that are not needed, while reads and appends go on. A
   * dropped mark's id stays known: appending it again gives it its old order
   * and keeps nothing.
   * @param isNeeded - Asked once for each mark, in order, over some time: what it drops must never matter again.
   * @throws what the rule throws, and nothing is dropped; @throws {StorageFailedError} when it could not be finished, or the store was closed.
   */
  compact(isNeeded: (mark: Mark) => boolean): Promise<Compaction>;
}

export interface Compaction {
  readonly kept: number;
  readonly dropped: number;
}
