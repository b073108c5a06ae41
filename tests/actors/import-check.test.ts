import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { importChecks } from '../../actors/meta-agent/import-check.ts';
import type { FileTree } from '../../src/core/file-tree.ts';
import { tree } from './ports.ts';

const manifest = (task: string[], meta: string[]) =>
  JSON.stringify({ task: { command: task }, meta: { command: meta } });
const genome = (task: string[], meta: string[], files: Record<string, string> = {}) =>
  tree({ 'genome.json': manifest(task, meta), ...files });

/** Runs the checks of a genome for real; the first complaint, or `null`. */
async function complaintOf(child: FileTree): Promise<string | null> {
  const dir = await mkdtemp(join(tmpdir(), 'gal-import-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  for (const [path, file] of child) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), file.bytes);
  }
  for (const [program, ...args] of importChecks(child)) {
    try {
      await promisify(execFile)(program!, args, { cwd: dir, timeout: 10_000 });
    } catch (error) {
      return (error as { stderr: string }).stderr || 'it failed';
    }
  }
  return null;
}

describe('the commands', () => {
  it('are one import of all JavaScript, of each script once', () => {
    const checks = importChecks(genome(['node', 'a.mjs'], ['node', './b.js'], { 'a.mjs': '', 'b.js': '' }));
    expect(checks).toHaveLength(1);
    expect(checks[0]!.slice(0, 3)).toEqual(['node', '--input-type=module', '-e']);
    expect(checks[0]![3]).toContain('["a.mjs","b.js"]');
    expect(importChecks(genome(['node', 'a.mjs'], ['node', './a.mjs', '--meta'], { 'a.mjs': '' }))[0]![3]).toContain(
      '["a.mjs"]',
    );
  });

  it('run Python under another name, parse shell, and look whether anything else exists', () => {
    const checks = importChecks(genome(['python3', 'a.py'], ['sh', 'b.sh'], { 'a.py': '', 'b.sh': '' }));
    expect(checks.map((c) => [c[0], c.at(-1)])).toEqual([
      ['python3', 'a.py'],
      ['sh', 'b.sh'],
    ]);
    expect(importChecks(genome(['./solve'], ['perl', 'x.pl'], { solve: '', 'x.pl': '' }))).toEqual([
      ['test', '-e', 'solve'],
      ['test', '-e', 'x.pl'],
    ]);
  });

  it('look for the last word when no word is a file of the genome', () => {
    expect(importChecks(genome(['./gone'], ['./gone']))).toEqual([['test', '-e', './gone']]);
  });

  it('throw for a broken manifest', () => {
    expect(() => importChecks(tree({ 'genome.json': '{' }))).toThrow(
      expect.objectContaining({ code: 'GENOME_INVALID' }),
    );
  });
});

describe('run for real', () => {
  const both = (script: string, text: string, files: Record<string, string> = {}) =>
    genome(['node', script], ['node', script], { [script]: text, ...files });

  it.each([
    ['imports its own helper', both('t.mjs', "import './lib/h.mjs';", { 'lib/h.mjs': 'export {};' }), null],
    ['has a main part that must not run', both('t.mjs', 'if (process.argv[1]) throw new Error("ran");'), null],
    ['is CommonJS', both('t.cjs', "require('./h.cjs');", { 'h.cjs': 'module.exports = 1;' }), null],
    ['does not parse', both('t.mjs', 'const = 1;'), /^t\.mjs: .*SyntaxError/],
    ['lost its helper', both('t.mjs', "import './gone.mjs';"), /ERR_MODULE_NOT_FOUND|Cannot find module/],
    ['throws while it loads', both('t.mjs', 'throw new TypeError("boom");'), /TypeError: boom/],
    ['is gone', genome(['node', 'gone.mjs'], ['node', 'gone.mjs']), /gone\.mjs/],
    [
      'is broken shell',
      genome(['sh', 't.sh'], ['sh', 't.sh'], { 't.sh': 'if true; then' }),
      /syntax error|unexpected/i,
    ],
    ['is good shell that would fail', genome(['sh', 't.sh'], ['sh', 't.sh'], { 't.sh': 'exit 3' }), null],
    ['is a program that is gone', genome(['./gone'], ['./gone']), /it failed/],
  ])('a script that %s', async (_, child, complaint) => {
    const found = await complaintOf(child);
    if (complaint === null) expect(found).toBeNull();
    else expect(found).toMatch(complaint);
  });
});
