import { isToken, type LineageId } from '../src/core/ids.ts';

/** Where a lineage publishes its strategies. Open to peers where the policy says so. */
export const strategiesScope = (lineage: LineageId) => `strategies/${lineage}`;
/** A lineage's own corner; nobody else reads it. */
export const ownScope = (lineage: LineageId) => `lineages/${lineage}`;

/** Where calls of models are counted and limited; no marks lie here. */
export const modelsScope = 'models';

/** Scopes are tokens joined by `/`; there is one spelling for each. */
export function isScope(text: unknown): text is string {
  return typeof text === 'string' && text.length <= 256 && text.split('/').every(isToken);
}

/** Whether `inner` is `outer` or below it. Both must be scopes. */
export function contains(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(`${outer}/`);
}

/** The scope itself, then what contains it, innermost first. */
export function* upwards(scope: string): Generator<string> {
  for (let end = scope.length; end !== -1; end = scope.lastIndexOf('/', end - 1)) yield scope.slice(0, end);
}
