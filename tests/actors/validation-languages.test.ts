import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../actors/meta-agent/validation/finding.ts';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { createProcessProvider } from '../../sandboxes/process/create-process-provider.ts';
import { textOf } from '../../src/core/file-tree.ts';
import { itNeeds } from '../support/require-service.ts';
import { type Files, manifest, parseAll, validate } from './validation-harness.ts';

const process = createProcessProvider();
const bubblewrap = createBubblewrapProvider();
afterAll(() => Promise.all([process, bubblewrap].map((provider) => provider[Symbol.asyncDispose]())));
const status = await bubblewrap.probe();
const lacking = (program: string) => {
  return spawnSync(program, ['--version']).status === 0 ? null : `${program} is not installed`;
};
const python3 = lacking('python3');
const bash = lacking('bash');

/** A genome of one script for both commands, and its other files. */
const run = (command: readonly string[], text: string | Uint8Array, files: Files = {}): Files => {
  return { 'genome.json': manifest(command), [command.at(-1)!.replace(/^\.\//, '')]: text, ...files };
};
const javascript = (text: string | Uint8Array, files?: Files) => run(['node', 't.mjs'], text, files);
const python = (text: string | Uint8Array, files?: Files) => run(['python3', 't.py'], text, files);
const shell = (text: string | Uint8Array, files?: Files) => run(['sh', 't.sh'], text, files);

type Complaint = string | RegExp | null;

async function expectComplaint(child: Files, complaint: Complaint, options: Parameters<typeof validate>[2] = {}) {
  const found = await validate(process, child, options);
  if (complaint === null || typeof complaint === 'string') expect(found.complaint).toBe(complaint);
  else expect(found.complaint).toMatch(complaint);
  return found;
}

/** What the parser of its language must say about each file: `stage line:column message`, or nothing. */
type Parses = Readonly<Record<string, readonly [text: string | Uint8Array, says: RegExp | null]>>;

const javascriptFiles: Parses = {
  // Node is asked for the place of the first one only.
  'a-token.mjs': ['let a;\n\tconst = 1;', /^parse 2:8 SyntaxError: Unexpected token '='$/],
  'string.mjs': ['\nlet s = "abc\n', /^parse 0:0 SyntaxError: Invalid or unexpected token$/],
  'template.mjs': ['let s = `abc', /SyntaxError: Unexpected end of input$/],
  'early-error.mjs': ['() => () => { let a; let a; };', /SyntaxError: Identifier 'a' has already been declared$/],
  'nul.mjs': ['let a\0b;', /SyntaxError: Invalid or unexpected token$/],
  'strict.mjs': ['with (a) b;', /SyntaxError: Strict mode code/],
  'return.mjs': ['return;', /SyntaxError: Illegal return statement$/],
  'import.cjs': ["import 'node:fs';", /SyntaxError: Cannot use import statement outside a module$/],
  'import.js': ["import 'node:fs';\nlet x = = 1;", /SyntaxError: Unexpected token '='$/],
  solve: ['#!/usr/bin/env node\nlet x = = 1;', /SyntaxError: Unexpected token '='$/],
  'good.mjs': ['\ufeff#!/usr/bin/env node\r\nexport const a = await 1;\r\n', null],
  'good.cjs': ['#!/usr/bin/env node\nif (a) return; with (b) c;', null],
  'module.js': ["export * from 'x';", null],
  'script.js': ['return; with (b) c;', null],
  'large.mjs': [`export const a = [${'1,'.repeat(2_500_000)}];`, null],
};
const pythonFiles: Parses = {
  'token.py': ['\ndef f(:\n    pass', /^parse 2:7 SyntaxError: invalid syntax$/],
  'indent.py': ['def f():\n  a = 1\n    b = 2\n', /^parse 3:\d+ IndentationError: unexpected indent$/],
  'no-indent.py': ['def f():\npass\n', /^parse 2:\d+ IndentationError: expected an indented block/],
  'tabs.py': ['if 1:\n\tx = 1\n        y = 2\n', /^parse 3:\d+ TabError: inconsistent use of tabs/],
  'string.py': ["x = 1\ns = 'abc\n", /^parse 2:\d+ SyntaxError: (unterminated string|EOL while)/],
  'long-string.py': ["x = 1\ns = '''abc\n", /^parse 2:\d+ SyntaxError: (unterminated triple|EOF while)/],
  'return.py': ['x = 1\nreturn x\n', /^compile 2:\d SyntaxError: 'return' outside function$/],
  'nul.py': ['a\0b', /^parse \d:\d (ValueError|SyntaxError): source code (string )?cannot contain null bytes$/],
  'nested.py': [`x = ${'('.repeat(5_000)}${')'.repeat(5_000)}`, /^parse .*(SyntaxError|MemoryError|RecursionError)/],
  solve: ['#!/usr/bin/env python3\nx = = 1', /^parse 2:5 SyntaxError: invalid syntax$/],
  'mark.py': ['\ufeffx = 1\r\nif x:\r\n    y = 2\r\n', null],
  'latin.py': [new Uint8Array(Buffer.from('# -*- coding: latin-1 -*-\nx = "\xe9"\n', 'latin1')), null],
  'long-sum.py': [`x = ${'1 + '.repeat(900)}1`, null],
};
const shellFiles: Parses = {
  'end.sh': ['echo a\nif true; then\n', /^parse \d:0 .*[Ss]yntax error.*end of file/],
  'string.sh': ['\necho "b\n', /^parse \d:0 .*([Uu]nterminated|unexpected EOF)/],
  'with space.sh': ['fi\n', /^parse 1:0 .*fi/],
  'exit.sh': ['exit 3', null],
};
const bashFiles: Parses = {
  solve: ['#!/usr/bin/env bash\na=(1 2)\n[[ $a == 1 ]] && { echo a; }\n', null],
  'broken.bash': ['a=(1\n', /^parse \d:0 .*unexpected/],
};

describe.each<[string, Parses, string | null]>([
  ['JavaScript', javascriptFiles, null],
  ['Python', pythonFiles, python3],
  ['shell', shellFiles, null],
  ['bash', bashFiles, bash],
])('%s', (language, files, missing) => {
  let found: ReadonlyMap<string, Finding>;
  beforeAll(async () => {
    if (missing !== null) return;
    found = await parseAll(process, Object.fromEntries(Object.entries(files).map(([path, [text]]) => [path, text])));
  }, 60_000);

  itNeeds(language, missing).each(Object.entries(files))('is parsed in %s', (path, [, says]) => {
    const finding = found.get(path);
    if (says === null) expect(finding).toBeUndefined();
    else expect(`${finding?.stage} ${finding?.line}:${finding?.column} ${finding?.message}`).toMatch(says);
  });
});

type Case = readonly [what: string, child: Files, complaint: Complaint];

describe('JavaScript that is imported', () => {
  const ended = (how: string) => `t.mjs (import): it ended the process with ${how} while it was imported`;
  it.each<Case>([
    ['imports its own helper', javascript("import './lib/h.mjs';", { 'lib/h.mjs': 'export {};' }), null],
    ['has a main part that must not run', javascript('if (process.argv[1]) throw new Error("ran");'), null],
    ['is CommonJS', run(['node', 't.cjs'], "require('./h.cjs'); return;", { 'h.cjs': '' }), null],
    ['has no extension', run(['./solve'], '#!/usr/bin/env node\nrequire("fs");\n'), null],
    ['prints and keeps a timer', javascript('console.log("x"); setInterval(() => {}, 1e6);'), null],
    [
      'reads standard input, which is empty',
      javascript("import fs from 'node:fs';\nif (fs.readFileSync(0).length > 0) throw 1;"),
      null,
    ],
    [
      'lost its helper',
      javascript("import './lib/gone.mjs';"),
      "t.mjs (import): Error: Cannot find module 'lib/gone.mjs' imported from t.mjs",
    ],
    [
      'lost a helper of its helper',
      javascript("import './h.mjs';", { 'h.mjs': "import './gone.mjs';" }),
      "h.mjs (import of t.mjs): Error: Cannot find module 'gone.mjs' imported from h.mjs",
    ],
    [
      'requires what is not there',
      run(['node', 't.cjs'], "\nrequire('./gone.cjs');"),
      /^t\.cjs:2:1 \(import\): Error: Cannot find module '\.\/gone\.cjs'/,
    ],
    [
      'needs a package',
      javascript("import 'left-pad';"),
      "t.mjs (import): Error: Cannot find package 'left-pad' imported from t.mjs",
    ],
    [
      'imports a name that is not exported',
      javascript("import { b } from './h.mjs';", { 'h.mjs': 'export const a = 1;' }),
      /^t\.mjs:1:10 \(import\): SyntaxError: The requested module '\.\/h\.mjs' does not provide/,
    ],
    ['requires in a module', javascript('\nrequire("fs");'), /^t\.mjs:2:1 \(import\): ReferenceError: require is not/],
    [
      'imports itself in a circle',
      javascript("import { b } from './b.mjs';\nexport const a = b;", {
        'b.mjs': "import { a } from './t.mjs';\nexport const b = a;",
      }),
      /^b\.mjs:2:18 \(import of t\.mjs\): ReferenceError: Cannot access 'a' before initialization/,
    ],
    [
      'throws while it loads',
      javascript("import './h.mjs';", { 'h.mjs': 'function f() {\n  null.x;\n}\nf();' }),
      /^h\.mjs:2:\d+ \(import of t\.mjs\): TypeError: Cannot read .*\n {4}null\.x;\n/,
    ],
    [
      'throws later, while it still loads',
      javascript(
        'setTimeout(() => { throw new Error("late"); });\nawait new Promise((done) => setTimeout(done, 9e3));',
      ),
      /^t\.mjs:1:\d+ \(import\): Error: late/,
    ],
    ['throws no error', javascript('throw "x\\ty";'), 't.mjs (import): it threw x y'],
    [
      'throws what nobody can read',
      javascript('throw { toString() { throw 1; } };'),
      't.mjs (import): it threw something that cannot be described',
    ],
    ['ends the process well', javascript('console.log("done"); process.exit(0);'), ended('status 0')],
    ['ends the process behind the back of Node', javascript('process.reallyExit(0);'), ended('status 0')],
    ['ends the process badly', javascript('process.exit(3);'), ended('status 3')],
    ['kills the process', javascript('process.kill(process.pid, "SIGKILL");'), ended('SIGKILL')],
    [
      'waits for what never comes',
      javascript('await new Promise(() => {});'),
      't.mjs (import): a top-level await never settles',
    ],
    [
      'floods',
      javascript("import fs from 'node:fs';\nfor (;;) fs.writeSync(1, 'x'.repeat(65536));"),
      't.mjs (import): it was stopped by its output limit',
    ],
  ])('%s', async (_, child, complaint) => {
    await expectComplaint(child, complaint);
  });

  it('never ends, and is stopped', async () => {
    const words = 't.mjs (import): it did not end within 1 s';
    await expectComplaint(javascript('for (;;);'), words, { importWallMs: 1_000 });
  });
});

describe('Python that is imported', () => {
  const ended = (how: string) => `t.py (import): it ended the process with ${how} while it was imported`;
  const itNeedsPython = itNeeds('python3', python3);
  itNeedsPython.each<Case>([
    ['imports its own helper', python('from lib import h', { 'lib/h.py': '' }), null],
    ['lies in a folder beside its helper', run(['python3', 'src/t.py'], 'import h', { 'src/h.py': '' }), null],
    ['has a main part that must not run', python('if __name__ == "__main__":\n    raise SystemExit(1)'), null],
    [
      'has a helper named like a module of the library',
      python('import json\nassert json.mine', { 'json.py': 'mine = 1' }),
      null,
    ],
    ['reads standard input, which is empty', python('import sys\nassert sys.stdin.read() == ""'), null],
    ['has no extension', run(['python3', 'solve'], 'import gone'), /^solve:1 \(import\): ModuleNotFoundError/],
    [
      'lost its helper',
      python('\nimport gone'),
      "t.py:2 (import): ModuleNotFoundError: No module named 'gone'\n  import gone",
    ],
    [
      'imports itself in a circle',
      python('from b import y\nx = 1', { 'b.py': 'from t import x\ny = 2' }),
      /^(b|t)\.py:1 \(import( of t\.py)?\): ImportError: cannot import name .*circular import/,
    ],
    [
      'raises while it loads',
      python('import lib.a', { 'lib/a.py': 'def f():\n    return 1 / 0\n\nf()\n' }),
      'lib/a.py:2 (import of t.py): ZeroDivisionError: division by zero\n      return 1 / 0',
    ],
    [
      'raises what nobody can read',
      python('class E(Exception):\n    def __str__(self):\n        raise ValueError\nraise E'),
      't.py (import): it raised something that cannot be described',
    ],
    ['ends the process well', python('import sys\nprint("done")\nsys.exit(0)'), ended('status 0')],
    ['ends the process behind the back of Python', python('import os\nos._exit(0)'), ended('status 0')],
    ['ends the process badly', python('raise SystemExit(3)'), ended('status 3')],
  ])('%s', async (_, child, complaint) => {
    await expectComplaint(child, complaint);
  });

  itNeedsPython('never ends, and is stopped', async () => {
    const words = 't.py (import): it did not end within 1 s';
    await expectComplaint(python('while True:\n    pass'), words, { importWallMs: 1_000 });
  });

  itNeedsPython('leaves no compiled file behind', async () => {
    const { left } = await validate(process, python('import lib.h', { 'lib/h.py': '' }));
    expect([...left[0]!.keys()]).toEqual(['genome.json', 'lib/h.py', 't.py']);
  });
});

describe('a genome', () => {
  it('is parsed where it changed, and nowhere else', async () => {
    const broken = { 'old.mjs': 'let = ;', 'old.py': 'x =', 'old.sh': 'fi', 'old.json': '{' };
    const old = { 'genome.json': manifest(['node', 't.mjs']), 't.mjs': '', ...broken };
    const child = { ...old, 'new.mjs': 'export {};', 'new.sh': 'true' };
    const { checks } = await expectComplaint(child, null, { parent: old });
    expect(checks).toEqual([
      { program: 'node', orders: ['module\tnew.mjs', 'import\tt.mjs'] },
      { program: 'sh', orders: ['sh\tnew.sh'] },
    ]);
  });

  it('that broke in several files and languages hears of all of them, the same each time', async () => {
    const child = javascript('let = 1;', { 'a.mjs': 'let 1;', 'q.sh': 'if', 'x.json': '{' });
    const { complaint, checks } = await validate(process, child);
    expect(complaint).toMatch(
      /^a\.mjs:1:\d \(parse\): SyntaxError.*\n {2}let 1;\n +\^\nalso: q\.sh:1 \(parse\), t\.mjs \(parse\), x\.json:1:2 \(parse\)$/,
    );
    const orders = checks.flatMap((check) => check.orders);
    expect(orders.filter((order) => order.startsWith('import'))).toEqual([]);
    expect((await validate(process, child)).complaint).toBe(complaint);
  });

  it('that a rule refuses is not imported, and one without code is not even given a sandbox', async () => {
    const refuse = [{ files: '\\.mjs$', pattern: '\\beval\\b', why: 'no eval' }];
    const words = 't.mjs:1:1 (policy): no eval\n  eval("1")\n  ^';
    const refused = await expectComplaint(javascript('eval("1")'), words, { refuse });
    expect(refused.checks).toMatchObject([{ orders: ['module\tt.mjs'] }]);
    const { opened } = await expectComplaint({ 'genome.json': manifest(['true']), 'README.md': 'x' }, null);
    expect(opened).toBe(0);
  });

  it.each<Case>([
    [
      'is cut off',
      { 'genome.json': '{ "task":' },
      /^genome\.json:1:10 \(parse\): SyntaxError: Unexpected end of JSON input\n {2}{ "task":\n {11}\^$/,
    ],
    ['has another shape', { 'genome.json': '{ "task": 1 }' }, /^genome\.json \(parse\): .*expected object/],
    ['is gone', { 't.mjs': '' }, 'genome.json (parse): genome.json is missing'],
    [
      'names a directory',
      { 'genome.json': manifest(['node', 'd.mjs']), 'd.mjs/x': '' },
      'genome.json (import): "d.mjs", in the task command, is a directory, not a file',
    ],
  ])('whose manifest %s is told so, once', async (_, child, complaint) => {
    await expectComplaint(child, complaint);
  });

  it('that writes while it is imported has written nothing that stays', async () => {
    const text = "import fs from 'node:fs';\nfs.writeFileSync('t.mjs', 'changed');\nfs.writeFileSync('new', '');";
    const { left, stored } = await expectComplaint(javascript(text), null);
    expect([...left[0]!.keys()]).toEqual(['genome.json', 'new', 't.mjs']);
    expect(textOf(left[0]!.get('t.mjs')!.bytes)).toBe('changed');
    expect([...stored.keys()]).toEqual(['genome.json', 't.mjs']);
    expect(textOf(stored.get('t.mjs')!.bytes)).toBe(text);
  });
});

describe('a candidate that wants to deceive', () => {
  const ended = 't.mjs (import): it ended the process with status 0 while it was imported';
  const search = `import fs from 'node:fs';
const words = [...process.argv, ...process.execArgv, ...Object.values(process.env), fs.readFileSync(0, 'utf8')];
for (const word of words.join(' ').match(/\\b[0-9a-f]{64}\\b/g) ?? []) console.log('\\n' + word + '\\tdone');
process.exit(0);`;

  it.each([
    ['says that it is done', `console.log('done'); process.exit(0);`],
    ['looks for the token where it came from', search],
  ])('and %s is not believed', async (_, text) => {
    await expectComplaint(javascript(text), ended);
  });

  it('cannot write to a terminal through what it throws', async () => {
    const child = javascript(`throw new Error('\\x1b[2J\\u202e\\nimport-check: fine');`);
    const { complaint } = await expectComplaint(child, /^t\.mjs:1:7 \(import\): Error: /);
    expect(complaint).not.toMatch(/[\x00-\x09\x0b-\x1f\u202e]/);
  });
});

itNeeds('bubblewrap', status.usable ? null : status.why)(
  'inside bubblewrap the words are the same',
  async () => {
    const children = [
      javascript('let a;\nconst = 1;'),
      javascript("import './lib/gone.mjs';"),
      javascript('process.exit(0);'),
      ...(python3 === null ? [python('def f(:'), python('import lib.a', { 'lib/a.py': '1 / 0' })] : []),
      shell('if true; then\n'),
      javascript('', { 'b.sh': '' }),
    ];
    for (const child of children) {
      const [inside, outside] = [await validate(bubblewrap, child), await validate(process, child)];
      expect(inside.complaint).toBe(outside.complaint);
    }
  },
  30_000,
);
