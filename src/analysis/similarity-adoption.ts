import { similarityAtMost, similarityRatio } from './sequence-matcher.ts';

/** What the similarity witness needs of a generation; of runs without provenance there is no more. */
export interface WrittenGeneration {
  readonly generation: number;
  /** The task agent's source, `null` when it was not kept. */
  readonly text: string | null;
  /** Selection score; `null` when it was not measured. */
  readonly score: number | null;
  /** Whether peers could see it. */
  readonly isPublished: boolean;
}

export interface SimilarityAdoption {
  readonly generation: number;
  /** The peer's generation that the text is close to. */
  readonly peerGeneration: number;
  /** d = 1 − ratio, of this text to the lineage's own generation before, and to the peer's. */
  readonly ownDistance: number;
  readonly peerDistance: number;
  /** d_peer / (d_own + d_peer), below {@link adoptionThreshold}. */
  readonly share: number;
}

/**
 * Which of the peer's generations may be the model. `published` is the rule of
 * the publication, which also looks at the same generation and at unpublished
 * ones; `causal` only at what the agent could have seen: published, and
 * strictly before. Both take the best-scoring one, the earliest of equals.
 */
export type AdoptionVariant = 'published' | 'causal';

export const adoptionThreshold = 0.4;

/**
 * The second witness of adoption: a text that is much closer to the peer's
 * best than to its own predecessor. It says nothing about what was read, and a
 * text that both lineages reached by themselves looks the same to it.
 * @see Cross-Agent+Model Evolution of Self-Modifying Code, its adoption events.
 */
export function similarityAdoptions(
  own: readonly WrittenGeneration[],
  peer: readonly WrittenGeneration[],
  variant: AdoptionVariant,
): SimilarityAdoption[] {
  return own.flatMap(({ generation, text }, i): SimilarityAdoption[] => {
    const before = own[i - 1]?.text ?? '';
    const model = bestOf(peer, generation, variant);
    if (text === null || text === '' || before === '' || model === null) return [];
    const ownDistance = 1 - similarityRatio(text, before);
    // Most texts are far from their peer's: then the bound says so, and nothing is aligned.
    if (shareOf(ownDistance, 1 - similarityAtMost(text, model.text!)) > adoptionThreshold + 1e-9) return [];
    const peerDistance = 1 - similarityRatio(text, model.text!);
    const share = shareOf(ownDistance, peerDistance);
    // Unchanged and equal to the peer's is 0 of 0: no event.
    if (!(share < adoptionThreshold)) return [];
    return [{ generation, peerGeneration: model.generation, ownDistance, peerDistance, share }];
  });
}

const shareOf = (ownDistance: number, peerDistance: number) => peerDistance / (ownDistance + peerDistance);

function bestOf(
  peer: readonly WrittenGeneration[],
  generation: number,
  variant: AdoptionVariant,
): WrittenGeneration | null {
  let best: WrittenGeneration | null = null;
  for (const g of peer) {
    const isVisible = variant === 'published' ? g.generation <= generation : g.generation < generation && g.isPublished;
    if (!isVisible || g.score === null || g.text === null || g.text === '') continue;
    if (best === null || g.score > best.score!) best = g;
  }
  return best;
}
