import { crashRecoveries, neglects } from './life-events.ts';
import { type AdoptionVariant, similarityAdoptions } from './similarity-adoption.ts';

/** A generation as the published definitions look at it. */
export interface WitnessedGeneration {
  readonly generation: number;
  /** Selection score as its system recorded it; `null` when none was. */
  readonly score: number | null;
  /** The task agent's source; `null` when it was not kept. */
  readonly text: string | null;
  readonly isPublished: boolean;
  /** Whether it read a peer; `null` when nobody knows. */
  readonly readPeers: boolean | null;
  /** What provenance says that it took. */
  readonly adopted: { readonly lineage: string; readonly generation: number } | null;
  readonly parent: number | null;
}

export interface WitnessedLineage {
  readonly id: string;
  /** By number. */
  readonly generations: readonly WitnessedGeneration[];
}

export interface WitnessedRun {
  readonly run: string;
  /** `null` where its system does not say. */
  readonly seed: number | null;
  readonly lineages: readonly WitnessedLineage[];
}

export const adoptionWitnesses = ['similarity', 'similarity-causal', 'provenance'] as const;
export type AdoptionWitness = (typeof adoptionWitnesses)[number];

/** One adoption, by one witness: a contract for scripts, held by tests. */
export interface AdoptionFound {
  readonly run: string;
  readonly seed: number | null;
  readonly generation: number;
  readonly adopter: string;
  readonly peer: string;
  readonly witness: AdoptionWitness;
  /** d_peer / (d_own + d_peer); `null` where a text was not kept, or all three are equal. */
  readonly ratio: number | null;
  /** 1 − similarity to the lineage's own code before, and to the peer's. */
  readonly dOwn: number | null;
  readonly dPeer: number | null;
  /** Scores of the generation before and of this one; `null` when not measured. */
  readonly before: number | null;
  readonly after: number | null;
}

const variants: Readonly<Record<Exclude<AdoptionWitness, 'provenance'>, AdoptionVariant>> = {
  similarity: 'published',
  'similarity-causal': 'causal',
};

/** Adoptions of one run, by adopter and peer in the order of the lineages. */
export function adoptionsIn(
  { run, seed, lineages }: WitnessedRun,
  witness: AdoptionWitness,
  ratio: (a: string, b: string) => number,
): AdoptionFound[] {
  const pairs = lineages.flatMap((own) => lineages.filter((peer) => peer !== own).map((peer) => ({ own, peer })));
  return pairs.flatMap(({ own, peer }) => {
    const heads = { run, seed, adopter: own.id, peer: peer.id, witness };
    if (witness === 'provenance') return provenAdoptions(own, peer, ratio).map((event) => ({ ...heads, ...event }));
    return similarityAdoptions(own.generations, peer.generations, variants[witness]).map((event): AdoptionFound => {
      const at = own.generations.findIndex((g) => g.generation === event.generation);
      return {
        ...{ run, seed, generation: event.generation, adopter: own.id, peer: peer.id, witness },
        ...{ ratio: event.share, dOwn: event.ownDistance, dPeer: event.peerDistance },
        ...{ before: own.generations[at - 1]?.score ?? null, after: own.generations[at]!.score },
      };
    });
  });
}

/** What provenance recorded, with the distances that the other witness would have seen. */
function provenAdoptions(own: WitnessedLineage, peer: WitnessedLineage, ratio: (a: string, b: string) => number) {
  return own.generations.flatMap((g) => {
    if (g.adopted?.lineage !== peer.id) return [];
    const parent = own.generations.find((p) => p.generation === g.parent) ?? null;
    const model = peer.generations.find((p) => p.generation === g.adopted!.generation) ?? null;
    const distance = (other: string | null | undefined) =>
      g.text === null || other === null || other === undefined ? null : 1 - ratio(g.text, other);
    const [dOwn, dPeer] = [distance(parent?.text), distance(model?.text)];
    const sum = dOwn === null || dPeer === null ? 0 : dOwn + dPeer;
    return [
      {
        ...{ generation: g.generation, ratio: sum === 0 ? null : dPeer! / sum, dOwn, dPeer },
        ...{ before: parent?.score ?? null, after: g.score },
      },
    ];
  });
}

/** A lineage that scored, fell to nothing and scored again at once. */
export interface CrashRecoveryFound {
  readonly run: string;
  readonly seed: number | null;
  readonly lineage: string;
  /** Generations: the first and the last at nothing, and the one that scored again. */
  readonly from: number;
  readonly to: number;
  readonly recovery: number;
  readonly before: number | null;
  readonly after: number | null;
  /**
   * The publication's text counts a generation without a score as 0, its
   * script as something that ends a crash; this is an event under which of
   * the two readings.
   */
  readonly invalidAs: readonly ('zero' | 'unmeasured')[];
}

/** Events with generations that have no score counted as 0; those that are events without that say so. */
export function crashRecoveriesIn({ run, seed, lineages }: WitnessedRun): CrashRecoveryFound[] {
  return lineages.flatMap(({ id, generations }) => {
    const scores = generations.map((g) => g.score);
    const strict = new Set(crashRecoveries(scores).map((event) => event.recovery));
    return crashRecoveries(scores.map((score) => score ?? 0)).map((event): CrashRecoveryFound => {
      const numberAt = (i: number) => generations[i]!.generation;
      return {
        ...{ run, seed, lineage: id },
        ...{ from: numberAt(event.from), to: numberAt(event.to), recovery: numberAt(event.recovery) },
        ...{ before: scores[event.from - 1] ?? null, after: scores[event.recovery] ?? null },
        invalidAs: strict.has(event.recovery) ? ['zero', 'unmeasured'] : ['zero'],
      };
    });
  });
}

/** A lineage that had read its peers and stopped. */
export interface NeglectFound {
  readonly run: string;
  readonly seed: number | null;
  readonly lineage: string;
  readonly lastRead: number;
  readonly from: number;
  /** Generations in a row without a read. */
  readonly length: number;
  /** The best that any peer had recorded when it stopped. */
  readonly peerBest: number | null;
  /** The publication reports only the last one of a lineage. */
  readonly isLast: boolean;
}

export function neglectsIn({ run, seed, lineages }: WitnessedRun): NeglectFound[] {
  return lineages.flatMap(({ id, generations }) => {
    const events = neglects(generations.map((g) => g.readPeers));
    return events.map((event, i): NeglectFound => {
      const from = generations[event.from]!.generation;
      const offered = lineages
        .filter((peer) => peer.id !== id)
        .flatMap((peer) =>
          peer.generations.flatMap((g) => (g.generation <= from && g.score !== null ? [g.score] : [])),
        );
      return {
        ...{ run, seed, lineage: id, lastRead: generations[event.lastRead]!.generation, from, length: event.length },
        ...{ peerBest: offered.length === 0 ? null : Math.max(...offered), isLast: i === events.length - 1 },
      };
    });
  });
}
