import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, tokenizer } from 'acorn';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shamFile } from '../../markspace/strategies/sham.ts';
import { shamTree } from '../../markspace/strategies/sham-tree.ts';
import { sham, sourceOf, toText } from './sham-fixture.ts';
import { treeOf } from './space-fixture.ts';

/** Files of real projects, as agents write them. */
const nodeModules = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const realFiles = ['commander/lib/command.js', 'yaml/browser/dist/compose/composer.js', 'p-queue/dist/index.js']
  .map((path) => join(nodeModules, path))
  .concat(scriptsOf('../../scripts/'), scriptsOf('../../experiments/packing/seed/'));

function scriptsOf(relative: string): string[] {
  const directory = fileURLToPath(new URL(relative, import.meta.url));
  return readdirSync(directory)
    .filter((name) => name.endsWith('.mjs'))
    .map((name) => join(directory, name));
}

const structural = new Set(
  `async await break case catch class const constructor continue debugger default delete do else export extends finally
  for from function get if import in instanceof let new of return set static super switch this throw try typeof using var
  void while with yield as`.split(/\s+/),
);

interface Line {
  readonly text: string;
  /** Three or more tokens, one of them more than a keyword or punctuation. */
  readonly says: boolean;
  /** The same, with a name or a literal too long to come about by chance. */
  readonly tells: boolean;
}

function linesOf(text: string): Line[] {
  const tokens = new Map<number, string[]>();
  const options = { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true, locations: true } as const;
  for (const { start, end, loc } of tokenizer(text, options)) {
    tokens.set(loc!.start.line, [...(tokens.get(loc!.start.line) ?? []), text.slice(start, end)]);
  }
  return text.split('\n').map((line, i) => {
    const all = tokens.get(i + 1) ?? [];
    const meant = all.length < 3 ? [] : all.filter((raw) => /[A-Za-z0-9]/.test(raw) && !structural.has(raw));
    const isLong = (raw: string) => /^[\p{L}$_#]/u.test(raw) || /[A-Za-z0-9]{4}/.test(raw);
    return { text: line.trim(), says: meant.length > 0, tells: meant.some(isLong) };
  });
}

function expectUselessTwin(original: string, made: string): void {
  expect(Buffer.byteLength(made)).toBe(Buffer.byteLength(original));
  expect(made.split('\n').map((l) => Buffer.byteLength(l))).toEqual(
    original.split('\n').map((l) => Buffer.byteLength(l)),
  );
  expect(() => parse(made, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true })).not.toThrow();
  const before = linesOf(original);
  const after = linesOf(made);
  expect(after.filter((line, i) => line.says && line.text === before[i]!.text)).toEqual([]);
  const told = new Set(before.filter((line) => line.tells).map((line) => line.text));
  expect(after.filter((line) => line.tells && told.has(line.text))).toEqual([]);
}

