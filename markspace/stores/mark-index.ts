import type { Mark } from '../mark.ts';
import { IdMap } from './id-map.ts';

/** Sealed marks in memory, by id and by scope, each in the total order. Every store reads from one. */
export interface MarkIndex {
  readonly size: number;
  /** Above the order of every mark there ever was. */
  readonly nextOrder: number;
  get(id: string): Mark | null;
  /** Whether it or something below it has held a mark. */
  knowsScope(scope: string): boolean;
  inScope(scope: string): readonly Mark[];
  under(scope: string): readonly Mark[];
  since(order: number): readonly Mark[];
  /** Ids and orders of marks that were dropped. */
  readonly gone: Pick<IdMap<number>, 'get' | 'has' | typeof Symbol.iterator>;
  /** The mark's order must be `nextOrder` or above, and its id new. */
  add(mark: Mark): void;
  /** Notes a mark that was dropped before it could be seen here. */
  addGone(id: string, order: number): void;
  /** Takes marks out, a little at each step; whatever is added meanwhile stays. */
  drop(marks: Iterable<Mark>): Generator<void>;
}

interface Node {
  marks: Mark[];
  readonly children: Node[];
}

export function createMarkIndex(): MarkIndex {
  const byId = new IdMap<Mark>();
  const gone = new IdMap<number>();
  const nodes = new Map<string, Node>();
  let inOrder: Mark[] = [];
  let nextOrder = 0;

  const nodeAt = (scope: string): Node => {
    const known = nodes.get(scope);
    if (known !== undefined) return known;
    const node: Node = { marks: [], children: [] };
    nodes.set(scope, node);
    const end = scope.lastIndexOf('/');
    if (end !== -1) nodeAt(scope.slice(0, end)).children.push(node);
    return node;
  };

  /** Everything in a list that grows meanwhile; the last look at it and what is done with the result are one step. */
  function* stillThere(marks: readonly Mark[]): Generator<void, Mark[]> {
    const kept: Mark[] = [];
    for (let i = 0; i < marks.length; i += 1) {
      if (byId.has(marks[i]!.id)) kept.push(marks[i]!);
      yield;
    }
    return kept;
  }

  return {
    get size() {
      return byId.size;
    },
    get nextOrder() {
      return nextOrder;
    },
    gone,
    get: (id) => byId.get(id) ?? null,
    knowsScope: (scope) => nodes.has(scope),
    inScope: (scope) => nodes.get(scope)?.marks.slice() ?? [],
    under(scope) {
      const top = nodes.get(scope);
      if (top === undefined) return [];
      // Sorting recognises ascending runs: this merges the lists of the scopes.
      return listsBelow(top)
        .flat()
        .sort((a, b) => a.order - b.order);
    },
    since: (order) => (order >= nextOrder ? [] : inOrder.slice(placeOf(order, inOrder))),
    add(mark) {
      byId.set(mark.id, mark);
      inOrder.push(mark);
      nodeAt(mark.scope).marks.push(mark);
      nextOrder = mark.order + 1;
    },
    addGone(id, order) {
      gone.set(id, order);
      nextOrder = Math.max(nextOrder, order + 1);
    },
    *drop(marks) {
      const touched = new Set<Node>();
      for (const mark of marks) {
        byId.delete(mark.id);
        gone.set(mark.id, mark.order);
        touched.add(nodeAt(mark.scope));
        yield;
      }
      for (const node of touched) node.marks = yield* stillThere(node.marks);
      inOrder = yield* stillThere(inOrder);
    },
  };
}

/** Where the first mark of this order or above stands, or would. */
function placeOf(order: number, marks: readonly Mark[]): number {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (marks[middle]!.order < order) low = middle + 1;
    else high = middle;
  }
  return low;
}

function listsBelow(top: Node): Mark[][] {
  const lists: Mark[][] = [];
  const waiting = [top];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.marks.length > 0) lists.push(node.marks);
    waiting.push(...node.children);
  }
  return lists;
}
