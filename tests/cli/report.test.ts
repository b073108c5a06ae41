import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cli, tinyRun } from './run-cli.ts';

vi.setConfig({ hookTimeout: 300_000, testTimeout: 120_000 });

let base: string;
let out: string;
/** What the end of the run wrote. */
let written: Record<string, string>;

const filesOf = (dir: string): Record<string, string> =>
  Object.fromEntries(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), 'utf8')]));
const json = async (...argv: string[]) => JSON.parse((await cli([...argv, '--json'])).stdout);
/** A copy of the runs, for tests that change them. */
function copy(name: string): string {
  const to = join(base, name);
  cpSync(out, to, { recursive: true });
  return to;
}

/** Thresholds belong to the question, so the experiment states them. */
const stated = ['--set', 'report.thresholds=[0.5, 0.75]'];

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'gal-report-'));
  out = join(base, 'runs');
  const result = await cli([...tinyRun, '--arm', 'solo', '--set', 'budget.generations=1', ...stated, '--out', out]);
  expect(result.exitCode).toBe(0);
  written = filesOf(join(out, 'packing', 'report'));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

describe('galapagos report', () => {
  it('writes byte for byte what the end of the run wrote, page, figures and tables', async () => {
    expect(Object.keys(written)).toEqual(
      expect.arrayContaining(['report.html', 'report.md', 'score-curves.svg', 'curves.csv']),
    );
    const to = join(base, 'again');
    const result = await cli(['report', join(out, 'packing'), '--to', to]);
    expect(result.exitCode).toBe(0);
    expect(filesOf(to)).toEqual(written);
    expect(result.stdout).toContain(`Page     ${join(to, 'report.html')}`);
    const folder = join(base, 'by-folder');
    await cli(['report', out, '--to', folder]);
    expect(filesOf(folder)).toEqual(written);
  });

  it('writes the same of runs that were moved to another place', async () => {
    const moved = join(base, 'elsewhere', 'deep');
    mkdirSync(join(base, 'elsewhere'));
    renameSync(copy('to-move'), moved);
    rmSync(join(moved, 'packing', 'report'), { recursive: true });
    await cli(['report', 'packing', '--out', moved]);
    expect(filesOf(join(moved, 'packing', 'report'))).toEqual(written);
  });

  it('reports on a run alone, also away from the runs it was started with', async () => {
    const alone = join(base, 'alone');
    cpSync(join(out, 'packing-paired-1'), alone, { recursive: true });
    const { reports } = await json('report', alone);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatchObject({
      experiment: 'packing',
      status: 'done',
      runs: [{ run: 'packing-paired-1', dir: alone, arm: 'paired', seed: 1, status: 'done' }],
      directory: join(alone, 'report'),
      report: join(alone, 'report', 'report.md'),
      html: join(alone, 'report', 'report.html'),
    });
    const markdown = readFileSync(reports[0].report, 'utf8');
    expect(markdown).toContain('galapagos run packing --arm paired --seed 1');
    expect(markdown).toContain('Does a lineage get further at circle packing');
    for (const name of [...reports[0].figures, ...reports[0].tables])
      expect(existsSync(join(alone, 'report', name))).toBe(true);
  });

  it('follows links to runs, in a folder and to a group', async () => {
    const folder = join(base, 'linked');
    mkdirSync(folder);
    for (const run of ['packing-paired-1', 'packing-solo-1']) symlinkSync(join(out, run), join(folder, run));
    const { reports } = await json('report', folder);
    expect(reports.map((r: { runs: { run: string }[] }) => r.runs.map(({ run }) => run))).toEqual([
      ['packing-paired-1', 'packing-solo-1'],
    ]);
    const group = join(base, 'a-group');
    symlinkSync(join(out, 'packing'), group);
    const to = join(base, 'of-a-group');
    await cli(['report', group, '--to', to]);
    expect(filesOf(to)).toEqual(written);
  });

  it('says of an unfinished run that the report is provisional', async () => {
    const dir = copy('unfinished');
    const journal = join(dir, 'packing-solo-1', 'journal.jsonl');
    const lines = readFileSync(journal, 'utf8').trimEnd().split('\n');
    writeFileSync(journal, `${lines.slice(0, -1).join('\n')}\n`);
    const result = await cli(['report', join(dir, 'packing')]);
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toContain('Provisional: 1 run not finished.');
    const { reports } = await json('report', join(dir, 'packing'));
    expect(reports[0].status).toBe('unfinished');
    expect(reports[0].notes[0]).toContain('Provisional: 1 run not finished: packing-solo-1 (stopped: interrupted).');
    expect(readFileSync(reports[0].html, 'utf8')).toContain('Provisional: 1 run not finished');
  });

  it('compares the thresholds that the experiment states', () => {
    const rows = written['time-to-threshold.csv']!.trim().split('\n').slice(1);
    expect(new Set(rows.map((row) => row.split(',')[1]))).toEqual(new Set(['0.5', '0.75']));
    expect(written['report.html']).toContain('Thresholds as stated in the experiment');
  });

  it('takes thresholds from the command, and removes what the last report had and this one has not', async () => {
    const to = join(base, 'thresholds');
    await cli(['report', join(out, 'packing'), '--to', to]);
    writeFileSync(join(to, 'cost-usd.svg'), 'of another time');
    writeFileSync(join(to, 'mine.txt'), 'not a file of reports');
    const { reports } = await json('report', join(out, 'packing'), '--to', to, '--threshold', '0.9,1.1');
    expect(new Set(reports[0].waits.map((row: { threshold: number }) => row.threshold))).toEqual(new Set([0.9, 1.1]));
    expect(existsSync(join(to, 'cost-usd.svg'))).toBe(false);
    expect(existsSync(join(to, 'mine.txt'))).toBe(true);
  });

  it('gives each experiment of a folder a report of its own, and names what it cannot read', async () => {
    const dir = copy('mixed');
    const other = join(dir, 'packing-solo-1', 'config.json');
    writeFileSync(
      other,
      readFileSync(other, 'utf8')
        .replace('"name": "packing"', '"name": "other"')
        .replace('"group": "packing"', '"group": "other"'),
    );
    cpSync(join(out, 'packing-paired-1'), join(dir, 'torn'), { recursive: true });
    writeFileSync(join(dir, 'torn', 'config.json'), '{');
    const result = await cli(['report', dir, '--json']);
    const { reports, unreadable } = JSON.parse(result.stdout);
    expect(reports.map((r: { experiment: string; directory: string }) => [r.experiment, r.directory])).toEqual([
      ['packing', join(dir, 'report', 'packing')],
      ['other', join(dir, 'report', 'other')],
    ]);
    expect(unreadable).toEqual([{ dir: join(dir, 'torn'), error: expect.stringContaining('not readable JSON') }]);
    expect(result.stderr).toContain('left out, cannot be read');
  });

  it.each([
    ['nowhere', ['report', 'nowhere'], 'no run, group or folder of runs "nowhere"'],
    ['a folder without runs', ['report', 'EMPTY'], 'holds no run'],
    ['the folder above', ['report', 'ABOVE'], 'there are runs in'],
    ['a group whose runs are gone', ['report', 'GROUP'], 'are not beside it'],
    ['two places at once', ['report', 'RUNS/packing-paired-1', 'RUNS/packing-solo-1'], '--to <dir>'],
    ['a threshold that is no number', ['report', 'RUNS', '--threshold', 'high'], 'Expected scores'],
  ])('says what is wrong and what to do: %s', async (_, argv, message) => {
    const empty = join(base, 'empty');
    mkdirSync(empty, { recursive: true });
    cpSync(join(out, 'packing-solo-1'), join(base, 'above', 'runs', 'packing-solo-1'), { recursive: true });
    const group = join(base, 'lonely', 'packing');
    cpSync(join(out, 'packing'), group, { recursive: true });
    const places = { EMPTY: empty, ABOVE: join(base, 'above'), GROUP: group, RUNS: out };
    const given = argv.map((word) =>
      word.replace(/^(EMPTY|ABOVE|GROUP|RUNS)/, (place) => places[place as keyof typeof places]),
    );
    const result = await cli(given);
    expect(result.exitCode).not.toBe(0);
    expect(result.stdout).toBe('');
    expect(result.stderr).toContain(message);
  });
});

