import { describe, expect, it } from 'vitest';
import { readReport } from '../../actors/meta-agent/validation/check-report.ts';
import { checkersFor } from '../../actors/meta-agent/validation/checkers.ts';
import { type Finding, wordFindings } from '../../actors/meta-agent/validation/finding.ts';
import { applyRules } from '../../actors/meta-agent/validation/refuse-rules.ts';
import { changedFiles, dialectOf, entriesOf } from '../../actors/meta-agent/validation/sources.ts';
import { checkText } from '../../actors/meta-agent/validation/text-checks.ts';
import { monotonicMs } from '../../src/core/clock.ts';
import { parseGenomeManifest } from '../../src/core/genome.ts';
import { type Files, manifest, treeOf } from './validation-harness.ts';

describe('which files are looked at', () => {
  it('is those that the parent does not have, or has with other bytes', () => {
    const parent = treeOf({ a: '1', b: '1', c: '1' });
    expect(changedFiles(parent, treeOf({ a: '1', b: '2', d: '1' }))).toEqual(['b', 'd']);
  });

  it.each<[string, string, Files, string | null]>([
    ['a.mjs', '', {}, 'module'],
    ['a.cjs', '', {}, 'commonjs'],
    ['a.js', '', {}, 'either'],
    ['lib/a.js', '', { 'package.json': '{ "type": "module" }' }, 'module'],
    ['lib/a.js', '', { 'package.json': '{ "type": "module" }', 'lib/package.json': '{}' }, 'either'],
    ['a.py', '', {}, 'python'],
    ['a.json', '', {}, 'json'],
    ['a.sh', '', {}, 'sh'],
    ['a.sh', '#! /bin/bash -e\n', {}, 'bash'],
    ['a.bash', '', {}, 'bash'],
    ['solve', '#!/usr/bin/env python3\n', {}, 'python'],
    ['solve', '\ufeff#!/usr/bin/env -S node --no-warnings\n', {}, 'either'],
    ['solve', '#!/bin/dash\n', {}, 'sh'],
    ['solve', '#!/usr/bin/perl\n', {}, null],
    ['README.md', '', {}, null],
    ['a.ts', '#!/usr/bin/env node\n', {}, null],
  ])('reads %s (%j) in its language', (path, text, others, dialect) => {
    expect(dialectOf(path, treeOf({ ...others, [path]: text }), null)).toBe(dialect);
  });

  it.each<[string[], string, string | null]>([
    [['node', 'a.mjs'], 'a.mjs', 'module'],
    [['node', '--max-old-space-size=64', './lib/../a.mjs', '--deep'], 'a.mjs', 'module'],
    [['/usr/bin/python3.11', '-B', 'solve'], 'solve', 'python'],
    [['env', 'X=1', 'sh', 'run.sh'], 'run.sh', 'sh'],
    [['./solve'], 'solve', null],
  ])('takes the script of %j for its entry point', (command, path, dialect) => {
    const tree = treeOf({ 'genome.json': manifest(command), 'a.mjs': '', solve: '', 'run.sh': '#!/bin/bash\n' });
    expect(entriesOf(parseGenomeManifest(tree), tree)).toEqual({ entries: [{ path, dialect }], missing: [] });
  });

  it.each([
    [['node', 'gone.mjs'], '"gone.mjs", in the task command, is not in the genome'],
    [['./gone'], '"./gone", in the task command, is not in the genome'],
    [['python3', 'lib/x.py'], '"lib/x.py", in the task command, is a directory, not a file'],
  ])('finds that the script of %j is not there', (command, message) => {
    const tree = treeOf({ 'genome.json': manifest(command, ['true']), 'lib/x.py/y': '' });
    expect(entriesOf(parseGenomeManifest(tree), tree).missing).toMatchObject([{ path: 'genome.json', message }]);
  });

  it('leaves commands alone that name no file', () => {
    const tree = treeOf({ 'genome.json': manifest(['sh', '-c', 'cat'], ['/opt/tool/run.py']) });
    expect(entriesOf(parseGenomeManifest(tree), tree)).toEqual({ entries: [], missing: [] });
  });

  it('starts one process a language, and none without need', () => {
    const changed = [
      ...[{ path: 'a.mjs', dialect: 'module' } as const, { path: 'b.cjs', dialect: 'commonjs' } as const],
      ...[{ path: 'c.py', dialect: 'python' } as const, { path: 'd.sh', dialect: 'sh' } as const],
      ...[{ path: 'e.json', dialect: 'json' } as const, { path: 'f.md', dialect: null }],
    ];
    const checkers = checkersFor(changed, [changed[2]!, changed[3]!]);
    expect(checkers.map(({ argv, orders }) => [argv[0], orders])).toEqual([
      [
        'node',
        [
          ['module', 'a.mjs'],
          ['commonjs', 'b.cjs'],
        ],
      ],
      [
        'python3',
        [
          ['python', 'c.py'],
          ['import', 'c.py'],
        ],
      ],
      ['sh', [['sh', 'd.sh']]],
    ]);
    expect(checkersFor([changed[4]!, changed[5]!], [changed[5]!])).toEqual([]);
  });
});