describe('sham JavaScript', () => {
  it.each(realFiles)('is as long, parses, and shares no telling line with %s', (path) => {
    const original = readFileSync(path, 'utf8');
    const made = sham(original, 'lib/file.mjs');
    expectUselessTwin(original, made);
    // Not the last resort: the code still looks like code.
    expect(made).toMatch(/\b(?:function|const|return|import)\b/);
    expect(made.split('\n').filter((l) => l.startsWith('//')).length).toBeLessThan(made.split('\n').length / 2);
  });

  it.each([
    [
      'private members',
      'class A {\n  #n = 10;\n  bump() {\n    this.#n += 1;\n    return this.#n in { a: 1 };\n  }\n}\n',
    ],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the fixture is a template's source
    ['templates', 'export const f = (a, b) => `x ${a + b} \\n $\\{c} ${`in ${a}`} end`;\n'],
    ['regular expressions', 'export const ok = (s) => /^[a-z]{2,3}\\/(?<name>.*)$/giu.test(s) / 2;\n'],
    ['meta properties', 'function F() {\n  return [new.target, import.meta.url, false, null, true];\n}\n'],
    ['contextual words', 'const of = 1, get = 2, o = { get x() { return of; }, async set(from) { await from; } };\n'],
    ['numbers', 'const n = [0, 0.5, .5, 1e3, 0xFF, 0b11, 0o17, 1_000, 10n, 5..toFixed(1)];\n'],
    ['operators that could merge', 'let a = 1, b = 2;\nconst c = a - -b + +a * 2 - a++ + ++b >= a+-b;\n'],
    ['optional chaining', 'const v = (a) => a?.b?.[0]?.(1) ?? { ...a, true: 1, false: 2, null: 3 };\n'],
    ['non-ASCII text', "const gruß = 'naïve 🦎 漢字';\nconsole.log(gruß, 'ü');\n"],
    ['labels and destructuring', 'out: for (const [a, { b: c = 3 }] of []) {\n  if (a < c) continue out;\n}\n'],
    ['a hashbang and comments', '#!/usr/bin/env node\n/** Best idea: sort first. */\nconst best = 1; // keep 42\n'],
  ])('keeps the shape of code with %s', (_what, original) => {
    const made = sham(original, 'a.mjs');
    expectUselessTwin(original, made);
    expect(made.replace(/[^\s(){};]/gu, '')).toContain('\n');
    expect(made.startsWith('//')).toBe(false);
  });

  it('renames one name to one other name throughout a file', () => {
    const made = sham('const total = 1;\nexport const twice = total * total;\n', 'a.mjs');
    const [, first] = /^const (\w{5}) =/.exec(made)!;
    expect(first).not.toBe('total');
    expect(made.split(first!)).toHaveLength(4);
  });

  it('swaps arithmetic and comparison operators', () => {
    const original = Array.from({ length: 40 }, (_, i) => `const v${i} = a * b + c < d;`).join('\n');
    const operators = (text: string) => text.replace(/[^-+*/<>]/g, '');
    expect(operators(sham(original, 'a.mjs'))).toHaveLength(operators(original).length);
    expect(operators(sham(original, 'a.mjs'))).not.toBe(operators(original));
  });

  it('falls back to comments of equal length when nothing else parses', () => {
    // A contextual name bound twice stays as it is only here: the rename of its twin would break the export.
    const original = 'const a\\u0062c = 1;\nexport { abc };\n\nx\n';
    const made = sham(original, 'a.mjs');
    expectUselessTwin(original, made);
    expect(made).toMatch(/^\/\/[a-z]+\n\/\/[a-z]+\n\n;\n$/);
  });

  it('holds for generated programs, whatever the seed', () => {
    const name = fc.stringMatching(/^[a-zA-Z_$][a-zA-Z0-9_$]{0,8}$/).filter((n) => !structural.has(n));
    const value = fc.oneof(
      fc.nat().map(String),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }).map(String),
      fc.string({ unit: 'grapheme', maxLength: 12 }).map((s) => JSON.stringify(s)),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the fixture is a template's source
      fc.constantFrom('true', 'null', 'false', '/a+b/g', '`t ${1 + 2}`'),
    );
    const operator = fc.constantFrom('+', '-', '*', '/', '<', '>', '<=', '===', '&&', '??=');
    const statement = fc.oneof(
      fc.tuple(name, value).map(([n, v]) => `  let ${n}_ = ${v};`),
      fc.tuple(name, operator, value).map(([n, o, v]) => `  if (${n}.${n} ${o} ${v}) return ${v};`),
      fc
        .tuple(name, value)
        .map(([n, v]) => `  ${n}(${v}, { ${n}: ${v} }); // ${n} ${v.replaceAll(/[\r\n\u2028\u2029]/g, '')}`),
    );
    const program = fc
      .tuple(name, fc.array(statement, { maxLength: 8 }))
      .map(([n, lines], i = 0) =>
        [`export function ${n}${i}(a, b) {`, ...lines.map((l, k) => l.replace('let ', `let l${k}`)), '}', ''].join(
          '\n',
        ),
      );
    const parses = (text: string) => {
      try {
        parse(text, { ecmaVersion: 'latest', sourceType: 'module' });
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(program.filter(parses), fc.nat(), (original, seed) => {
        const made = sham(original, 'p.mjs', seed);
        expectUselessTwin(original, made);
        expect(sham(original, 'p.mjs', seed)).toBe(made);
      }),
      { numRuns: 150 },
    );
  });
});

