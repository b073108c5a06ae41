import { describe, expect, it } from 'vitest';
import { randomStream } from '../../../src/core/random.ts';
import { commandWords } from '../../../src/niches/storage/action-language.ts';
import { corpus, corpusRow, entryOf, sceneOf } from '../../../src/niches/storage/corpus.ts';
import { observationLength } from '../../../src/niches/storage/observation.ts';
import { tokenOf, verbs, vocabulary } from '../../../src/niches/storage/vocabulary.ts';

/** Statistic of a table of counts, and the value that independence passes once in a thousand times (Wilson and Hilferty). */
function chiSquare(pairs: readonly (readonly [string, string])[]) {
  const count = (key: (pair: readonly [string, string]) => string) => {
    const counts = new Map<string, number>();
    for (const pair of pairs) counts.set(key(pair), (counts.get(key(pair)) ?? 0) + 1);
    return counts;
  };
  const [rows, columns, cells] = [count(([a]) => a), count(([, b]) => b), count(([a, b]) => `${a}\0${b}`)];
  let statistic = 0;
  for (const [a, n] of rows) {
    for (const [b, m] of columns) {
      const expected = (n * m) / pairs.length;
      statistic += ((cells.get(`${a}\0${b}`) ?? 0) - expected) ** 2 / expected;
    }
  }
  const freedom = (rows.size - 1) * (columns.size - 1);
  return { statistic, critical: quantileOf(freedom) };
}

/** The cell that is furthest from independence, in standard deviations; cells too rare to say are left out. */
function largestResidual(pairs: readonly (readonly [string, string])[]): number {
  const cells = new Map<string, number>();
  const [rows, columns] = [new Map<string, number>(), new Map<string, number>()];
  for (const [a, b] of pairs) {
    rows.set(a, (rows.get(a) ?? 0) + 1);
    columns.set(b, (columns.get(b) ?? 0) + 1);
    cells.set(`${a}\0${b}`, (cells.get(`${a}\0${b}`) ?? 0) + 1);
  }
  let largest = 0;
  for (const [a, n] of rows) {
    for (const [b, m] of columns) {
      const expected = (n * m) / pairs.length;
      if (expected < 20) continue;
      const deviation = Math.sqrt(expected * (1 - n / pairs.length) * (1 - m / pairs.length));
      largest = Math.max(largest, Math.abs((cells.get(`${a}\0${b}`) ?? 0) - expected) / deviation);
    }
  }
  return largest;
}

function quantileOf(freedom: number): number {
  const z = 3.09;
  return freedom * (1 - 2 / (9 * freedom) + z * Math.sqrt(2 / (9 * freedom))) ** 3;
}

const attributeNames = ['position', 'size', 'owner', 'permission', 'flag', 'directory', 'extension', 'age'] as const;
const headNames = ['free', 'verb of the last', 'result', 'change'] as const;

interface Sample {
  readonly verb: string;
  readonly argument: string;
  readonly line: readonly string[];
  readonly head: readonly string[];
}

/** Commands of the corpus with all that was shown when they were given. Only full screens: fewer lines shift positions. */
function sample(count: number): Sample[] {
  const samples: Sample[] = [];
  for (let i = 0; samples.length < count; i += 1) {
    const random = randomStream(11, 'corpus-test', i);
    const scene = sceneOf(random);
    if (scene.lines.length < 6) continue;
    for (let entry = 0; entry < 3; entry += 1) {
      const { wanted } = entryOf(random, scene, 0);
      const line = scene.lines.find(([position]) => position === wanted[1])!;
      const { words } = scene;
      samples.push({
        verb: wanted[0]!,
        argument: wanted[2] ?? '',
        line,
        head: [words[1]!, words[2]!, words[5]!, words[6]!],
      });
    }
  }
  return samples;
}

