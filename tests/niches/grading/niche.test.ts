import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../../src/core/config/parse-experiment.ts';
import type { Json } from '../../../src/core/json.ts';
import { createNiche } from '../../../src/runtime/niches.ts';
import { csvOf, fileWith, openGrading, rowsOf } from './table-fixture.ts';

const signal = new AbortController().signal;
const text = csvOf(rowsOf({ incorrect: 8, partial: 8, almost: 8, correct: 8 }, 8));
const most = { train: 8, selection: 8, test: 8 };
type Opened = ReturnType<typeof openGrading>;

/** What the niche measures of every item of a split, when all are answered alike. */
function measureAll(niche: Opened, output: unknown, exitCode: number | null = 0) {
  return niche
    .situations({ split: 'selection', seed: 1, count: 8 })
    .map((situation) => niche.measure(situation, { output: output as Json, exitCode }, signal));
}

interface Details {
  readonly label: number;
  readonly points: number | null;
  readonly measures: { readonly accuracy: number; readonly absoluteError: number };
}
const detailsOf = (consequence: unknown) => (consequence as { details: Details }).details;
const scoreOf = (consequence: unknown) => (consequence as { score: number }).score;

describe('situations', () => {
  it('tell all but the label and what would name the item', () => {
    const niche = openGrading({ text, most });
    const [one] = niche.situations({ split: 'test', seed: 1, count: 8 });
    expect(one!.id).toMatch(/^test-\d+-[0-9a-f]{8}$/);
    expect(one!.input).toEqual({
      problem: expect.stringMatching(/^text of P\d$/),
      reference: 'ref',
      guidelines: 'guide',
      response: expect.stringMatching(/^answer G\d+$/),
    });
  });

  it('are the same for the same seed and never in two splits; the first of many are the first of few', () => {
    const niche = openGrading({ text, most });
    const ids = (['train', 'selection', 'test'] as const).map((split) =>
      niche.situations({ split, seed: 5, count: 8 }).map(({ input }) => (input as { response: string }).response),
    );
    expect(new Set(ids.flat()).size).toBe(24);
    const few = niche.situations({ split: 'selection', seed: 5, count: 3 });
    expect(few).toEqual(openGrading({ text, most }).situations({ split: 'selection', seed: 5, count: 8 }).slice(0, 3));
    expect(niche.situations({ split: 'test', seed: 6, count: 8 })).not.toEqual(
      niche.situations({ split: 'test', seed: 5, count: 8 }),
    );
  });

  it('are dealt alike in every run when the experiment says by which seed', () => {
    const niche = openGrading({ text, most, params: { splitSeed: 9 } });
    const of = (seed: number) => niche.situations({ split: 'test', seed, count: 8 });
    expect(of(1)).toEqual(of(2));
  });

  it('have more selection items behind those of the split, for looks at items that were never used', () => {
    expect(openGrading({ text, most }).situations({ split: 'selection', seed: 1, count: 16 })).toHaveLength(16);
    expect(() => openGrading({ text, most }).situations({ split: 'train', seed: 1, count: 9 })).toThrow(
      'train has 8 items, and 9 were asked for',
    );
  });
});

