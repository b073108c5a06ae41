import type { NewMark } from './mark.ts';
import type { Access } from './scopes/access.ts';
import type { ScopeSettings } from './scopes/definition.ts';
import { chosenNames } from './scopes/names.ts';

/** What each author has in each scope that limits it, as long as the marks are there. */
export interface Tallies {
  /** @param by - 1 for a mark that came, -1 for one that is gone. */
  count(mark: NewMark, by: 1 | -1): void;
  /** How many marks an author has in a scope that counts them, and below. */
  countOf(path: string, author: string): number;
  /** Names that an author has chosen in a protected scope, each with how many marks have it. */
  namesOf(path: string, author: string): ReadonlyMap<string, number>;
}

const none: ReadonlyMap<string, number> = new Map();
const keyOf = (path: string, author: string) => `${path} ${author}`;

export function createTallies(access: Access): Tallies {
  const counts = new Map<string, number>();
  const names = new Map<string, Map<string, number>>();

  function countNames(mark: NewMark, settings: ScopeSettings, by: number): void {
    const key = keyOf(settings.definedAt, mark.author);
    const own = names.get(key) ?? new Map<string, number>();
    names.set(key, own);
    for (const name of chosenNames(mark, settings)) {
      const left = (own.get(name) ?? 0) + by;
      if (left > 0) own.set(name, left);
      else own.delete(name);
    }
  }

  return {
    count(mark, by) {
      for (const { definedAt, quota } of access.settingsOver(mark.scope)) {
        if (quota === null) continue;
        const key = keyOf(definedAt, mark.author);
        counts.set(key, (counts.get(key) ?? 0) + by);
      }
      const settings = access.settingsOf(mark.scope);
      if (settings?.visibility === 'protected') countNames(mark, settings, by);
    },
    countOf: (path, author) => counts.get(keyOf(path, author)) ?? 0,
    namesOf: (path, author) => names.get(keyOf(path, author)) ?? none,
  };
}
