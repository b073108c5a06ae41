import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pythonRandom } from '../../src/core/python-random.ts';
import { askPython, type Call, type OracleCase, pythonMissing, pythonVectors } from '../support/python-oracle.ts';
import { itNeeds } from '../support/require-service.ts';

const itNeedsPython = itNeeds('python3', pythonMissing);

type DrawCase = Extract<OracleCase, { ask: 'draws' }>;

function answerOf({ kind, seed, calls }: DrawCase): unknown[] {
  const r = pythonRandom(kind === 'int' ? BigInt(seed) : seed);
  return calls.map(([name, ...args]) => {
    const [items, second, count] = args as [unknown[], unknown, number];
    if (name === 'choices')
      return r.choices(items, { ...(second === null ? {} : { weights: second as number[] }), count });
    if (name === 'sample') return r.sample(items, second as number);
    if (name === 'shuffle') return r.shuffle(items);
    if (name === 'choice') return r.choice(items);
    return name === 'randbelow' ? r.randbelow(args[0] as number) : r.random();
  });
}

it('answers as Python 3.11 did, on fixed questions', () => {
  const vectors = pythonVectors('draws');
  expect(vectors.length).toBeGreaterThan(10);
  for (const { question, answer } of vectors) expect(answerOf(question as DrawCase)).toEqual(answer);
});

itNeedsPython('answers as the Python of this machine, whatever is asked and in whatever order', () => {
  const size = fc.integer({ min: 1, max: 300 });
  const list = size.map((n) => Array.from({ length: n }, (_, i) => i));
  const weight = fc.double({ min: 0, max: 1e3, noNaN: true });
  const call: fc.Arbitrary<Call> = fc.oneof(
    fc.constant<Call>(['random']),
    fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map((n): Call => ['randbelow', n]),
    list.map((items): Call => ['choice', items]),
    list.map((items): Call => ['shuffle', items]),
    fc.tuple(list, fc.double({ min: 0, max: 1, noNaN: true })).map(([items, share]): Call => {
      return ['sample', items, Math.floor(share * items.length)];
    }),
    fc.tuple(fc.array(weight, { minLength: 1, maxLength: 40 }), fc.nat(5)).map(([weights, k]): Call => {
      const some = [...weights, 0.5];
      return ['choices', some.map((_, i) => i), some, k];
    }),
    fc.tuple(list, fc.nat(5)).map(([items, k]): Call => ['choices', items, null, k]),
  );
  const seed = fc.oneof(
    fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }).map((n) => ({ kind: 'int' as const, seed: String(n) })),
    fc.string({ maxLength: 300 }).map((text) => ({ kind: 'str' as const, seed: text })),
  );
  const question = fc
    .record({ seed, calls: fc.array(call, { minLength: 1, maxLength: 30 }) })
    .map(({ seed: s, calls }): DrawCase => ({ ask: 'draws', ...s, calls }));
  const questions = fc.sample(question, 300);
  expect(questions.map(answerOf)).toEqual(askPython(questions));
});

describe('the place in the sequence', () => {
  it('is enough to go on from, after any draws', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.integer({ min: 1, max: 2 ** 40 }), { maxLength: 50 }), (seed, drawn) => {
        const whole = pythonRandom(seed);
        for (const below of drawn) whole.randbelow(below);
        const rest = pythonRandom(seed, whole.words);
        expect([rest.random(), rest.randbelow(97)]).toEqual([whole.random(), whole.randbelow(97)]);
      }),
    );
  });

  it('counts two words a `random`, and as many as were rejected for a choice', () => {
    const r = pythonRandom(43);
    r.random();
    expect(r.words).toBe(2);
    r.choice([1]);
    expect(r.words).toBeGreaterThan(2);
  });
});

it.each<[string, (r: ReturnType<typeof pythonRandom>) => unknown]>([
  ['nothing can be drawn below 0', (r) => r.randbelow(0)],
  ['cannot choose from an empty list', (r) => r.choice([])],
  ['cannot choose from an empty list', (r) => r.choices([])],
  ['2 items need as many weights, not 1', (r) => r.choices([1, 2], { weights: [1] })],
  ['the weights must have a finite sum above 0, not 0', (r) => r.choices([1], { weights: [0] })],
  ['a sample of 2 has 0 to 2 items, not 3', (r) => r.sample([1, 2], 3)],
])('refuses what Python refuses: %s', (message, call) => {
  expect(() => call(pythonRandom(1))).toThrow(message);
});

it('takes whole numbers and text as a seed, and no others', () => {
  expect(() => pythonRandom(0.5)).toThrow('0.5 is no integer seed');
});
