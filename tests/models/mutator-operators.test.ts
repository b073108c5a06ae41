import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { applyEdits, smallestReplacement } from '../../src/models/mutator/edit.ts';
import { javascript } from '../../src/models/mutator/javascript/grammar.ts';
import { unresolvedNames } from '../../src/models/mutator/javascript/names.ts';
import { type Program, parseProgram } from '../../src/models/mutator/javascript/source.ts';
import { estimateWork } from '../../src/models/mutator/javascript/work.ts';
import { languageOf } from '../../src/models/mutator/languages.ts';
import { operatorHarness } from './operator-harness.ts';

const seedText = readFileSync(new URL('../../experiments/packing/seed/pack.mjs', import.meta.url), 'utf8');

/** A peer that differs from the seed in a number, in a function and in what that function needs. */
const peerText = seedText
  .replace(/const caution = .*;/, 'const caution = 0.001;')
  .replace('  return gain > 0 ||', '  return isBetter(gain) || gain > patience ||')
  .replace('const steps', 'const patience = 0.5;\nconst steps')
  .concat('\n/** Strictly. */\nfunction isBetter(gain) {\n  return gain > 0;\n}\n');
const { program, seed, peer, results, named } = operatorHarness(javascript, seedText, peerText);

describe('operators on the seed genome', () => {
  it('are all applicable', () => {
    expect([...named.keys()].sort()).toEqual([
      'adopt-constant',
      'adopt-function',
      'adopt-functions',
      'combine-expressions',
      'delete-statement',
      'duplicate-statement',
      'move-statement',
      'negate-condition',
      'perturb-number',
      'replace-expression',
      'replace-math-function',
      'scale-pair',
      'swap-operator',
      'wrap-condition',
    ]);
  });

  it.each([...named])(
    '%s yields different code that parses, resolves its names and stays affordable',
    (_name, operator) => {
      const texts = results(operator, seed, peer);
      expect(texts.length).toBeGreaterThan(3);
      for (const text of texts) {
        expect(text).not.toBe(seedText);
        const child = program(text);
        expect([...unresolvedNames(child)]).toEqual([...unresolvedNames(seed)]);
        expect(child.declarations.get('pack')?.isExported).toBe(true);
      }
    },
  );

  it('leave the heads of loops alone, but for numbers', () => {
    const heads = (text: string) => [...text.matchAll(/for \((.*)\) \{/g)].map((m) => m[1]!.replace(/\d+/g, '#'));
    const known = new Set(heads(seedText));
    for (const operator of named.values()) {
      for (const text of results(operator, seed, peer, 8)) expect(heads(text).every((h) => known.has(h))).toBe(true);
    }
  });

  it('keep every chain of variations parseable and within its growth of work', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom('numeric' as const, 'structural' as const), (start, mix) => {
        const random = randomStream(start, 'chain');
        let text = seedText;
        for (let i = 0; i < 5; i += 1) {
          const next = languageOf('pack.mjs')!.vary(mix, { own: text, peer: peerText, isPeerBetter: true }, random);
          if (next === null) break;
          expect(estimateWork(program(next.text))).toBeLessThanOrEqual(javascript.maxWork);
          const replacement = smallestReplacement(text, next.text);
          if (replacement !== null) expect(text.split(replacement.old).join(replacement.new)).toBe(next.text);
          text = next.text;
        }
      }),
      { numRuns: 12 },
    );
  });
});

describe('numeric operators', () => {
  const perturb = named.get('perturb-number')!;

  it('let loop bounds grow by half at most, and never past 4000', () => {
    const own = program(
      'const rounds = 3900;\nexport function f() {\n  for (let i = 0; i < rounds; i += 1) g(i);\n}\nfunction g() {}\n',
    );
    const small = program(own.text.replace('3900', '100'));
    const bounds = (p: Program) => results(perturb, p, null).map((t) => Number(/rounds = (\d+)/.exec(t)![1]));
    expect(Math.max(...bounds(own))).toBeLessThanOrEqual(4_000);
    expect(Math.max(...bounds(small))).toBeLessThanOrEqual(150);
    expect(Math.min(...bounds(small))).toBeGreaterThanOrEqual(1);
  });

  it('keep integers integers within 0 and 4096, and floats floats of at most six digits', () => {
    const own = program('export const a = 4090, b = 0.25;\n');
    for (const text of results(perturb, own, null, 200)) {
      const [, a, b] = /a = (\S+), b = (\S+);/.exec(text)!;
      expect(a).toMatch(/^\d+$/);
      expect(Number(a)).toBeLessThanOrEqual(4_096);
      expect(b).toMatch(/[.e]/);
      expect(b!.replace(/e.*|[-.]/g, '').replace(/^0+/, '').length).toBeLessThanOrEqual(6);
    }
  });

  it('do not touch indices, keys, large integers or bit patterns', () => {
    const own = program('export const f = (a) => a[0] ^ (a[1] >>> 15) ^ 0x6d2b79f5 ^ Math.imul(a[2], 4294967296);\n');
    expect(results(perturb, own, null)).toEqual([]);
  });

  it('leave while loops alone', () => {
    const own = program('export function f(x) {\n  while (x > 1.5) {\n    x = x * 0.5 - 0.25;\n    x -= 2;\n  }\n}\n');
    for (const [name, operator] of named) expect([name, results(operator, own, null)]).toEqual([name, []]);
  });
});

