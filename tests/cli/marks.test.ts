import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NewMark } from '../../markspace/mark.ts';
import { openFileMarkStore } from '../../markspace/stores/file-store.ts';
import { type CliResult, cli, tinyRun } from './run-cli.ts';

const run = 'packing-paired-1';
let out: string;
let at: string;
const json = async (...argv: string[]) => JSON.parse((await cli([...argv, '--json'])).stdout);
const lines = ({ stdout }: CliResult) => stdout.trimEnd().split('\n');

beforeAll(async () => {
  out = mkdtempSync(join(tmpdir(), 'gal-cli-'));
  at = join(out, run);
  const done = await cli([...tinyRun, '--set', 'budget.generations=2', '--out', out]);
  expect(done).toMatchObject({ exitCode: 0 });
}, 120_000);
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** The run's directory again, with these marks in the place of its own. */
async function runWith(name: string, marks: readonly Partial<NewMark>[]): Promise<string> {
  const dir = join(out, name);
  cpSync(at, dir, { recursive: true });
  const path = join(dir, 'markspace', 'marks.jsonl');
  rmSync(path);
  await using store = await openFileMarkStore(path);
  for (const mark of marks) await store.append({ ...common(dir), ...mark } as NewMark);
  return dir;
}

/** When the run's last fact was written: strengths of a finished run are those of its end. */
function endOf(dir: string): number {
  return JSON.parse(readFileSync(join(dir, 'journal.jsonl'), 'utf8').trimEnd().split('\n').at(-1)!).at;
}

const common = (dir: string) => ({
  ...{ scope: 'lineages/numeric', author: 'numeric', createdAtMs: endOf(dir), supersedes: null, payload: null },
  ...{ strength: 1, flags: [] },
});
const observation = (id: string, changes: object = {}) =>
  ({
    kind: 'observation',
    id,
    topic: 't',
    content: id,
    confidence: 1,
    source: 'fleet',
    score: null,
    ...changes,
  }) as const;
const hour = 3_600_000;

