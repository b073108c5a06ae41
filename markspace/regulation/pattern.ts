import type { MarkKind } from '../check.ts';
import type { Mark } from '../mark.ts';
import { ownStrength } from '../reading/strength.ts';
import { contains } from '../scope.ts';
import { defaultTimes } from '../scopes/definition.ts';

/** Which marks somebody cares about. What is left out matches anything. */
export interface Pattern {
  /** This scope and all below it. */
  readonly scope?: string;
  readonly kinds?: readonly MarkKind[];
  /** Of observations and warnings; other kinds have none. */
  readonly topic?: string;
  readonly author?: string;
  /** When it was written, after trust. */
  readonly minStrength?: number;
}

/** What there is to know of a mark without reading it. Plain JSON. */
export interface Notice {
  readonly id: string;
  readonly order: number;
  readonly scope: string;
  readonly kind: MarkKind;
  readonly topic: string | null;
  readonly author: string;
  /** When it was written, after trust. */
  readonly strength: number;
}

export function noticeOf(mark: Mark): Notice {
  const { id, order, scope, kind, author } = mark;
  const topic = 'topic' in mark ? mark.topic : null;
  return { id, order, scope, kind, topic, author, strength: ownStrength(mark, mark.createdAtMs, defaultTimes) };
}

/** Pure: of the two alone. */
export function matches(pattern: Pattern, notice: Notice): boolean {
  const { scope, kinds, topic, author, minStrength = 0 } = pattern;
  if (scope !== undefined && !contains(scope, notice.scope)) return false;
  if (kinds !== undefined && !kinds.includes(notice.kind)) return false;
  if (topic !== undefined && topic !== notice.topic) return false;
  if (author !== undefined && author !== notice.author) return false;
  return notice.strength >= minStrength;
}