describe('the corpus', () => {
  const samples = sample(24_000);

  it.each(attributeNames.map((name, i) => [name, i] as const))(
    'gives verbs without regard to the %s of the path',
    (_, i) => {
      const { statistic, critical } = chiSquare(samples.map(({ verb, line }) => [verb, line[i]!]));
      expect(statistic).toBeLessThan(critical);
    },
  );

  it.each(headNames.map((name, i) => [name, i] as const))('gives verbs without regard to the %s above', (_, i) => {
    const { statistic, critical } = chiSquare(samples.map(({ verb, head }) => [verb, head[i]!]));
    expect(statistic).toBeLessThan(critical);
  });

  it.each(['chmod', 'chmod-dir', 'tar', 'find-size', 'find-name', 'find-old'])(
    'gives the argument of %s without regard to the path',
    (verb) => {
      const chosen = samples.filter((one) => one.verb === verb);
      for (const i of [2, 3, 4]) {
        const { statistic, critical } = chiSquare(chosen.map(({ argument, line }) => [argument, line[i]!]));
        expect(statistic, attributeNames[i]).toBeLessThan(critical);
      }
    },
  );

  it('lets no verb stand out over anything that a line says', () => {
    for (const [i, name] of attributeNames.entries()) {
      expect(largestResidual(samples.map(({ verb, line }) => [verb, line[i]!])), name).toBeLessThan(5);
    }
  });

  it('would not pass if it preferred, one time in five, what may be deleted', () => {
    const random = randomStream(12, 'corpus-test');
    const biased = samples.map(({ verb, line }): [string, string] => [
      verb === 'ls' && line[3] === 'may:fd' && random.next() < 0.2 ? 'rm' : verb,
      line[3]!,
    ]);
    const { statistic, critical } = chiSquare(biased);
    expect(statistic).toBeGreaterThan(critical);
    expect(largestResidual(biased)).toBeGreaterThan(5);
  });

  it('uses every verb as often and makes six entries of ten look-ups', () => {
    const expected = samples.length / verbs.length;
    const spread = verbs.reduce((sum, verb) => {
      return sum + (samples.filter((one) => one.verb === verb).length - expected) ** 2 / expected;
    }, 0);
    expect(spread).toBeLessThan(quantileOf(verbs.length - 1));
    const random = randomStream(13, 'corpus-test');
    const scene = sceneOf(random);
    const lookups = Array.from({ length: 5_000 }, () => entryOf(random, scene, 0.6)).filter(
      ({ shown }) => shown[0] === '#',
    );
    expect(Math.abs(lookups.length - 3_000)).toBeLessThan(3.3 * Math.sqrt(5_000 * 0.24));
  });

  it('streams rows that depend on seed and number alone, of equal length', () => {
    const stream = corpus({ seed: 3 });
    const rows = Array.from({ length: 20 }, () => stream.next().value);
    expect(rows).toEqual(rows.map((_, i) => corpusRow({ seed: 3 }, i)));
    expect(rows).not.toEqual(rows.map((_, i) => corpusRow({ seed: 4 }, i)));
    for (const { tokens, isTarget } of rows) expect([tokens.length, isTarget.length]).toEqual([96, 96]);
  });

  it('asks only for answers that the observation holds, and for commands of the language', () => {
    for (let i = 0; i < 300; i += 1) {
      const { tokens, isTarget } = corpusRow({ seed: 5 }, i);
      const words = tokens.map((token) => vocabulary[token]!);
      expect(isTarget.slice(0, observationLength)).not.toContain(true);
      const marks = words.flatMap((word, at) => (at >= observationLength - 1 && /^[$#]$/.test(word) ? [at] : []));
      expect(marks[0]).toBe(observationLength - 1);
      for (const [n, at] of marks.entries()) {
        // The last entry may be cut.
        if (n === marks.length - 1) continue;
        const entry = words.slice(at, marks[n + 1]);
        const wanted = entry.filter((_, j) => isTarget[at + j]).slice(0, -1);
        expect(entry.at(-1)).toBe('<end>');
        expect(isTarget[at + entry.length - 1]).toBe(true);
        if (entry[0] === '$') expect(commandWords(wanted.map(tokenOf), 6), entry.join(' ')).toEqual(wanted);
        else if (entry[1] === 'ask:stat') {
          const line = words.indexOf(entry[2]!, 7);
          expect(wanted).toEqual([line + 2, line + 3, line + 4, line + 1].map((k) => words[k]));
        } else {
          const hit = words.findIndex((word, k) => k >= 7 && k < observationLength - 1 && word === entry[2]);
          expect(wanted).toEqual([hit === -1 ? '.' : words[7 + 8 * Math.floor((hit - 7) / 8)]]);
        }
      }
    }
  });
});