describe('the score', () => {
  it.each([
    [0, { accuracy: 2 / 8, mae: (2 * (1 + 6 + 7)) / 7 / 8 }],
    [1, { accuracy: 2 / 8, mae: (2 * (1 + 5 + 6)) / 7 / 8 }],
    [6, { accuracy: 2 / 8, mae: (2 * (6 + 5 + 1)) / 7 / 8 }],
    [7, { accuracy: 2 / 8, mae: (2 * (7 + 6 + 1)) / 7 / 8 }],
  ])('of %i points for all, two items of each grade, is worked out by hand', (points, { accuracy, mae }) => {
    for (const score of ['accuracy', '1-mae'] as const) {
      const all = measureAll(openGrading({ text, most, params: { score } }), { points });
      const mean = (of: (c: unknown) => number) => all.map(of).reduce((a, b) => a + b, 0) / all.length;
      expect(mean((c) => detailsOf(c).measures.accuracy)).toBeCloseTo(accuracy, 12);
      expect(mean((c) => detailsOf(c).measures.absoluteError)).toBeCloseTo(mae, 12);
      expect(mean(scoreOf)).toBeCloseTo(score === 'accuracy' ? accuracy : 1 - mae, 12);
    }
  });

  it.each([
    ['points', { points: 6 }],
    ['points as text', { points: '6' }],
    ['a word', { points: ' Almost' }],
    ['more besides', { points: 6, why: 'a slip', accuracy: 1 }],
  ])('takes %s', (_what, output) => {
    expect(measureAll(openGrading({ text, most }), output).map((c) => detailsOf(c).points)).toEqual(
      Array.from({ length: 8 }, () => 6),
    );
  });

  it.each([
    ['points between the grades', { points: 3 }],
    ['no points', {}],
    ['null', { points: null }],
    ['an unknown word', { points: 'good' }],
    ['a list', [7]],
    ['a bare number', 7],
    ['the points of every object', { constructor: 7 }],
  ])('of an answer that is no grade is that of a wrong one, with an error of seven points: %s', (_what, output) => {
    for (const consequence of measureAll(openGrading({ text, most }), output)) {
      expect(consequence).toMatchObject({ status: 'measured', score: 0 });
      expect(detailsOf(consequence)).toMatchObject({ points: null, measures: { accuracy: 0, absoluteError: 1 } });
    }
    for (const consequence of measureAll(openGrading({ text, most, params: { score: '1-mae' } }), output))
      expect(scoreOf(consequence)).toBe(0);
  });

  it('is none for a task agent that failed', () => {
    for (const consequence of measureAll(openGrading({ text, most }), { points: 7 }, 1))
      expect(consequence).toEqual({ status: 'failed', reason: 'crash', message: 'the task agent ended with status 1' });
  });

  it('cannot be told of a situation from another table', () => {
    const [situation] = openGrading({ text, most }).situations({ split: 'train', seed: 1, count: 1 });
    const changed = openGrading({ text: text.replace(',7,correct', ',7,almost'), most });
    expect(() => changed.measure(situation!, { output: { points: 7 }, exitCode: 0 }, signal)).toThrow(
      /is not the table that train-\d+-\w+ was taken from/,
    );
  });
});

describe('what is shown beside a label', () => {
  it('is the text of a train item that was graded wrong, its beginning only, and of no other', () => {
    const niche = openGrading({ text, most, params: { shownCharacters: 7 } });
    const shown = (split: 'train' | 'selection' | 'test', points: number) =>
      niche.situations({ split, seed: 1, count: 8 }).map((situation) => {
        const consequence = niche.measure(situation, { output: { points }, exitCode: 0 }, signal);
        const { label, shown: what } = detailsOf(consequence) as Details & { readonly shown?: object };
        return { isRight: label === points, what };
      });
    for (const { isRight, what } of shown('train', 7)) {
      if (isRight) expect(what).toBeUndefined();
      else
        expect(what).toMatchObject({
          guidelines: 'guide',
          response: expect.stringMatching(/^answer \n\[cut: \d more characters\]$/),
        });
    }
    for (const split of ['selection', 'test'] as const)
      expect(shown(split, 7).every(({ what }) => what === undefined)).toBe(true);
  });
});

describe('in an experiment', () => {
  const config = (changes: object) =>
    parseExperiment({
      name: 'graded',
      niche: { module: 'grading', params: { table: fileWith(text) } },
      lineages: { a: { model: 'mutator:numeric' } },
      arms: ['solo'],
      budget: { generations: 2 },
      ...changes,
    });

  it('is refused before anything is spent when the table is too small for its splits', async () => {
    const items = { train: 20, selection: 8, test: 8 };
    await expect(createNiche(config({ items }), '/')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/is too small: train 20, selection 8, test 8 are 36 items, and the table has 32$/),
    });
    await expect(createNiche(config({ items: { ...items, train: 16 } }), '/')).resolves.toMatchObject({
      name: 'grading',
    });
  });

  it('has an item for every look that its gate may take', async () => {
    const gate = (itemsPerLook: number) => ({
      items: { train: 8, selection: 8, test: 8 },
      gate: { improvement: { test: 'paired', looks: 1, itemsPerLook } },
    });
    const niche = await createNiche(config(gate(4)), '/');
    expect(niche.situations({ split: 'selection', seed: 1, count: 16 })).toHaveLength(16);
    await expect(createNiche(config(gate(5)), '/')).rejects.toThrow(/selection 18/);
  });
});
