import fc from 'fast-check';
import { expect, it } from 'vitest';
import { similarityRatio } from '../../src/analysis/sequence-matcher.ts';
import { askPython, type OracleCase, pythonMissing, pythonVectors } from '../support/python-oracle.ts';
import { itNeeds } from '../support/require-service.ts';

const itNeedsPython = itNeeds('python3', pythonMissing);

type RatioCase = Extract<OracleCase, { ask: 'ratio' }>;

it('gives the ratio that Python 3.11 gave, to the last bit', () => {
  const vectors = pythonVectors('ratio');
  expect(vectors.length).toBeGreaterThan(10);
  for (const { question, answer } of vectors) {
    const { a, b } = question as RatioCase;
    expect(similarityRatio(a, b)).toBe(answer);
  }
});

itNeedsPython('gives the ratio of the Python of this machine, for random edits of texts long and short', () => {
  // Few characters and edits of one text: many matches of every length, on both sides of autojunk's 200.
  const piece = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', '\n', 'ß', '𝒳'), maxLength: 60 }),
    fc.constantFrom('def f(x):\n', '    return x\n', 'import os\n'),
  );
  const text = fc.array(piece, { maxLength: 25 });
  const edited = text.chain((pieces) =>
    fc.tuple(fc.subarray(pieces), fc.subarray(pieces), piece, fc.boolean()).map(([a, b, extra, isLong]) => {
      const grow = (parts: readonly string[]) => parts.join('').repeat(isLong ? 12 : 1);
      return { ask: 'ratio' as const, a: grow(a), b: grow([...b, extra]) };
    }),
  );
  const questions = [...fc.sample(edited, 300), ...fc.sample(edited, 300).map((q) => ({ ...q, a: q.b, b: q.a }))];
  expect(questions.filter((q) => q.b.length >= 200).length).toBeGreaterThan(50);
  expect(questions.map(({ a, b }) => similarityRatio(a, b))).toEqual(askPython(questions));
});

it('is 1 exactly for equal texts below autojunk, 0 for texts with nothing in common, and in between otherwise', () => {
  const short = fc.string({ maxLength: 60 });
  fc.assert(
    fc.property(short, short, (a, b) => {
      expect(similarityRatio(a, a)).toBe(1);
      const ratio = similarityRatio(a, b);
      expect(ratio >= 0 && ratio <= 1).toBe(true);
      expect(ratio === 1).toBe(a === b);
      expect(ratio === 0).toBe(a !== b && ![...a].some((character) => [...b].includes(character)));
    }),
  );
});