describe('what is seen without running anything', () => {
  const look = (path: string, dialect: Parameters<typeof checkText>[1], content: string | Uint8Array) =>
    checkText(path, dialect, treeOf({ [path]: content }));
  const latin1 = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

  it.each([
    ['module', latin1('// ok\n// \xe9'), { line: 2, column: 4, message: 'it is not UTF-8 text' }],
    ['python', latin1('x = "\xe9"'), { line: 1, column: 6, message: 'it is not UTF-8 text' }],
    ['json', '{"a": 1,}', { line: 1, column: 9 }],
    ['json', '{\n "a": [1\n', { line: 2, column: 9 }],
    ['sh', 'echo a\necho b\r\n', { line: 2, column: 7, message: expect.stringMatching(/CR LF/) }],
    ['bash', '\ufeffecho', { line: 1, column: 1, message: expect.stringMatching(/byte-order mark/) }],
    ['sh', 'a\0b', { line: 1, column: 2, message: 'it holds a NUL byte' }],
  ] as const)('is a problem in %s: %j', (dialect, content, finding) => {
    expect(look('f', dialect, content)).toMatchObject({ stage: 'parse', path: 'f', ...finding });
  });

  it.each([
    ['python', latin1('#!/usr/bin/python3\n# -*- coding: latin-1 -*-\nx = "\xe9"')],
    ['python', 'x = 1\r\n'],
    ['module', '\ufeffexport {};\r\n'],
    ['json', '\ufeff{"a": [1, 2e3, null]}\r\n'],
    ['sh', 'echo "é"\n'],
  ] as const)('is nothing in %s: %j', (dialect, content) => {
    expect(look('f', dialect, content)).toBeNull();
  });
});

describe('the rules of the experiment', () => {
  const noProcess = { files: '\\.m?js$', pattern: '\\bchild_process\\b', why: 'no other processes' };

  it('refuse a line of a changed file, and say why and where', () => {
    const tree = treeOf({
      'a.mjs': "\nimport 'child_process';\nimport 'child_process';\n",
      'a.md': 'child_process',
      'b.mjs': '',
    });
    expect(applyRules([noProcess], ['a.md', 'a.mjs', 'b.mjs'], tree)).toEqual([
      { stage: 'policy', subject: 'a.mjs', path: 'a.mjs', line: 2, column: 9, message: 'no other processes' },
    ]);
    expect(applyRules([noProcess], ['b.mjs'], tree)).toEqual([]);
  });

  it('refuse a line that is too long to be checked, where a rule looks', () => {
    const tree = treeOf({ 'a.mjs': `\n${' '.repeat(5_000)}child_process`, 'a.txt': ' '.repeat(5_000) });
    expect(applyRules([noProcess], ['a.mjs', 'a.txt'], tree)).toMatchObject([{ path: 'a.mjs', line: 2, column: 0 }]);
  });

  it.each([
    ['a line', { files: '.', pattern: '^(a+)+$', why: 'x' }, { 'a.mjs': `${'a'.repeat(60)}!` }],
    ['a name', { files: '^(a+)+$', pattern: 'x', why: 'x' }, { [`${'a'.repeat(60)}!`]: '' }],
  ])('cannot be made to run for ever by %s: the file is refused', (_, rule, files: Files) => {
    const startedMs = monotonicMs();
    const path = Object.keys(files)[0]!;
    expect(applyRules([noProcess, rule], [path], treeOf(files))).toMatchObject([
      { stage: 'policy', path, message: `rule 2 could not be checked: ${rule.pattern}` },
    ]);
    expect(monotonicMs() - startedMs).toBeLessThan(5_000);
  });

  it('keep what they found before a pattern took too long', () => {
    const slow = { files: '.', pattern: '^(a+)+$', why: 'x' };
    const tree = treeOf({ 'a.js': 'child_process', 'b.js': `${'a'.repeat(60)}!` });
    expect(applyRules([noProcess, slow], ['a.js', 'b.js'], tree).map((f) => [f.path, f.message])).toEqual([
      ['a.js', 'no other processes'],
      ['b.js', 'rule 2 could not be checked: ^(a+)+$'],
    ]);
  });
});

