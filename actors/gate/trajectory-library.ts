import type { GateConfig } from '../../src/core/config/gate-schema.ts';
import type { RequestOf } from '../../src/core/messages.ts';
import type { Evaluation, EvaluationItem } from '../../src/core/records.ts';
import { type Cited, citationRank } from './citation-rank.ts';
import type { Frozen, GateMemory } from './gate-memory.ts';

type Evidence = RequestOf<'gate'>;
type Settings = NonNullable<GateConfig['regression']>;

/** What an item is a test of: `capability` in what the niche measured, or `all`. */
export function capabilityOf({ consequence }: EvaluationItem): string {
  const details = consequence.status === 'measured' ? consequence.details : null;
  const named = details !== null && typeof details === 'object' && 'capability' in details ? details.capability : null;
  return typeof named === 'string' && named !== '' ? named : 'all';
}

/** Every score that was measured of a situation, the selection's first. A measurement that failed is −∞. */
export function scoresOn(situation: string, evaluations: readonly (Evaluation | null)[]): number[] {
  return evaluations.flatMap((evaluation) =>
    (evaluation?.items ?? [])
      .filter((item) => item.situation === situation)
      .map(({ consequence }) => (consequence.status === 'measured' ? consequence.score : Number.NEGATIVE_INFINITY)),
  );
}

/** The candidate's evaluations that bear on the library: the selection, and the re-tests. */
const candidateEvaluations = ({ candidate, retests }: Evidence) => [
  candidate.selection,
  ...retests.map((r) => r.candidate),
];

export const isBroken = (score: number, frozen: Frozen, { tolerance }: Settings) => score < frozen.score - tolerance;

/** The library after the re-tests of the best agent: what it breaks unchanged is flaky. */
export function withRetests(library: readonly Frozen[], { retests }: Evidence, settings: Settings): Frozen[] {
  const again = retests.map((r) => r.best);
  return library.map((frozen) => {
    const scores = scoresOn(frozen.situation, again);
    const breaks = scores.filter((score) => isBroken(score, frozen, settings)).length;
    return { ...frozen, trials: frozen.trials + scores.length, breaks: frozen.breaks + breaks };
  });
}

/** Chance that an unchanged agent breaks it once: the counts, drawn towards what is assumed of all. */
export function flakinessOf({ trials, breaks }: Frozen, { flakiness, flakinessWeight }: Settings): number {
  return (breaks + flakinessWeight * flakiness) / (trials + flakinessWeight);
}

/**
 * The library after a promotion. What scored well enough is frozen; what is
 * frozen gives way only to what is demonstrably better: once where nothing is
 * flaky, and otherwise so often in a row that a coin would not do it. The one
 * before is named, and stays in the journal.
 */
export function freeze(library: readonly Frozen[], evidence: Evidence, settings: Settings): Frozen[] {
  const items = evidence.candidate.selection?.items ?? [];
  const known = new Map(library.map((frozen) => [frozen.situation, frozen]));
  for (const [place, item] of items.entries()) {
    if (item.consequence.status !== 'measured') continue;
    const { situation, consequence } = item;
    const { score } = consequence;
    const before = known.get(situation);
    const isNew = before === undefined && score > settings.freezeAbove;
    if (!isNew && (before === undefined || !isDemonstrablyBetter(before, evidence, settings))) continue;
    const supersedes = before?.generation ?? null;
    const { generation } = evidence;
    const capability = capabilityOf(item);
    known.set(situation, { situation, place, capability, generation, score, trials: 0, breaks: 0, supersedes });
  }
  return [...known.values()];
}

function isDemonstrablyBetter(before: Frozen, evidence: Evidence, settings: Settings): boolean {
  const scores = scoresOn(before.situation, candidateEvaluations(evidence));
  const isBetter = scores.length > 0 && scores.every((score) => score > before.score + settings.tolerance);
  return isBetter && (settings.flakiness === 0 || 2 ** -scores.length <= settings.errorRate);
}

/** Who was built on whom, as far as promoted generations tell: the weight of what they hold in the library. */
export function ranksOf({ promoted }: GateMemory): ReadonlyMap<string, number> {
  const own = promoted.map((p): Cited => ({ id: String(p.generation), lineage: '', wins: 1 }));
  const parents = promoted.map((p): Cited => ({ id: String(p.parent), lineage: '', wins: 0 }));
  const peers = promoted.flatMap(({ adopted }): Cited[] =>
    adopted === null ? [] : [{ id: `${adopted.lineage}/${adopted.generation}`, lineage: adopted.lineage, wins: 1 }],
  );
  // The last of equal ids counts: a parent that was promoted itself has won.
  const nodes = [...new Map([...parents, ...peers, ...own].map((n) => [n.id, n])).values()];
  const citations = promoted.flatMap(({ generation, parent, adopted }) => [
    { from: String(generation), to: String(parent) },
    ...(adopted === null ? [] : [{ from: String(generation), to: `${adopted.lineage}/${adopted.generation}` }]),
  ]);
  return citationRank(nodes, citations);
}

/** An item that an unchanged agent breaks this often tells next to nothing about another one. */
const tooFlaky = 0.25;

/**
 * Which broken items are worth measuring again: not those known to be flaky,
 * if there are others, and when the budget does not hold them all, those whose
 * holder is cited most.
 * @returns Places in ascending order, at least one and at most `retestItems`.
 */
export function chooseRetests(memory: GateMemory, broken: readonly Frozen[], settings: Settings): number[] {
  const ranks = ranksOf(memory);
  const worth = (f: Frozen) => ranks.get(String(f.generation)) ?? 0;
  const sure = broken.filter((f) => flakinessOf(f, settings) < tooFlaky);
  return [...(sure.length > 0 ? sure : broken)]
    .sort((a, b) => worth(b) - worth(a) || a.place - b.place)
    .slice(0, settings.retestItems)
    .map((f) => f.place)
    .sort((a, b) => a - b);
}
