import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { censoredPairsTest, gehanDifferences } from '../../../src/analysis/statistics/censored-pairs.ts';
import { holm } from '../../../src/analysis/statistics/holm.ts';
import { normalCdf, normalQuantile } from '../../../src/analysis/statistics/normal.ts';
import { tTestPower } from '../../../src/analysis/statistics/power.ts';
import { mcNemarP, newcombeInterval, wilsonInterval } from '../../../src/analysis/statistics/proportions.ts';
import { signFlipP } from '../../../src/analysis/statistics/sign-flip.ts';
import { tInterval, tQuantile } from '../../../src/analysis/statistics/student.ts';
import { kaplanMeier, medianWait, restrictedMeanWait } from '../../../src/analysis/statistics/survival.ts';
import { askScipy, itWithScipy, type StatisticsCase, scipyVectors } from '../../support/scipy-oracle.ts';

const level = fc.constantFrom(0.8, 0.9, 0.95, 0.99);
// Thousandths: sums that are equal but for rounding are ties by our rule and by SciPy's.
const finite = fc.integer({ min: -50_000, max: 50_000 }).map((x) => x / 1_000);
const whole = fc.integer({ min: -4, max: 4 });
const count = fc.integer({ min: 0, max: 60 });
const waits = (length: fc.ArrayConstraints) =>
  fc
    .array(fc.record({ time: fc.integer({ min: 0, max: 15 }), isReached: fc.boolean() }), length)
    .map((list) => ({ times: list.map((w) => w.time), reached: list.map((w) => w.isReached) }));
const bounds = ({ low, high }: { low: number; high: number }) => [low, high];
const waitsOf = ({ times, reached }: { times: number[]; reached: boolean[] }) =>
  times.map((time, i) => ({ time, isReached: reached[i]! }));

/** Of each method: random questions, and our answer in the oracle's form. */
interface Method {
  readonly questions: fc.Arbitrary<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: the question's own fields, as they stand in the file
  readonly answer: (question: any) => unknown;
}
const methods: Record<string, Method> = {
  signFlip: {
    questions: fc.record({
      differences: fc.oneof(
        fc.array(finite, { minLength: 2, maxLength: 9 }),
        fc.array(whole, { minLength: 2, maxLength: 9 }),
      ),
    }),
    answer: ({ differences }) => signFlipP(differences).p,
  },
  tInterval: {
    questions: fc.record({ values: fc.uniqueArray(finite, { minLength: 2, maxLength: 30 }), level }),
    answer: (q) => bounds(tInterval(q.values, q.level)),
  },
  tQuantile: {
    questions: fc.record({
      p: fc.double({ min: 0.5, max: 0.9999, noNaN: true }),
      df: fc.integer({ min: 1, max: 150 }),
    }),
    answer: ({ p, df }) => tQuantile(p, df),
  },
  normal: {
    questions: fc.record({
      x: fc.double({ min: -7, max: 7, noNaN: true }),
      p: fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }),
    }),
    answer: ({ x, p }) => [normalCdf(x), normalQuantile(p)],
  },
  wilson: {
    questions: fc
      .tuple(fc.integer({ min: 1, max: 200 }), fc.double({ min: 0, max: 1, noNaN: true }), level)
      .map(([n, share, l]) => ({ k: Math.round(n * share), n, level: l })),
    answer: (q) => bounds(wilsonInterval(q.k, q.n, q.level)),
  },
  newcombe: {
    questions: fc.record({
      counts: fc.tuple(count, count, count, count).filter((counts) => counts.some((c) => c > 0)),
      level,
    }),
    answer: ({ counts: [both, first, second, neither], level }) =>
      bounds(newcombeInterval({ both, first, second, neither }, level)),
  },
  mcNemar: { questions: fc.record({ first: count, second: count }), answer: (q) => mcNemarP(q) },
  holm: {
    questions: fc.record({ ps: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 9 }) }),
    answer: ({ ps }) => holm(ps),
  },
  kaplanMeier: {
    questions: waits({ minLength: 2, maxLength: 15 })
      .filter((w) => w.reached.includes(true))
      .map((w) => ({ ...w, horizon: Math.max(...w.times) })),
    answer: (q) => ({
      steps: kaplanMeier(waitsOf(q)).map((s) => [s.time, s.survival]),
      mean: restrictedMeanWait(waitsOf(q), q.horizon),
      median: medianWait(waitsOf(q)),
    }),
  },
  gehan: {
    questions: fc.integer({ min: 2, max: 8 }).chain((n) => waits({ minLength: 2 * n, maxLength: 2 * n })),
    answer: (q) => {
      const all = waitsOf(q);
      const pairs = all.flatMap((first, i) => (i % 2 === 0 ? [{ first, second: all[i + 1]! }] : []));
      return { differences: gehanDifferences(pairs), p: censoredPairsTest(pairs).p };
    },
  },
  tPower: {
    questions: fc.record({
      n: fc.integer({ min: 3, max: 60 }),
      alpha: fc.constantFrom(0.01, 0.0125, 0.05, 0.1),
      effect: fc.double({ min: 0, max: 2, noNaN: true }),
    }),
    answer: (q) => tTestPower(q.n, q.alpha, q.effect),
  },
};

/** Both in the same form, numbers equal to nine digits. */
function expectClose(ours: unknown, theirs: unknown, about: StatisticsCase): void {
  if (typeof theirs === 'number') {
    expect(ours, JSON.stringify(about)).toBeTypeOf('number');
    const gap = Math.abs((ours as number) - theirs);
    expect(gap, `${JSON.stringify(about)}: ${ours}, SciPy ${theirs}`).toBeLessThanOrEqual(
      1e-9 * Math.max(1, Math.abs(theirs)),
    );
  } else if (Array.isArray(theirs)) {
    expect(ours, JSON.stringify(about)).toHaveLength(theirs.length);
    theirs.forEach((item, i) => {
      expectClose((ours as unknown[])[i], item, about);
    });
  } else if (theirs !== null && typeof theirs === 'object') {
    expect(Object.keys(ours as object).sort()).toEqual(Object.keys(theirs).sort());
    for (const [key, item] of Object.entries(theirs)) expectClose((ours as Record<string, unknown>)[key], item, about);
  } else expect(ours, JSON.stringify(about)).toBe(theirs);
}

describe('statistics', () => {
  it.each(Object.keys(methods))('%s agrees with the committed answers of SciPy and statsmodels', (ask) => {
    const vectors = scipyVectors().filter((v) => v.ask === ask);
    expect(vectors.length).toBeGreaterThanOrEqual(4);
    for (const { answer, ...question } of vectors)
      expectClose(methods[ask]!.answer(question), answer, question as StatisticsCase);
  });

  it('has a method for every committed answer', () => {
    expect([...new Set(scipyVectors().map((v) => v.ask))].sort()).toEqual(Object.keys(methods).sort());
  });

  itWithScipy('agree with the SciPy and statsmodels of this machine on random cases', { timeout: 120_000 }, () => {
    const questions = Object.entries(methods).flatMap(([ask, method]) =>
      fc.sample(method.questions, 60).map((q): StatisticsCase => ({ ask, ...q })),
    );
    const answers = askScipy(questions);
    questions.forEach((question, i) => {
      expectClose(methods[question.ask]!.answer(question), answers[i], question);
    });
  });
});