describe('marks of a finished run', () => {
  it('are listed with author, round, age, strength, score and what they say', async () => {
    const listed = await cli(['marks', run, '--out', out]);
    expect(listed.exitCode).toBe(0);
    expect(lines(listed)[0]).toMatch(/^mark +kind +scope +author +round +age +strength +conf\. +replaces +says$/);
    const document = await json('marks', run, '--out', out, '--all');
    expect(document).toMatchObject({ run, isRunning: false, atMs: endOf(at) });
    const published = (await json('log', at)).generations.filter((g: { verdict: string }) => g.verdict === 'promoted');
    for (const { lineage, generation, round } of published) {
      expect(document.marks).toContainEqual(
        expect.objectContaining({ author: lineage, round, content: expect.objectContaining({ generation }) }),
      );
    }
    const shown = (await json('marks', at)).marks;
    expect(shown.every((mark: { supersededBy: string | null }) => mark.supersededBy === null)).toBe(true);
    expect(lines(listed)).toHaveLength(1 + shown.length);
  });

  it('are shown one by one, by the beginning of their id', async () => {
    const [first] = (await json('marks', at, '--all')).marks;
    const { stdout, exitCode } = await cli(['marks', at, first.id.slice(0, 17)]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(first.id);
    for (const part of ['author ', 'round ', 'strength ', 'made 1.00, 1 h 0.97, 6 h 0.84, 24 h 0.50', '"commit"']) {
      expect(stdout).toContain(part);
    }
    expect(await json('marks', at, first.id)).toMatchObject({
      id: first.id,
      strengths: expect.any(Array),
      chain: expect.any(Array),
    });
  });

  it('leave their files as they are', async () => {
    const before = [statSync(at), statSync(join(at, 'markspace')), statSync(join(at, 'markspace', 'marks.jsonl'))];
    for (const argv of [
      ['marks', at],
      ['marks', at, '--reads'],
      ['marks', at, '--follow'],
    ]) {
      expect((await cli(argv)).exitCode).toBe(0);
    }
    const after = [statSync(at), statSync(join(at, 'markspace')), statSync(join(at, 'markspace', 'marks.jsonl'))];
    expect(after.map((s) => [s.mtimeMs, s.size, s.ino])).toEqual(before.map((s) => [s.mtimeMs, s.size, s.ino]));
  });

  it("are told apart from what was read: each generation's peers, files and shares", async () => {
    const { reads } = await json('marks', at, '--reads');
    const generations = (await Promise.all(['numeric', 'structural'].map((id) => json('show', `${at}/${id}`)))).flatMap(
      (l) => l.generations,
    );
    expect(reads.map((row: { read: object }) => row.read)).toEqual(generations.flatMap((g) => g.reads));
    expect(reads.length).toBeGreaterThan(0);
    const listed = await cli(['marks', at, '--reads']);
    expect(lines(listed)).toHaveLength(1 + reads.length);
    expect(listed.stdout).toMatch(/numeric g\d +structural g\d +[0-9a-f]{12} +\S+ +\d+ % +\d+ %/);
  });
});

describe('marks of every kind', () => {
  const marks = [
    observation('o-1', { content: { radius: 3 } }),
    observation('o-2', { supersedes: 'o-1', scope: 'lineages/numeric/deep', topic: 'other' }),
    {
      kind: 'intent',
      id: 'i-1',
      resource: 'disk',
      action: 'clear',
      confidence: 0.5,
      author: 'structural',
      scope: 'lineages/structural',
    },
    { kind: 'action', id: 'a-1', resource: 'disk', action: 'clear', result: { freed: 9 }, failed: false },
    {
      kind: 'warning',
      id: 'w-1',
      invalidates: 'o-1',
      topic: 't',
      reason: 'it was a fluke',
      severity: 'high',
      strength: 0.4,
    },
    {
      kind: 'warning',
      id: 'w-2',
      invalidates: 'o-1',
      topic: 't',
      reason: 'I say so',
      severity: 'high',
      author: 'structural',
      scope: 'lineages/structural',
    },
    { kind: 'need', id: 'n-1', question: 'which radius?', context: null, priority: 1, blocking: true },
  ] as readonly Partial<NewMark>[];
  let dir: string;
  beforeAll(async () => {
    dir = await runWith('every-kind', marks);
  });
  const ids = async (...argv: string[]) => (await json('marks', dir, ...argv)).marks.map((m: { id: string }) => m.id);

  it('are filtered by kind, scope, author, topic and strength', async () => {
    expect(await ids()).toEqual(marks.map(({ id }) => id));
    expect(await ids('--kind', 'need', '--kind', 'intent,action')).toEqual(['i-1', 'a-1', 'n-1']);
    expect(await ids('--scope', 'lineages/numeric/deep')).toEqual(['o-2']);
    expect(await ids('--scope', 'lineages/structural')).toEqual(['i-1', 'w-2']);
    expect(await ids('--author', 'structural')).toEqual(['i-1', 'w-2']);
    expect(await ids('--topic', 'other')).toEqual(['o-2']);
    expect(await ids('--min-strength', '0.5', '--kind', 'observation')).toEqual(['o-1', 'o-2']);
    expect(await ids('--min-strength', '0.7', '--kind', 'observation')).toEqual(['o-2']);
  });

  it('say one line each, and what weighs on them: a stranger neither warns nor replaces', async () => {
    const { stdout } = await cli(['marks', dir]);
    for (const said of [
      't: {"radius":3}',
      'will clear disk',
      'clear disk: {"freed":9}',
      'high, against o-1: it was a fluke',
      'blocking: which radius?',
    ]) {
      expect(stdout).toContain(said);
    }
    const detail = await json('marks', dir, 'o-1');
    // The mark that replaces it lies in another scope, so it does not; the peer may not warn there.
    expect(detail).toMatchObject({ supersededBy: null, warnings: ['w-1'], strengthNow: expect.closeTo(0.6) });
    expect((await cli(['marks', dir, 'o-1'])).stdout).toContain('w-1 by numeric, weighs 0.40: high, against o-1');
  });
});

describe('what became of marks', () => {
  it('is shown: the chain of those that replaced each other, what expired and what faded', async () => {
    const dir = await runWith('aged', [
      observation('o-1', { createdAtMs: endOf(at) - 48 * hour }),
      observation('o-2', { createdAtMs: endOf(at) - 24 * hour, supersedes: 'o-1' }),
      observation('o-3', { supersedes: 'o-2' }),
      observation('old', { createdAtMs: endOf(at) - 240 * hour }),
      {
        kind: 'intent',
        id: 'i-1',
        resource: 'r',
        action: 'a',
        confidence: 0,
        createdAtMs: endOf(at) - hour,
      } as Partial<NewMark>,
    ]);
    const listed = await cli(['marks', dir]);
    expect(lines(listed)).toHaveLength(2);
    expect(listed.stderr).toContain('4 marks not shown: replaced, expired or too weak; see --all');
    const { marks } = await json('marks', dir, '--all');
    expect(marks.map((m: { id: string; strengthNow: number }) => [m.id, Number(m.strengthNow.toFixed(3))])).toEqual([
      ['o-1', 0.25],
      ['o-2', 0.5],
      ['o-3', 1],
      ['old', 0.001],
      ['i-1', 0],
    ]);
    expect(marks.map((m: { supersededBy: string | null }) => m.supersededBy)).toEqual(['o-3', 'o-3', null, null, null]);
    for (const id of ['o-1', 'o-2', 'o-3']) {
      const { chain } = await json('marks', dir, id);
      expect(chain.map((m: { id: string }) => m.id)).toEqual(['o-1', 'o-2', 'o-3']);
    }
    expect((await cli(['marks', dir, 'o-1'])).stdout).toContain('but replaced by o-3');
  });
});

describe('hostile text', () => {
  const evil = '\u001b]0;owned\u0007\u001b[2J\u202Egpj.exe\u2066\u200b\r\nfake line\u2028';

  it('is harmless on a terminal, in a list, in full and as JSON', async () => {
    const dir = await runWith('hostile', [
      observation('o-1', { topic: evil, content: { [evil]: evil }, author: evil, flags: [evil] }),
      {
        kind: 'warning',
        id: 'w-1',
        invalidates: 'o-1',
        topic: evil,
        reason: evil,
        severity: 'high',
        author: evil,
      } as Partial<NewMark>,
      { kind: 'need', id: 'n-1', question: evil, context: evil, priority: 1, blocking: false } as Partial<NewMark>,
    ]);
    const terminal = { columns: 500, rows: 24 };
    for (const argv of [
      ['marks', dir],
      ['marks', dir, 'o-1'],
      ['marks', dir, 'w-1'],
      ['marks', dir, 'n-1'],
      ['marks', dir, '--follow'],
    ]) {
      for (const extra of [[], ['--json']]) {
        const { stdout, exitCode } = await cli([...argv, ...extra], { terminal, env: { NO_COLOR: '1' } });
        expect(exitCode).toBe(0);
        expect(stdout).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(stdout).not.toMatch(/^fake line/m);
      }
    }
    expect((await json('marks', dir, 'o-1')).topic).toBe(evil);
  });
});

describe('a run that was killed', () => {
  it('shows every whole mark, and its torn last line stays for whoever resumes it', async () => {
    const dir = await runWith('torn', [observation('o-1'), observation('o-2')]);
    const path = join(dir, 'markspace', 'marks.jsonl');
    appendFileSync(path, '{"v":2,"sum":"00');
    const before = readFileSync(path);
    expect((await json('marks', dir)).marks.map((m: { id: string }) => m.id)).toEqual(['o-1', 'o-2']);
    expect(readFileSync(path)).toEqual(before);
  });
});

describe('a run that cannot be read', () => {
  it('is named, with what to do', async () => {
    const missing = await cli(['marks', 'nosuch', '--out', out]);
    expect(missing).toMatchObject({ exitCode: 2, stdout: '' });
    expect(missing.stderr).toMatch(/no run "nosuch"[\s\S]*there are: .*packing-paired-1/);
    const mark = await cli(['marks', at, 'nosuch']);
    expect(mark).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('has no mark "nosuch"') });
    const ambiguous = await runWith('ambiguous', [observation('o-1'), observation('o-2')]);
    expect((await cli(['marks', ambiguous, 'o-'])).stderr).toContain('"o-" could be o-1, o-2: name more of it');
  });

  it('has its damaged line named, and what is readable without it is read', async () => {
    const dir = await runWith('damaged', [observation('o-1'), observation('o-2'), observation('o-3')]);
    const path = join(dir, 'markspace', 'marks.jsonl');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"content":"o-2"', '"content":"o-9"'));
    for (const argv of [[], ['o-1'], ['--follow']]) {
      const failed = await cli(['marks', dir, ...argv]);
      expect(failed).toMatchObject({ exitCode: 1, stdout: '' });
      expect(failed.stderr).toContain(`${path}: line 2 does not match its checksum`);
      expect(failed.stderr).toContain('restore the file from a copy');
    }
    expect((await cli(['marks', dir, '--reads'])).exitCode).toBe(0);
    truncateSync(path);
    expect((await cli(['marks', dir])).stderr).toContain('has no marks yet');
    rmSync(path);
    expect((await cli(['marks', dir])).stderr).toContain('has no marks yet');
    writeFileSync(join(dir, 'journal.jsonl'), '{}\n');
    expect((await cli(['marks', dir])).stderr).toContain('journal.jsonl: line 1');
  });

  it.each([
    ['--kind', 'rumour', /There is no rumour; there are intent/],
    ['--scope', '../x', /words of a-z/],
    ['--min-strength', '2', /0 to 1/],
  ])('is not guessed at from a wrong %s', async (option, value, message) => {
    const { exitCode, stderr } = await cli(['marks', at, option, value]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
  });
});
