import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { languageOf } from '../../src/models/mutator/languages.ts';
import { python } from '../../src/models/mutator/python/grammar.ts';
import { unresolvedNames } from '../../src/models/mutator/python/names.ts';
import { parseProgram } from '../../src/models/mutator/python/source.ts';
import { tokenize } from '../../src/models/mutator/python/tokens.ts';
import { estimateWork } from '../../src/models/mutator/python/work.ts';
import { operatorsOf } from '../../src/models/mutator/variation.ts';
import { itNeeds } from '../support/require-service.ts';
import { operatorHarness } from './operator-harness.ts';

const seedFile = (name: string) => {
  return readFileSync(new URL(`../../experiments/packing/seed-python/${name}`, import.meta.url), 'utf8');
};
const seedText = seedFile('pack.py');
const language = languageOf('pack.py')!;
const python3 = spawnSync('python3', ['--version']).status === 0 ? null : 'it is not installed';

/** A peer that differs from the seed in a number, in a function and in what that function needs. */
const peerText = seedText
  .replace('caution = 0.12', 'caution = 0.001')
  .replace('return gain > 0 or', 'return is_better(gain) or gain > patience or')
  .replace('steps = 2000', '# How long.\npatience = 0.5\nsteps = 2000')
  .concat('\n\n# Strictly.\ndef is_better(gain):\n    return gain > 0\n');
const { program, seed, peer, results, named } = operatorHarness(python, seedText, peerText);

const only = (name: string, text: string) => new Set(results(named.get(name)!, program(text), null, 60));

/** Compiles texts with Python itself. @returns the first complaint. */
function compileAll(texts: readonly string[]): string {
  const code = 'import json, sys\nfor text in json.load(sys.stdin):\n    compile(text, "variation", "exec")';
  return String(spawnSync('python3', ['-c', code], { input: JSON.stringify(texts) }).stderr);
}

describe('operators on the Python seed', () => {
  it('are all applicable', () => {
    expect([...named.keys()].sort()).toEqual([
      'adopt-constant',
      'adopt-function',
      'adopt-functions',
      'delete-statement',
      'duplicate-statement',
      'negate-condition',
      'perturb-number',
      'replace-math-function',
      'scale-pair',
      'swap-operator',
    ]);
  });

  it.each([...named])('%s yields different code that resolves its names and stays affordable', (_name, operator) => {
    const texts = results(operator, seed, peer);
    expect(texts.length).toBeGreaterThan(3);
    for (const text of texts) {
      expect(text).not.toBe(seedText);
      const child = program(text);
      expect([...unresolvedNames(child)]).toEqual([...unresolvedNames(seed)]);
      expect(estimateWork(child)).toBeLessThanOrEqual(python.maxWork);
      expect(child.declarations.has('pack')).toBe(true);
    }
  });

  itNeeds('python3', python3)('yield code that Python compiles, from every file of the seed', () => {
    const texts = ['pack.py', 'task.py', 'meta.py', 'tools.py', 'gateway.py', 'generator.py'].flatMap((name) => {
      const own = program(seedFile(name));
      return operatorsOf(python).flatMap((operator) => results(operator, own, name === 'pack.py' ? peer : null, 12));
    });
    expect(texts.length).toBeGreaterThan(200);
    expect(compileAll(texts)).toBe('');
  });

  itNeeds('python3', python3)(
    'yield chains of variations that Python compiles and that stay within their growth',
    () => {
      const texts: string[] = [];
      fc.assert(
        fc.property(fc.nat(), fc.constantFrom('numeric' as const, 'structural' as const), (start, mix) => {
          const random = randomStream(start, 'chain');
          let text = seedText;
          for (let i = 0; i < 5; i += 1) {
            const next = language.vary(mix, { own: text, peer: peerText, isPeerBetter: true }, random);
            if (next === null) break;
            expect(estimateWork(program(next.text))).toBeLessThanOrEqual(python.maxWork);
            text = next.text;
            texts.push(text);
          }
        }),
        { numRuns: 12 },
      );
      expect(compileAll(texts)).toBe('');
    },
  );

  it('leave the heads of loops alone, but for numbers', () => {
    const heads = (text: string) => [...text.matchAll(/^ *for (.*):$/gm)].map((m) => m[1]!.replace(/\d+/g, '#'));
    const known = new Set(heads(seedText));
    for (const operator of named.values()) {
      for (const text of results(operator, seed, peer, 8)) expect(heads(text).every((h) => known.has(h))).toBe(true);
    }
  });
});

