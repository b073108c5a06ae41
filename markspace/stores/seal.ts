import { z } from 'zod';
import { MessageInvalidError } from '../../src/core/errors.ts';
import { isToken } from '../../src/core/ids.ts';
import { type Mark, markSchema, type NewMark } from '../mark.ts';
import { isPlain } from '../plain.ts';
import { isScope } from '../scope.ts';
import type { MarkIndex } from './mark-index.ts';

/** Levels of lists and objects in a mark. */
const maxDepth = 64;

/**
 * A deeply frozen copy with its place in the total order: exactly what the
 * mark's JSON would be read back as. What JSON would change in silence (NaN,
 * a date, a hole in a list, a method) is refused; `undefined` members are
 * left out, and negative zero is zero.
 * @param index - Where the mark shall go: a scope that is there need not be looked at again.
 * @throws {MessageInvalidError} naming the member.
 */
export function sealMark(mark: NewMark, order: number, index: Pick<MarkIndex, 'knowsScope'>): Mark {
  const sealed = copyMembers(mark, null) as { id?: unknown; scope?: unknown; order?: number };
  const { id, scope } = sealed;
  if (typeof id !== 'string' || !isToken(id)) throw new MessageInvalidError('mark: its id is not 1 to 63 of a-z0-9-');
  if (!index.knowsScope(scope as string) && !isScope(scope))
    throw new MessageInvalidError('mark: its scope is not a scope: tokens of a-z0-9- joined by /');
  sealed.order = order;
  return Object.freeze(sealed) as Mark;
}

/** Where in the mark: a linked list, so that only nested values cost something. */
interface Trail {
  readonly outer: Trail | null;
  readonly key: string | number;
  readonly depth: number;
}

function copy(value: unknown, outer: Trail | null, key: string | number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw unfit(outer, key, `is ${value}`);
      return value + 0;
    case 'object': {
      if (value === null || isPlain(value)) return value;
      const trail = { outer, key, depth: (outer?.depth ?? 0) + 1 };
      if (trail.depth > maxDepth) throw unfit(outer, key, `is nested deeper than ${maxDepth} levels`);
      return Object.freeze(Array.isArray(value) ? copyItems(value, trail) : copyMembers(value, trail));
    }
    default:
      throw unfit(outer, key, `is ${value === undefined ? 'undefined' : `a ${typeof value}`}`);
  }
}

/** Most marks have no flags. */
const noItems: readonly unknown[] = Object.freeze([]);

function copyItems(list: readonly unknown[], trail: Trail): readonly unknown[] {
  if (list.length === 0) return noItems;
  const items: unknown[] = [];
  for (let i = 0; i < list.length; i += 1) items.push(copy(list[i], trail, i));
  return items;
}

function copyMembers(from: object, trail: Trail | null): object {
  const prototype = Object.getPrototypeOf(from);
  if (prototype !== Object.prototype && prototype !== null) throw unfit(trail, null, 'is not a plain object');
  const members: Record<string, unknown> = {};
  for (const key of Object.keys(from)) {
    const value = (from as Record<string, unknown>)[key];
    if (value === undefined) continue;
    const sealed = copy(value, trail, key);
    if (key !== '__proto__') members[key] = sealed;
    // Assigned, it would change what the object is instead of what it has.
    else Object.defineProperty(members, key, { value: sealed, enumerable: true, configurable: true, writable: true });
  }
  return members;
}

function unfit(outer: Trail | null, key: string | number | null, problem: string): MessageInvalidError {
  const path = key === null ? [] : [String(key)];
  for (let at = outer; at !== null; at = at.outer) path.unshift(String(at.key));
  return new MessageInvalidError(`mark: ${path.length === 0 ? 'it' : path.join('.')} ${problem}`);
}

/**
 * For a mark whose writer was another program or another version of this one.
 * @throws {MessageInvalidError} naming every offending path.
 */
export function parseMark(value: unknown): Mark {
  const parsed = markSchema.safeParse(value);
  if (!parsed.success) throw new MessageInvalidError(`mark: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** For what JSON has just been parsed to. */
export function deepFreeze<T>(value: T): T {
  if (value === null || typeof value !== 'object') return value;
  for (const key in value) deepFreeze(value[key]);
  return Object.freeze(value);
}
