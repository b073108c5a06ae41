import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { inspectedRun } from '../cli/inspected-run.ts';
import { repository } from '../support/example-run.ts';
import { commandsOf } from './page-blocks.ts';

vi.setConfig({ hookTimeout: 240_000, testTimeout: 60_000 });

const page = readFileSync(join(repository, 'docs', 'inspecting-with-git.md'), 'utf8');
const blocks = commandsOf(page);
let dir: string;
let outputs: string[];

/** Every block of the page, in one shell, as a reader would paste them one after another. */
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'gal-page-'));
  const run = await inspectedRun(dir);
  const runs = join(dir, 'results', 'runs');
  mkdirSync(dirname(runs));
  renameSync(dirname(run), runs);
  const env = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C', GIT_PAGER: 'cat' };
  const script = blocks.map(({ script, line }) => `${script}\nprintf '\\0%s\\0' ${line}\n`).join('');
  const { stdout } = await execa('bash', ['-euo', 'pipefail', '-c', script], { cwd: dir, env, timeout: 60_000 });
  const parts = stdout.split('\0');
  outputs = blocks.map((_, i) => parts[2 * i]!);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Hashes depend on the seed's files, which are not what the page is about. */
const shape = (text: string) =>
  text
    .replace(/\b[0-9a-f]{7,40}\b/g, '<hash>')
    .replace(/[ \t]+$/gm, '')
    .trim();

it.each(blocks.map((block, i) => ({ ...block, i })))('does what the page says from line $line on', ({ i, shown }) => {
  expect(shape(outputs[i]!)).toBe(shape(shown ?? ''));
});

it('covers the ways of looking that the page is for', () => {
  const all = blocks.map((block) => block.script).join('');
  for (const command of [
    ...['log --graph', '%(trailers', 'notes --ref=evaluations', 'git blame', 'git diff', 'worktree add', 'git fsck'],
  ]) {
    expect(all).toContain(command);
  }
});

it('refuses a page with a block that nobody runs', () => {
  expect(() => commandsOf('```bash\nls\n```\n')).toThrow('line 1 begins a block "bash"');
  expect(() => commandsOf('```text\nout\n```\n')).toThrow('line 1');
  expect(commandsOf('```sh\nls\n```\n```text\na\n```\n')).toEqual([{ line: 2, script: 'ls\n', shown: 'a\n' }]);
});