describe('galapagos compare', () => {
  it('pairs groups by seed where niche, items and budget are the same, and says what differs', async () => {
    const second = copy('second');
    for (const run of ['packing-paired-1', 'packing-solo-1']) {
      const path = join(second, run, 'config.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace('"minLines": 1', '"minLines": 3'));
    }
    const to = join(base, 'compared');
    const document = await json('compare', join(out, 'packing'), join(second, 'packing'), '--to', to);
    expect(Object.keys(document)).toEqual([
      ...['groups', 'differs', 'notAvailable', 'notComparable', 'outcomes', 'differences', 'gains'],
      ...['report', 'html', 'unreadable'],
    ]);
    expect(document.groups.map((g: { group: string }) => g.group)).toEqual(['runs/packing', 'second/packing']);
    expect(document.differs).toEqual([{ setting: 'adoption.minLines', 'runs/packing': '1', 'second/packing': '3' }]);
    expect(document.notAvailable).toEqual([]);
    expect(document.notComparable).toEqual([]);
    expect(document.differences.map((d: Record<string, unknown>) => [d.arm, d.lineage, d.n, d.differences])).toEqual([
      ['paired', 'numeric', 1, '1:0'],
      ['paired', 'structural', 1, '1:0'],
      ['solo', 'numeric', 1, '1:0'],
      ['solo', 'structural', 1, '1:0'],
    ]);
    expect(Object.keys(filesOf(to)).sort()).toEqual([
      ...['comparison.html', 'comparison.md', 'differences.csv', 'differences.svg', 'group-gains.csv', 'groups.csv'],
      ...['settings.csv', 'side-by-side.csv'],
    ]);
  });

  it('compares no scores of another niche, other items or another budget, and says why', async () => {
    const dir = copy('incomparable');
    const changes = [
      ['"circles": 6', '"circles": 7', 'other niche: niche.params.circles 6 against 7'],
      ['"test": 1', '"test": 2', 'other items: items.test 1 against 2'],
      ['"generations": 1', '"generations": 2', 'other budget: budget.generations 1 against 2'],
    ] as const;
    const path = join(dir, 'packing-solo-1', 'config.json');
    const config = readFileSync(path, 'utf8');
    for (const [from, into, reason] of changes) {
      writeFileSync(path, config.replace(from, into));
      const document = await json('compare', join(out, 'packing-solo-1'), join(dir, 'packing-solo-1'));
      expect(document.notComparable.map((n: { reasons: string[] }) => n.reasons)).toEqual([[reason]]);
      expect(document.differences).toEqual([]);
      expect(document.outcomes).toHaveLength(4);
    }
    const text = await cli(['compare', join(out, 'packing-solo-1'), join(dir, 'packing-solo-1')]);
    expect(text.stdout).toContain('is not compared with');
  });

  it('takes a single folder apart into its groups, and asks for more than one', async () => {
    const dir = copy('two-groups');
    const path = join(dir, 'packing-solo-1', 'config.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"group": "packing"', '"group": "packing-r2"'));
    const { groups } = await json('compare', dir);
    expect(groups.map((g: { group: string }) => g.group)).toEqual(['packing', 'packing-r2']);
    const one = await cli(['compare', join(out, 'packing')]);
    expect(one.exitCode).not.toBe(0);
    expect(one.stderr).toContain('takes two or more');
  });
});