describe('sham files of other kinds', () => {
  it('keeps JSON valid, with its nesting and without its keys and values', () => {
    const original = {
      steps: ['try greedy first', 'then 42 swaps'],
      rate: 0.25,
      on: true,
      off: false,
      none: null,
      '"k\\': '\n',
    };
    const text = JSON.stringify(original, null, 2);
    const made = sham(text, 'data/plan.json');
    expect(made).toHaveLength(text.length);
    const back = Object.values(JSON.parse(made) as object);
    expect(back.map((value) => typeof value)).toEqual(['object', 'number', 'object', 'boolean', 'boolean', 'string']);
    expect(back[0]).toHaveLength(2);
    expect(back[0][0]).not.toBe(original.steps[0]);
    expect(back[1]).not.toBe(0.25);
    for (const word of ['steps', 'rate', 'none']) expect(made).not.toContain(word);
  });

  it('scrambles prose and code of other languages, and keeps keywords and layout', () => {
    const made = sham('def best(items):\n    # sort by gain\n    return sorted(items)[0]\n', 'task.py');
    expect(made).toMatch(/^def \w{4}\(\w{5}\):\n {4}# \w{4} \w{2} \w{4}\n {4}return \w{6}\(\w{5}\)\[\d\]\n$/);
    expect(made).not.toContain('gain');
    expect(sham('# Notes\n\nUse a *beam* of 8.\n', 'NOTES.md')).toMatch(/^# \w{5}\n\n\w{3} \w \*\w{4}\* \w{2} \d\.\n$/);
  });

  it('has the length and the line ends of anything, text or not', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.constantFrom('a.bin', 'a.mjs', 'a.json', 'a.md'),
        (bytes, path) => {
          const made = shamFile(bytes, sourceOf(path));
          expect(made.byteLength).toBe(bytes.byteLength);
          expect(made).toEqual(shamFile(bytes, sourceOf(path)));
        },
      ),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const bytes = new TextEncoder().encode(text);
        const made = shamFile(bytes, sourceOf('a.txt'));
        expect(made.byteLength).toBe(bytes.byteLength);
        const ends = (data: Uint8Array) => [...data.entries()].filter(([, b]) => b === 10).map(([i]) => i);
        expect(ends(made)).toEqual(ends(bytes));
      }),
      { numRuns: 60 },
    );
  });

  it('differs by seed, by lineage, by generation and by path', () => {
    const bytes = new TextEncoder().encode('const answer = 42;\n');
    const base = sourceOf('a.mjs');
    const others = [{ seed: 2 }, { lineage: 'c' }, { generation: 9 }, { path: 'b.mjs' }].map((c) => ({
      ...base,
      ...c,
    }));
    const all = [base, ...others].map((source) => toText(shamFile(bytes, source)));
    expect(new Set(all).size).toBe(5);
  });
});

describe('a sham genome', () => {
  const source = { seed: 1, lineage: 'b', generation: 3 };
  const shamOf = (files: Record<string, string>) =>
    Object.fromEntries([...shamTree(treeOf(files), source)].map(([path, bytes]) => [path, toText(bytes)]));
  const manifestFor = (task: string) =>
    `{"task":{"command":["node","${task}","--fast"]},"meta":{"command":["sh","-c","x"]}}`;

  // Names say nothing, then: whoever sees the sham cannot tell which of the two it stands for.
  it('is the same, whatever the names of files and directories', () => {
    const segment = fc
      .stringMatching(/^[a-z0-9 ._-]{1,40}$/)
      .filter((name) => !/^\.|[. ]$|^(genome|metadata)/.test(name));
    const ending = fc.constantFrom('.mjs', '.json', '.md', '.rs', '.py');
    const file = fc.record({ ending, directory: fc.nat(3), text: fc.string({ maxLength: 60 }) });
    const names = fc.uniqueArray(segment, { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(fc.array(file, { maxLength: 12 }), names, names, (files, one, two) => {
        const named = (words: readonly string[]) => {
          const paths = files.map(({ directory, ending: kind }, i) => {
            const above = directory === 0 ? '' : `${words[12 + directory]}/`;
            return `${above}${words[i]}${kind}`;
          });
          const all = Object.fromEntries(paths.map((path, i) => [path, files[i]!.text]));
          return paths[0] === undefined ? all : { ...all, 'genome.json': manifestFor(paths[0]) };
        };
        expect(shamOf(named(one))).toEqual(shamOf(named(two)));
      }),
      { numRuns: 100 },
    );
  });

  it('has a manifest that starts its own files, with no other word of the peer', () => {
    const made = shamOf({
      'genome.json': manifestFor('./lib/simulated-annealing.mjs'),
      'lib/simulated-annealing.mjs': '1;\n',
    });
    const script = Object.keys(made).find((path) => path !== 'genome.json')!;
    expect(script).toMatch(/^[a-z]{7}\/[a-z]{7}\.mjs$/);
    expect(JSON.parse(made['genome.json']!)).toEqual({
      task: { command: ['node', script] },
      meta: { command: ['sh'] },
    });
  });

  it('has a useless manifest where there is none worth the name', () => {
    const text = '{"task": "simulated annealing", "by": "hand"}';
    const made = shamOf({ 'genome.json': text })['genome.json']!;
    expect(made).toHaveLength(text.length);
    for (const word of ['annealing', 'hand', 'task']) expect(made).not.toContain(word);
  });
});
