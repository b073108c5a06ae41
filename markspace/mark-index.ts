import { z } from 'zod';
import { MessageInvalidError } from '../src/core/errors.ts';
import { type Mark, markSchema, type NewMark } from './mark.ts';

/** Sealed marks in memory, by id and by scope. Every store reads from one. */
export interface MarkIndex {
  readonly size: number;
  get(id: string): Mark | null;
  /** A list of its own: later marks do not appear in it. */
  inScope(scope: string): readonly Mark[];
  /** The mark's `order` must be the index's size, and its id new. */
  add(mark: Mark): void;
}

export function createMarkIndex(): MarkIndex {
  const byId = new Map<string, Mark>();
  const byScope = new Map<string, Mark[]>();
  return {
    get size() {
      return byId.size;
    },
    get: (id) => byId.get(id) ?? null,
    inScope: (scope) => [...(byScope.get(scope) ?? [])],
    add(mark) {
      byId.set(mark.id, mark);
      const scope = byScope.get(mark.scope);
      if (scope === undefined) byScope.set(mark.scope, [mark]);
      else scope.push(mark);
    },
  };
}

/**
 * A checked, deeply frozen copy with its place in the total order. The copy
 * goes through JSON, so that memory holds exactly what a reopened file would.
 * @throws {MessageInvalidError} when the mark does not match its schema.
 */
export function sealMark(mark: NewMark, order: number): Mark {
  return deepFreeze(parseMark(JSON.parse(JSON.stringify({ ...mark, order }))));
}

/** @throws {MessageInvalidError} naming every offending path. */
export function parseMark(value: unknown): Mark {
  const parsed = markSchema.safeParse(value);
  if (!parsed.success) throw new MessageInvalidError(`mark: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

export function deepFreeze<T>(value: T): T {
  if (value === null || typeof value !== 'object' || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
