import type { Json } from '../../src/core/json.ts';

export interface Leaf {
  /** Names on the way to it, outermost first; items of a list have none of their own. */
  readonly keys: readonly string[];
  readonly value: string | number | boolean | null;
}

let last: { readonly json: Json; readonly leaves: readonly Leaf[] } | null = null;

/**
 * Every value that holds no others, in the order of the text. Without
 * recursion: nesting is the author's choice. Several policies ask of the same
 * content, one after another, so the answer for the last frozen one is kept.
 */
export function leavesOf(json: Json): readonly Leaf[] {
  if (last !== null && last.json === json && Object.isFrozen(json)) return last.leaves;
  const leaves: Leaf[] = [];
  const rest: { keys: readonly string[]; value: Json }[] = [{ keys: [], value: json }];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { keys, value } = next;
    if (value === null || typeof value !== 'object') {
      leaves.push({ keys, value });
    } else if (Array.isArray(value)) {
      for (let i = value.length - 1; i >= 0; i -= 1) rest.push({ keys, value: value[i] });
    } else {
      const members = Object.entries(value);
      for (let i = members.length - 1; i >= 0; i -= 1) {
        const [key, item] = members[i]!;
        rest.push({ keys: [...keys, key], value: item });
      }
    }
  }
  last = { json, leaves };
  return leaves;
}
