/** Something that can be built on: a promoted generation, this lineage's or a peer's. */
export interface Cited {
  readonly id: string;
  readonly lineage: string;
  /** What its environment confirmed of it; where the walk starts afresh. */
  readonly wins: number;
}

/** `from` was built on `to`, and was then confirmed by its environment. */
export interface Citation {
  readonly from: string;
  readonly to: string;
}

export const citationDamping = 0.85;
/** Building on oneself says little: a citation within a lineage weighs so much of one between two. */
export const ownCitation = 0.25;

/**
 * PageRank over verified reuse: a walk along citations, which starts afresh in
 * proportion to wins. Used to rank and to choose what to test again, never as
 * a gate alone.
 * @returns By id, summing to 1; uniform when nothing has won.
 * @see Page, Brin, Motwani and Winograd, The PageRank citation ranking (1998), with their personalised teleport.
 */
export function citationRank(nodes: readonly Cited[], citations: readonly Citation[]): ReadonlyMap<string, number> {
  const place = new Map(nodes.map(({ id }, i) => [id, i]));
  const wins = nodes.reduce((sum, n) => sum + n.wins, 0);
  const teleport = nodes.map((n) => (wins === 0 ? 1 / nodes.length : n.wins / wins));
  const links = citations.flatMap(({ from, to }) => {
    const [i, j] = [place.get(from), place.get(to)];
    if (i === undefined || j === undefined || i === j) return [];
    return [{ i, j, weight: nodes[i]!.lineage === nodes[j]!.lineage ? ownCitation : 1 }];
  });
  const out = new Float64Array(nodes.length);
  for (const { i, weight } of links) out[i]! += weight;
  let rank = Float64Array.from(teleport);
  for (let change = 1; change > 1e-12; ) {
    const next = new Float64Array(nodes.length);
    for (const { i, j, weight } of links) next[j]! += (citationDamping * rank[i]! * weight) / out[i]!;
    // Who cites nobody, and everybody now and then, starts afresh.
    const afresh = 1 - next.reduce((sum, share) => sum + share, 0);
    change = 0;
    for (let i = 0; i < next.length; i += 1) {
      next[i]! += afresh * teleport[i]!;
      change += Math.abs(next[i]! - rank[i]!);
    }
    rank = next;
  }
  return new Map(nodes.map(({ id }, i) => [id, rank[i]!]));
}