describe('the words of a refusal', () => {
  const finding = (changes: Partial<Finding>): Finding => {
    return { stage: 'parse', subject: 'a.mjs', path: 'a.mjs', line: 2, column: 3, message: 'no', ...changes };
  };
  const tree = treeOf({ 'a.mjs': 'one\n\ttwo\n', 'long.mjs': `${'x'.repeat(500)}HERE${'y'.repeat(500)}` });

  it('are the place, the stage, the message, the line and a caret', () => {
    expect(wordFindings([finding({})], tree)).toBe('a.mjs:2:3 (parse): no\n   two\n    ^');
    expect(wordFindings([finding({ column: 0 })], tree)).toBe('a.mjs:2 (parse): no\n   two');
    expect(wordFindings([finding({ line: 0, column: 0 })], tree)).toBe('a.mjs (parse): no');
    expect(wordFindings([finding({ stage: 'import', subject: 'task.mjs' })], tree)).toMatch(
      /^a\.mjs:2:3 \(import of task\.mjs\): no\n/,
    );
  });

  it('name the other files too, once each, the same in any order', () => {
    const findings = [
      finding({ stage: 'import', path: 'c.mjs', subject: 'c.mjs' }),
      finding({ path: 'b.mjs', line: 0 }),
      finding({ path: 'a.mjs' }),
      finding({ stage: 'policy', path: 'z.mjs', line: 7, column: 1 }),
      finding({ path: 'a.mjs', line: 9 }),
    ];
    const text = 'z.mjs:7:1 (policy): no\nalso: a.mjs:2:3 (parse), b.mjs (parse), c.mjs:2:3 (import)';
    expect(wordFindings(findings, tree)).toBe(text);
    expect(wordFindings(findings.toReversed(), tree)).toBe(text);
  });

  it('stay short, and show the part of a long line that matters', () => {
    const long = finding({ path: 'long.mjs', line: 1, column: 501, message: 'm'.repeat(1_000) });
    const many = Array.from({ length: 30 }, (_, i) => finding({ path: `p${i}.mjs` }));
    const text = wordFindings([long, ...many], tree);
    expect(text.length).toBeLessThan(700);
    const [, line, caret] = text.split('\n');
    expect(line!.slice(caret!.indexOf('^'))).toMatch(/^HEREy/);
    expect(text).toMatch(/, and 25 more$/);
  });

  it('obey no candidate: a terminal shows what is in them', () => {
    const path = 'x\u202emjs.\u001b[31m';
    const hostile = treeOf({ [path]: 'a\u001b]0;title\u0007b\u2028c' });
    const text = wordFindings(
      [finding({ path, line: 1, column: 2, message: '\u001b[2J\r\nimport-check: passed' })],
      hostile,
    );
    expect(text.replace(/\n/g, '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
    expect(text.split('\n')).toHaveLength(3);
  });
});

describe('a checker is believed', () => {
  const checker = { argv: ['node', '-e', ''], orders: [['import', 't.mjs']] } as const;
  const ended = { exitCode: 0, signal: null, stoppedBy: 'exit', stdout: '', stderr: '', wallMs: 1 } as const;
  const read = (changes: object) => readReport(checker, 'tok', { ...ended, ...changes }, 3_000);

  it('when its last word is that it got to its end', () => {
    expect(read({ stdout: 'noise tok\tdone\n\ntok\tat\timport\tt.mjs\nmore noise\ntok\tdone\n' })).toEqual([]);
  });

  it.each([
    ['says nothing', {}, { stage: 'parse', message: 'it cannot be looked at: node ended with status 0' }],
    ['is not there', { exitCode: 127, stderr: 'node: not found\n' }, { message: /status 127: node: not found$/ }],
    ['says so with another token', { stdout: 'tik\tdone\n' }, { message: /^it cannot/ }],
    ['says so in the middle of a line', { stdout: 'xtok\tdone\n' }, { message: /^it cannot/ }],
    [
      'says so and goes on',
      { stdout: 'tok\tdone\ntok\tat\timport\tt.mjs\n' },
      { stage: 'import', message: /^it ended the process with status 0/ },
    ],
    [
      'says so and ends badly',
      { stdout: 'tok\tat\timport\tt.mjs\ntok\tdone\n', exitCode: 3 },
      { message: /with status 3 while/ },
    ],
    [
      'is stopped after it',
      { stdout: 'tok\tdone\n', stoppedBy: 'timeout', exitCode: null },
      { message: /did not end within 3 s/ },
    ],
    [
      'is killed',
      { stdout: 'tok\tat\tparse\tt.mjs\n', signal: 'SIGSEGV', exitCode: null },
      { stage: 'parse', message: /^node ended with SIGSEGV$/ },
    ],
    [
      'floods',
      { stdout: 'tok\tat\timport\tt.mjs\nxxx', stoppedBy: 'output' },
      { message: 'it was stopped by its output limit' },
    ],
  ])('not when it %s', (_, changes, { message, ...rest }: { message: string | RegExp; stage?: string }) => {
    const expected = typeof message === 'string' ? message : expect.stringMatching(message);
    expect(read(changes)).toMatchObject([{ path: 't.mjs', line: 0, message: expected, ...rest }]);
  });

  it('in what it found, with numbers that are numbers', () => {
    const stdout = 'tok\tbad\timport\tt.mjs\tlib.mjs\t3\tNaN\tTypeError: boom\n';
    expect(read({ stdout, exitCode: 1 })).toEqual([
      { stage: 'import', subject: 't.mjs', path: 'lib.mjs', line: 3, column: 0, message: 'TypeError: boom' },
    ]);
  });
});
