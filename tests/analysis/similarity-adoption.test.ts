import { describe, expect, it } from 'vitest';
import { similarityRatio } from '../../src/analysis/sequence-matcher.ts';
import { similarityAdoptions, type WrittenGeneration } from '../../src/analysis/similarity-adoption.ts';

const mine = 'function solve(n) {\n  return n + 1;\n}\n';
const theirs = 'const answers = new Map();\nexport default (q) => answers.get(q.id) ?? guess(q);\n';
const written = (
  generation: number,
  text: string | null,
  score: number | null = 0.5,
  isPublished = true,
): WrittenGeneration => ({ generation, text, score, isPublished });

const own = [written(0, mine), written(1, mine.replace('1', '2')), written(2, theirs.replace('guess', 'think'))];

describe('the similarity witness', () => {
  it('finds the generation whose text is much closer to the best peer than to its own predecessor', () => {
    const peer = [written(0, mine, 0.1), written(1, theirs, 0.9)];
    const [event, ...more] = similarityAdoptions(own, peer, 'published');
    expect(more).toEqual([]);
    const d = (other: string) => 1 - similarityRatio(own[2]!.text!, other);
    const [ownDistance, peerDistance] = [d(own[1]!.text!), d(theirs)];
    const share = peerDistance / (ownDistance + peerDistance);
    expect(event).toEqual({ generation: 2, peerGeneration: 1, ownDistance, peerDistance, share });
    expect(share).toBeLessThan(0.4);
  });

  it('compares with the best-scoring peer alone, the earliest of equals', () => {
    expect(similarityAdoptions(own, [written(0, theirs, 0.1), written(1, mine, 0.9)], 'published')).toEqual([]);
    const equals = [written(0, theirs, 0.9), written(1, mine, 0.9)];
    expect(similarityAdoptions(own, equals, 'published')).toMatchObject([{ generation: 2, peerGeneration: 0 }]);
  });

  it('looks at the same generation and at unpublished ones only as published, never as causal', () => {
    const count = (peer: WrittenGeneration) =>
      (['published', 'causal'] as const).map((variant) => similarityAdoptions(own, [peer], variant).length);
    expect(count(written(1, theirs))).toEqual([1, 1]);
    expect(count(written(2, theirs))).toEqual([1, 0]);
    expect(count(written(3, theirs))).toEqual([0, 0]);
    expect(count(written(1, theirs, 0.9, false))).toEqual([1, 0]);
  });

  it('finds nothing where there is nothing to compare: no text, no score, no change and no difference', () => {
    const none = (a: WrittenGeneration[], b: WrittenGeneration[]) =>
      expect(similarityAdoptions(a, b, 'published')).toEqual([]);
    none(own, []);
    none(own, [written(0, null), written(1, theirs, null)]);
    none([written(0, theirs)], [written(0, theirs)]);
    none([written(0, theirs), written(1, theirs)], [written(0, theirs)]);
    none([written(0, null), written(1, theirs)], [written(0, theirs)]);
  });

  it('calls a copy an adoption, and a rewrite that stays as near to its own past none', () => {
    const copy = [written(0, mine), written(1, theirs)];
    expect(similarityAdoptions(copy, [written(0, theirs)], 'causal')).toMatchObject([{ share: 0, peerDistance: 0 }]);
    const rewrite = [written(0, mine), written(1, mine.replace('solve', 'answer'))];
    expect(similarityAdoptions(rewrite, [written(0, theirs)], 'causal')).toEqual([]);
  });
});
