import { type FileTree, type TreeFile, textFile } from '../../src/core/file-tree.ts';
import type { Json } from '../../src/core/json.ts';
import type { View } from '../reading/query.ts';

/** One shared scope as a lineage sees it. */
export interface ShownScope {
  readonly scope: string;
  /** What the scope is called for the lineage: the same in every arm. */
  readonly as: string;
}

/** Of each scope, the newest so many. */
const maxShown = 200;

/**
 * `marks/<scope>.json`: what may be read there, oldest first, and
 * `marks/_refused.json`: what became of the marks that the lineage wanted to
 * leave. A name with an underscore is no scope's.
 */
export function markFiles(
  shown: readonly (ShownScope & { readonly views: readonly View[] })[],
  refused: Json | null,
): FileTree {
  const files = new Map<string, TreeFile>();
  const add = (path: string, value: unknown) => files.set(path, textFile(`${JSON.stringify(value, null, 2)}\n`));
  for (const place of shown) {
    add(
      `${place.as}.json`,
      place.views.slice(-maxShown).map((view) => entryOf(view, place)),
    );
  }
  if (refused !== null) add('_refused.json', refused);
  return files;
}

/** Times and orders are left out: they would tell how much goes on elsewhere. */
function entryOf({ mark, strength, support, warnings, isProjected }: View, { scope, as }: ShownScope) {
  const { createdAtMs: _at, order: _order, payload: _payload, ...said } = mark as typeof mark & { payload?: unknown };
  return {
    ...said,
    scope: `${as}${mark.scope.slice(scope.length)}`,
    strength: rounded(strength),
    support: { ...support, strength: rounded(support.strength) },
    warnings,
    ...(isProjected ? { content: 'hidden' } : {}),
  };
}

/** Finer differences would be noise to a reader. */
const rounded = (strength: number) => Math.round(strength * 1_000) / 1_000;
