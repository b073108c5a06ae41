import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type Citation,
  type Cited,
  citationDamping,
  citationRank,
  ownCitation,
} from '../../actors/gate/citation-rank.ts';

const node = (id: string, wins = 1, lineage = id): Cited => ({ id, lineage, wins });
const cites = (from: string, to: string): Citation => ({ from, to });

const graphs = fc
  .record({
    wins: fc.array(fc.nat(5), { minLength: 1, maxLength: 12 }),
    links: fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 40 }),
    lineages: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ wins, links, lineages }) => ({
    nodes: wins.map((w, i) => node(`n${i}`, w, `l${i % lineages}`)),
    citations: links
      .filter(([i, j]) => i < wins.length && j < wins.length)
      .map(([i, j]): Citation => cites(`n${i}`, `n${j}`)),
  }));

it('is what a walk along citations, starting afresh at what has won, comes to: a distribution, and its fixed point', () => {
  fc.assert(
    fc.property(graphs, ({ nodes, citations }) => {
      const rank = citationRank(nodes, citations);
      expect([...rank.values()].reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
      const wins = nodes.reduce((sum, n) => sum + n.wins, 0);
      const teleport = (n: Cited) => (wins === 0 ? 1 / nodes.length : n.wins / wins);
      const weight = ({ from, to }: Citation) => {
        const [a, b] = [from, to].map((id) => nodes.find((n) => n.id === id)!);
        return from === to ? 0 : a!.lineage === b!.lineage ? ownCitation : 1;
      };
      const out = (id: string) => citations.filter((c) => c.from === id).reduce((sum, c) => sum + weight(c), 0);
      const dangling = nodes.filter((n) => out(n.id) === 0).reduce((sum, n) => sum + rank.get(n.id)!, 0);
      for (const n of nodes) {
        const cited = citations
          .filter((c) => c.to === n.id && weight(c) > 0)
          .reduce((sum, c) => sum + (rank.get(c.from)! * weight(c)) / out(c.from), 0);
        const afresh = 1 - citationDamping + citationDamping * dangling;
        expect(rank.get(n.id)).toBeCloseTo(citationDamping * cited + afresh * teleport(n), 9);
      }
    }),
  );
});

it('is the published PageRank when everything has won alike: the example of two pages that link to one', () => {
  const rank = citationRank([node('a'), node('b'), node('c')], [cites('a', 'c'), cites('b', 'c')]);
  // a = b = t, c = t + 2·.85·t with t·(3 + 1.7) = 1.
  expect(rank.get('a')).toBeCloseTo(1 / 4.7, 9);
  expect(rank.get('c')).toBeCloseTo(2.7 / 4.7, 9);
});

it('gives what nobody cites its share of wins, and what has won nothing and is not cited nothing', () => {
  const rank = citationRank([node('a', 3), node('b', 1), node('c', 0)], []);
  expect([...rank.values()]).toEqual([0.75, 0.25, 0]);
  expect([...citationRank([node('a', 0), node('b', 0)], []).values()]).toEqual([0.5, 0.5]);
});

it('counts a citation within a lineage for less than one by another lineage', () => {
  const nodes = [node('mine', 1, 'a'), node('old', 1, 'a'), node('theirs', 1, 'b')];
  const rank = citationRank(nodes, [cites('mine', 'old'), cites('mine', 'theirs')]);
  expect(rank.get('theirs')! - rank.get('mine')!).toBeCloseTo(4 * (rank.get('old')! - rank.get('mine')!), 9);
});
