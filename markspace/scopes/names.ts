import type { ScopeSettings } from './definition.ts';

/**
 * What an author may put into the metadata of a protected scope, which
 * everybody sees: so few and so short names that they coordinate and tell
 * little else. One author has at most 16 × 32 characters of 39 kinds to
 * choose, 2.7 kbit in all; from then on a mark picks among its 16 names.
 */
export const nameLimits = { perAuthor: 16, length: 32 } as const;

const name = new RegExp(`^[a-z0-9./-]{1,${nameLimits.length}}$`);
export const isShortName = (text: string) => name.test(text);

interface Naming {
  readonly scope: string;
  readonly topic?: string | null;
  readonly resource?: string;
  readonly action?: string;
  readonly supersedes?: string | null;
}

/** Names in a mark, or in a draft, that are its author's choice: the rest of the scope's path among them. */
export function chosenNames(mark: Naming, { definedAt, topics }: ScopeSettings): string[] {
  const { scope, topic = null, resource, action, supersedes = null } = mark;
  const names = scope === definedAt ? [] : [scope.slice(definedAt.length + 1)];
  if (topic !== null && topics === null) names.push(topic);
  // What closes a mark is named by the guard.
  if (resource !== undefined && resource !== closingOf(supersedes)) names.push(resource, action ?? '');
  return names;
}

/** The resource of the action that closes a mark. */
export const closingOf = (id: string | null) => `mark/${id}`;
