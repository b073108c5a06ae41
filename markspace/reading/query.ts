import { canonicalJson } from '../../src/core/json.ts';
import type { MarkKind } from '../check.ts';
import type { Ledger } from '../ledger.ts';
import type { Mark, Observation, Warning } from '../mark.ts';
import type { Access, Sight } from '../scopes/access.ts';
import { defaultSettings } from '../scopes/definition.ts';
import type { MarkStore } from '../store.ts';
import { type Projected, project } from './projection.ts';
import { effectiveStrength, ownStrength, readThreshold, reinforcedStrength } from './strength.ts';

export interface Query {
  readonly scope: string;
  /** Also what lies in the scopes below. */
  readonly below?: boolean;
  readonly kinds?: readonly MarkKind[];
  readonly topic?: string;
  readonly resource?: string;
  /** Of the single mark. Default 0.01; 0 shows what has faded, too. */
  readonly minStrength?: number;
  /** Also marks whose place another has taken. */
  readonly superseded?: boolean;
}

/** A mark as one reader sees it at one time. */
export type View = (
  | { readonly isProjected: false; readonly mark: Mark }
  /** The scope is protected: everything but the content. */
  | { readonly isProjected: true; readonly mark: Projected }
) & {
  /** After time, trust and warnings. */
  readonly strength: number;
  /** Of this and all equal observations in the answer; equal means topic and content, whoever wrote them and where. */
  readonly support: { readonly strength: number; readonly authors: number };
  /** Ids of the warnings on it that the reader may know of. */
  readonly warnings: readonly string[];
  /** The mark that stands in its place now, at the end of the chain. */
  readonly supersededBy: string | null;
};

export interface Library {
  readonly access: Access;
  readonly store: Pick<MarkStore, 'get' | 'inScope' | 'under'>;
  readonly ledger: Ledger;
}

/**
 * What a reader sees of a scope, in the order in which it was written. A
 * hidden scope is empty, like one that does not exist, and so are its
 * warnings: they weigh on nothing for whoever may not know of them.
 * @param reader - `null` is the runtime, which sees everything.
 */
export function lookUp(library: Library, reader: string | null, query: Query, nowMs: number): readonly View[] {
  const sights = new Map<string, Sight>();
  const sightOf = (scope: string): Sight => {
    const sight = sights.get(scope) ?? library.access.sightOf(reader, scope);
    sights.set(scope, sight);
    return sight;
  };
  const marks = query.below === true ? library.store.under(query.scope) : library.store.inScope(query.scope);
  const seen: Unsupported[] = [];
  for (const mark of marks) {
    if (sightOf(mark.scope) === 'nothing' || library.ledger.isEarly(mark.id)) continue;
    const supersededBy = standInOf(library, mark);
    if (supersededBy === null || query.superseded === true) {
      seen.push(viewOf(library, mark, supersededBy, sightOf, nowMs));
    }
  }
  return withSupport(seen).filter((view) => matches(view, query));
}

type Unsupported = DistributiveOmit<View, 'support'>;
type DistributiveOmit<T, K extends keyof T> = T extends unknown ? Omit<T, K> : never;

/** The mark at the end of the chain; one that is not kept yet has replaced nothing. */
export function standInOf({ ledger, store }: Library, mark: Mark): string | null {
  let last: string | null = null;
  for (let next = ledger.supersederOf(mark.id); next !== null; next = ledger.supersederOf(next.id)) {
    if (store.get(next.id) === null) break;
    last = next.id;
  }
  return last;
}

export function viewOf(
  { access, store, ledger }: Library,
  mark: Mark,
  supersededBy: string | null,
  sightOf: (scope: string) => Sight,
  nowMs: number,
): Unsupported {
  const strengthOf = (of: Mark) => ownStrength(of, nowMs, access.settingsOf(of.scope) ?? defaultSettings);
  const warnings = ledger.warningsOn(mark.id).filter((warning) => sightOf(warning.scope) !== 'nothing');
  const isResolved = mark.kind === 'need' && supersededBy !== null && store.get(supersededBy)?.kind === 'action';
  const strength = isResolved ? 0 : effectiveStrength(strengthOf(mark), heaviestOfEach(warnings, strengthOf));
  const rest = { strength, warnings: warnings.map(({ id }) => id), supersededBy };
  if (sightOf(mark.scope) === 'content') return { isProjected: false, mark, ...rest };
  return { isProjected: true, mark: project(mark), ...rest };
}

/** One author's many warnings on a mark weigh as its heaviest. */
export function heaviestOfEach(warnings: readonly Warning[], strengthOf: (mark: Mark) => number): number[] {
  const byAuthor = new Map<string, number>();
  for (const warning of warnings) {
    byAuthor.set(warning.author, Math.max(strengthOf(warning), byAuthor.get(warning.author) ?? 0));
  }
  return [...byAuthor.values()];
}

function withSupport(views: readonly Unsupported[]): readonly View[] {
  const groups = new Map<string, { author: string; strength: number }[]>();
  for (const view of views) {
    if (view.supersededBy !== null || view.strength < readThreshold) continue;
    const meaning = meaningOf(view);
    if (meaning === null) continue;
    const group = groups.get(meaning) ?? [];
    group.push({ author: view.mark.author, strength: view.strength });
    groups.set(meaning, group);
  }
  const supports = new Map([...groups].map(([meaning, group]) => [meaning, supportOf(group)]));
  return views.map((view) => {
    const meaning = view.supersededBy === null ? meaningOf(view) : null;
    const support = meaning === null ? undefined : supports.get(meaning);
    return { ...view, support: support ?? supportOf([{ author: view.mark.author, strength: view.strength }]) };
  });
}

function supportOf(group: readonly { readonly author: string; readonly strength: number }[]) {
  return { strength: reinforcedStrength(group), authors: new Set(group.map(({ author }) => author)).size };
}

const meanings = new WeakMap<Observation, string>();

/** What two observations that say the same have in common; `null` where nothing is said, or the reader may not know it. */
function meaningOf({ isProjected, mark }: Unsupported): string | null {
  if (isProjected || mark.kind !== 'observation') return null;
  const known = meanings.get(mark);
  if (known !== undefined) return known;
  const meaning = canonicalJson([mark.topic, mark.content]);
  meanings.set(mark, meaning);
  return meaning;
}

function matches({ mark, strength }: View, query: Query): boolean {
  const { kinds, topic, resource, minStrength = readThreshold } = query;
  if (kinds !== undefined && !kinds.includes(mark.kind)) return false;
  if (topic !== undefined && !('topic' in mark && mark.topic === topic)) return false;
  if (resource !== undefined && !('resource' in mark && mark.resource === resource)) return false;
  return strength >= minStrength;
}