describe('numbers in Python', () => {
  const perturbed = (text: string) => only('perturb-number', text);

  it('change where they are quantities: constants, arguments, defaults, parts of sums', () => {
    const text =
      'heat = 0.5\nrate: float = 0.25\n\n\ndef f(x, size=0.125):\n    return g(x, depth=0.75) + 3.5 * x[0]\n';
    const changed = new Set(
      [...perturbed(text)].map((t) => t.split('\n').findIndex((l, i) => l !== text.split('\n')[i])),
    );
    expect(changed).toEqual(new Set([0, 1, 4, 5]));
    for (const t of perturbed(text)) expect(t).toContain('* x[0]');
  });

  it.each([
    ['indices and slices', 'a = x[0] + x[-1] + x[1:] + x[:-2] + x[2, 3] + x[1:2:3]\n'],
    ['keys', 'a = {1: x, 2: y}\n'],
    ['bits', 'a = x & 255 | 1 << 4 ^ ~7\na ^= 3\n'],
    ['large integers and other spellings', 'a = [4097, 0x12, 0b11, 1_000, 2j, 5.]\n'],
    ['strings, f-strings and comments', `a = '1' "2" r'3' f"4 {x!r:>5} {y['6']} {f'{7}'}" """8\n9""" # 10\n`],
    ['steps and starts of ranges', 'for i in range(3, n, 2):\n    pass\n'],
    ['lists that are looped over', 'for i in [1.5, 2.5]:\n    pass\n'],
    ['while loops', 'def f(x):\n    while x > 1.5:\n        x = x * 0.5 - 0.25\n        if x: x -= 2\n'],
  ])('leave %s alone', (_, text) => {
    expect([...perturbed(text)]).toEqual([]);
  });

  it('let loop bounds grow by half at most, and never past 4000', () => {
    const bounds = (text: string, bound: RegExp) => [...perturbed(text)].map((t) => Number(bound.exec(t)![1]));
    const named = (n: number) => `rounds = ${n}\n\n\ndef f():\n    for i in range(1, rounds):\n        g(i)\n`;
    expect(Math.max(...bounds(named(3_900), /rounds = (\d+)/))).toBeLessThanOrEqual(4_000);
    expect(Math.max(...bounds(named(100), /rounds = (\d+)/))).toBeLessThanOrEqual(150);
    const bare = bounds('def f():\n    return [g(i) for i in range(100)]\n', /range\((\d+)/);
    expect(Math.max(...bare)).toBeLessThanOrEqual(150);
    expect(Math.min(...bare)).toBeGreaterThanOrEqual(1);
  });
});

describe('structure in Python', () => {
  const inFunction = (...lines: string[]) => `def f(a, b):\n${lines.map((line) => `    ${line}\n`).join('')}`;

  it('swaps operators between operands, and no signs, stars or targets', () => {
    const text = inFunction('g(*a, **b)', 'return -a < b and a[-1] or not b');
    const swapped = [...only('swap-operator', text)].map((t) => t.split('\n')[2]!.trim());
    expect(swapped).toEqual(
      expect.arrayContaining(['return -a >= b and a[-1] or not b', 'return -a < b or a[-1] or not b']),
    );
    expect(swapped.every((line) => /^return -a (<=?|>=?) b (and|or) a\[-1\] (and|or) not b$/.test(line))).toBe(true);
    for (const t of only('swap-operator', text)) expect(t).toContain('g(*a, **b)');
  });

  it('negates conditions whole', () => {
    const text = inFunction('if a < b or (a and', '        b):', '    a += 1', 'elif a: b = 1', 'return 1 if a else b');
    expect([...only('negate-condition', text)]).toEqual([
      text.replace('a < b or (a and\n            b)', 'not (a < b or (a and\n            b))'),
    ]);
  });

  it('swaps functions of the same kind', () => {
    const text = inFunction('return min(a, b) + math.sqrt(a) + a.max(b) + math.hypot(a, b)');
    for (const t of only('replace-math-function', text)) {
      expect(t).toMatch(/return (min|max)\(a, b\) \+ math\.\w+\(a\) \+ a\.max\(b\) \+ math\.hypot\(a, b\)/);
    }
  });

  it('repeats and deletes what declares nothing and leaves nothing, with all that belongs to it', () => {
    const text = inFunction(
      '"""What it does."""',
      'total = 0',
      'for x in a:',
      '    total += x',
      '    # why',
      '    if x:',
      '        continue',
      '    else:',
      '        b[x] = 1',
      'total = g(total)',
      'c, d = a',
      'return total',
    );
    const lines = text.split('\n');
    const deleted = [...only('delete-statement', text)].map((t) =>
      lines.filter((line) => !t.includes(line)).map((l) => l.trim()),
    );
    expect(new Set(deleted.map((gone) => gone.join('; ')))).toEqual(
      new Set([
        'for x in a:; total += x; # why; if x:; continue; else:; b[x] = 1',
        'total += x',
        'if x:; continue; else:; b[x] = 1',
        'b[x] = 1',
        'total = g(total)',
      ]),
    );
    expect([...only('delete-statement', text)]).toContain(text.replace('b[x] = 1', 'pass'));
    const doubled = only('duplicate-statement', text);
    expect([...doubled]).toContain(text.replace(/( {4}total = g\(total\)\n)/, '$1$1'));
    expect([...doubled]).toContain(text.replace(/( {8}if x:\n[\s\S]*?b\[x\] = 1\n)/, '$1$1'));
    expect(doubled.size).toBe(5);
  });
});

describe('crossover in Python', () => {
  it('takes a function together with the function and the number that only the peer has', () => {
    const texts = results(named.get('adopt-function')!, seed, peer);
    for (const text of texts) {
      expect(text).toContain('return is_better(gain) or gain > patience');
      expect(text).toMatch(/\n\n\n# Strictly\.\ndef is_better\(gain\):\n {4}return gain > 0\n$/);
      expect(text).toContain('from generator import create_random\n# How long.\npatience = 0.5\n');
      expect(text).not.toContain('caution = 0.001');
    }
  });

  it('takes a number under the same name', () => {
    expect(new Set(results(named.get('adopt-constant')!, seed, peer))).toEqual(
      new Set([seedText.replace('caution = 0.12', 'caution = 0.001')]),
    );
  });

  it('puts functions before a main part, and values behind the head of a file', () => {
    const own = program(
      '#!/usr/bin/env python3\n"""Doc."""\n\n\ndef f():\n    return 1\n\n\nif __name__ == "__main__":\n    f()\n',
    );
    const other = program('k = 2\n\n\ndef g():\n    return k\n\n\ndef f():\n    return g()\n');
    expect(results(named.get('adopt-function')!, own, other, 1)).toEqual([
      '#!/usr/bin/env python3\n"""Doc."""\nk = 2\n\n\ndef f():\n    return g()\n\n\ndef g():\n    return k\n\n\nif __name__ == "__main__":\n    f()\n',
    ]);
  });

  it('takes decorators and comments along', () => {
    const own = program('import a\n\n\n@a.b\ndef f():\n    return 1\n');
    const other = program('# Two.\n@a.b\n# Now.\n@a.b(c=1)\ndef f():\n    return 2\n');
    expect(results(named.get('adopt-function')!, own, other, 1)).toEqual([
      'import a\n\n\n# Two.\n@a.b\n# Now.\n@a.b(c=1)\ndef f():\n    return 2\n',
    ]);
  });

  it('has nothing to take from an equal peer', () => {
    for (const name of ['adopt-constant', 'adopt-function', 'adopt-functions']) {
      expect(results(named.get(name)!, seed, seed)).toEqual([]);
    }
  });
});

describe('names in Python', () => {
  it.each([
    ['import a.b as c, d\nfrom e import (f, g as h)\nc(d, f, h)\n', []],
    ['def f(a, *b, c=1, **d):\n    global e\n    e = a + b + c + d\n    return e\n', []],
    ['x = [i + j for i, (j, k) in y if (n := k)]\n', ['y']],
    ['f = lambda a, b=1: a + b + c\n', ['c']],
    ['with open(p) as q:\n    q.read(size=r)\n', ['open', 'p', 'r']],
    ['a.b = 1\nc[d] = 2\n(e, f), g = h\ne, f, g\n', ['a', 'c', 'd', 'h']],
    ['try:\n    pass\nexcept E as e:\n    e\n', ['E']],
    ['a: int = b\na += 1\n', ['b']],
  ])('of %j that nothing declares', (text, names) => {
    expect([...unresolvedNames(program(text))].sort()).toEqual([...names].sort());
  });
});

describe('reading Python', () => {
  it('sees lines as Python does: brackets, backslashes and strings continue them', () => {
    const text = 'a = (1, # one\n     2)\nb = 1 + \\\n    2\nc = """x\n  y"""\n\n# z\nif a: b\n';
    expect(tokenize(text)!.map((line) => line.tokens.map((token) => token.text).join(' '))).toEqual([
      'a = ( 1 , 2 )',
      'b = 1 + 2',
      'c = """x\n  y"""',
      'if a : b',
    ]);
  });

  it.each([
    ['an open bracket', 'a = (1\n'],
    ['a bracket that closes another', 'a = (1]\n'],
    ['a string without an end', "a = 'b\n"],
    ['a long string without an end', "a = '''b\n"],
    ['a field without an end', 'a = f"{b\n'],
    ['a character of no language', 'a = 1 ? 2\n'],
    ['a missing block', 'if a:\nb\n'],
    ['a block that nobody opened', 'a\n  b\n'],
    ['a line between two depths', 'if a:\n    b\n  c\n'],
    ['an indented first line', '  a\n'],
    ['tabs', 'if a:\n\tb\n'],
    ['a table', `a = [${'1, '.repeat(2_000)}]\n`],
  ])('leaves a text alone with %s', (_, text) => {
    expect(parseProgram(text)).toBeNull();
    expect(language.computation(text)).toBe(0);
    expect(language.vary('numeric', { own: text, peer: null, isPeerBetter: false }, randomStream(1, 'x'))).toBeNull();
  });

  itNeeds('python3', python3)('accepts what Python accepts of the hard cases', () => {
    const texts = [
      `a = f"{x!r:>{width}} {{}} {y['k']:'>3}" u'\\\\'\nb = rb'\\'' b""\n`,
      'x = 1 if y else.5\nz = 0x1f + 1_0j\n',
      'async def f():\n    async with a as b, c: pass\n    return await b\n',
      'class A:\n    x: int = 1\n\n    @property\n    def y(self): return self.x\n',
      'if a:\r\n    b\r\nelse :\r\n    c\r\n',
      'd = {**a, "b": [*c], 1: lambda: 0}\n',
      'é = ª = 1\n',
    ];
    for (const text of texts) expect(parseProgram(text), text).not.toBeNull();
    expect(compileAll(texts)).toBe('');
  });

  it.each([
    [
      'calls through too many functions',
      Array.from({ length: 4_000 }, (_, i) => `def f${i}():\n    return 0.5 + f${i + 1}()\n`).join(''),
    ],
    [
      'nests deeply',
      `${Array.from({ length: 600 }, (_, i) => `${' '.repeat(i)}if x:\n`).join('')}${' '.repeat(600)}y = 1.5\n`,
    ],
    ['repeats itself', `def f(x):\n    x = 1.5\n${'    x = x + 1.5\n'.repeat(5_000)}`],
  ])('takes no harm from a text that %s', (_, text) => {
    const next = language.vary(
      'structural',
      { own: text, peer: `${text}\n`, isPeerBetter: true },
      randomStream(1, 'x'),
    );
    expect(next === null || parseProgram(next.text) !== null).toBe(true);
  });
});