describe('crossover', () => {
  it('takes a function together with the function and the number that only the peer has', () => {
    const texts = results(named.get('adopt-function')!, seed, peer);
    for (const text of texts) {
      expect(text).toContain('isBetter(gain) || gain > patience');
      expect(text).toContain('/** Strictly. */\nfunction isBetter(gain)');
      expect(text).toContain('const patience = 0.5;');
      expect(text).not.toContain('caution = 0.001');
    }
  });

  it('takes a number under the same name', () => {
    expect(new Set(results(named.get('adopt-constant')!, seed, peer))).toEqual(
      new Set([seedText.replace(/const caution = .*;/, 'const caution = 0.001;')]),
    );
  });

  it('keeps an export when the peer does not export the function', () => {
    const own = program('export function f() {\n  return 1;\n}\n');
    const other = program('function f() {\n  return 2;\n}\n');
    expect(results(named.get('adopt-function')!, own, other, 1)).toEqual(['export function f() {\n  return 2;\n}\n']);
  });

  it('has nothing to take from an equal peer', () => {
    for (const name of ['adopt-constant', 'adopt-function', 'adopt-functions']) {
      expect(results(named.get(name)!, seed, seed)).toEqual([]);
    }
  });
});

describe('a hostile text', () => {
  it.each([
    ['nests too deeply', `const a = ${'('.repeat(200_000)}1.5${')'.repeat(200_000)};\n`],
    ['is one long sum', `const a = 0.5${' + 1.5'.repeat(60_000)};\n`],
    ['calls through too many functions', chain(2_000, (i, next) => `function f${i}() { return 0.5 + ${next}; }`)],
  ])('that %s is left alone, or varied, without harm', (_, text) => {
    const language = languageOf('pack.mjs')!;
    expect(language.computation(text)).toBeGreaterThanOrEqual(0);
    const next = language.vary('structural', { own: text, peer: text, isPeerBetter: true }, randomStream(1, 'hostile'));
    expect(next === null || parseProgram(next.text) !== null).toBe(true);
  });

  function chain(length: number, line: (i: number, next: string) => string): string {
    return Array.from({ length }, (_, i) => line(i, i + 1 < length ? `f${i + 1}()` : '1')).join('\n');
  }
});

describe('names', () => {
  it('notices a name cut off from its declaration, and one used too early', () => {
    const missing = (text: string) => [...unresolvedNames(program(text))];
    expect(missing('function f(a, { b: [c], ...d }, e = a) { return a + c + d + e; }')).toEqual([]);
    expect(missing('for (const i of [1]) { let x = i; x += y; }\ni;')).toEqual(['y', 'i']);
    expect(missing('function f() { const a = b; const b = 1; return { a, b, c: x.c }; }')).toEqual(['early b', 'x']);
    expect(missing('const f = () => later;\nconst later = f;\nimport z, { q as w } from "m";\nz(w);')).toEqual([]);
    expect(
      missing('try { a: for (;;) break a; } catch (e) { e.message; }\nclass K { m() { return K; } }\nnew K();'),
    ).toEqual([]);
  });
});

describe('edits', () => {
  it('replace the smallest run of whole lines that occurs once', () => {
    expect(smallestReplacement('a\nb\nc\nb\n', 'a\nb\nc\nx\n')).toEqual({ old: 'c\nb', new: 'c\nx' });
    expect(smallestReplacement('one\ntwo\nthree\nfour\n', 'one\nthree\nfour\n')).toMatchObject({
      new: expect.any(String),
    });
    expect(smallestReplacement('a\nb\n', 'x\ny\n')).toBeNull();
  });

  it('apply from the end, so that offsets stay true', () => {
    expect(
      applyEdits('abc', [
        { start: 0, end: 1, text: 'xx' },
        { start: 2, end: 3, text: '' },
      ]),
    ).toBe('xxb');
  });
});
