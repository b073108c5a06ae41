import { describe, expect, it } from 'vitest';
import { type ReportContext, renderReport, summariseFiveLines } from '../../src/analysis/report.ts';
import { reportRecord } from '../../src/analysis/report-records.ts';
import type { RunRecord } from '../../src/analysis/run-record.ts';
import type { ArmName } from '../../src/core/config/arms.ts';
import type { Evaluation } from '../../src/core/records.ts';
import { demoRecords, readOf, runOf } from './fixture.ts';
import { parseXml } from './well-formed.ts';

const context: ReportContext = {
  experiment: 'demo',
  question: 'Does b get further when it sees a?',
  niche: 'grading',
  command: 'galapagos run experiments/demo/experiment.yaml',
  version: '0.1.0',
  provider: 'bubblewrap',
  models: { 'model-a': 'openai gpt-oss-20b' },
};
const basicArms = ['paired', 'solo', 'sham', 'iid', 'sequential'] as const;
const demo = (n: number, arms: readonly ArmName[] = basicArms, lineages = ['a', 'b']) =>
  demoRecords({ arms, lineages, seeds: Array.from({ length: n }, (_, i) => i + 1), generations: 8 });

/** Rows of the Markdown table under a heading, cells trimmed; header and rule left out. */
function tableUnder(markdown: string, heading: string): string[][] {
  const section = markdown.split(`## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const lines = section.split('\n').filter((l) => l.startsWith('|'));
  return lines.slice(2).map((l) => l.slice(2, -2).split(' | '));
}

describe('a report', () => {
  it('has every section, its figures by relative path, and a file for each table it links', () => {
    const { markdown, figures, tables } = renderReport(demo(3), context);
    const headings = [...markdown.matchAll(/^#+ (.*)$/gm)].map((m) => m[1]);
    expect(headings).toEqual([
      'demo',
      'Scores',
      'Transfer gain',
      'Time to threshold',
      'Held-out items',
      'Efficiency',
      'Code size',
      'Every lineage',
      'Adoptions',
      'Crashes, neglect and rollbacks',
      'Budgets',
      'How to reproduce',
      'Limits',
    ]);
    const linked = [...markdown.matchAll(/\]\(([^)]+)\)/g)].map((m) => m[1]!);
    expect(linked.filter((f) => f.endsWith('.svg')).sort()).toEqual(Object.keys(figures).sort());
    expect([...new Set(linked.filter((f) => f.endsWith('.csv')))].sort()).toEqual(Object.keys(tables).sort());
    expect(markdown).toContain(context.command);
    expect(markdown).not.toMatch(/NaN|undefined|Infinity|null/);
  });

  it('gives the same bytes for the same records, in whatever order they come', () => {
    const records = demo(3);
    expect(renderReport([...records].reverse(), context)).toEqual(renderReport(records, context));
  });

  it.each([1, 3, 5, 6])('keeps to the statistics that %i seeds allow', (n) => {
    const { markdown, figures } = renderReport(demo(n), context);
    for (const svg of Object.values(figures)) parseXml(svg);
    const gains = tableUnder(markdown, 'Transfer gain');
    expect(gains.map((row) => row[2])).toEqual(Array(4).fill(`${n}`));
    const hasInference = gains.map((row) => row.slice(5).some((cell) => cell !== '–'));
    expect(hasInference).toEqual(Array(4).fill(n > 3));
    if (n <= 3) expect(markdown).not.toMatch(/\bp \d|t-interval \d/);
    expect(markdown.includes('A 95 % t-interval over seeds')).toBe(n > 3);
  });

  it('is the same of records without what no report looks at', () => {
    const evaluation: Evaluation = {
      ...{ status: 'measured', split: 'test', score: 0.5, n: 4 },
      items: [0, 1, 0, 1].map((score, i) => ({
        ...{ situation: `test-${i}`, wallMs: 1 },
        consequence: { status: 'measured' as const, score, details: { measures: { length: i } } },
      })),
    };
    const rich = demo(4).map(
      (record): RunRecord => ({
        ...record,
        lineages: record.lineages.map((l) => ({
          ...l,
          test: evaluation,
          generations: l.generations.map((g) => ({
            ...g,
            train: { ...evaluation, split: 'train' as const },
            selection: g.selection && { ...g.selection, items: evaluation.items },
            checks: [{ name: 'size', outcome: 'pass' as const, reason: 'small' }],
            reads: [readOf('b', 0.4, 0.3), readOf('b', 0, 0)],
          })),
        })),
      }),
    );
    expect(renderReport(rich.map(reportRecord), context)).toEqual(renderReport(rich, context));
    expect(JSON.stringify(rich.map(reportRecord)).length).toBeLessThan(JSON.stringify(rich).length / 2);
  });

  it('carries n in every table', () => {
    const { markdown } = renderReport(demo(5), context);
    const headers = markdown
      .split('\n')
      .filter((line, i, all) => all[i + 1]?.startsWith('| ---') && line.startsWith('|'));
    const sections = markdown.split('\n## ').filter((section) => section.includes('| ---'));
    expect(headers).toHaveLength(sections.length);
    for (const section of sections) expect(section).toMatch(/\| n \||\bn = \d|\bn is the number/);
  });

  it('writes out what was not measured and never shows it as 0', () => {
    const record = runOf({
      arm: 'solo',
      seed: 1,
      lineages: {
        a: { scores: [null, null], test: null, spent: { costUsd: null } },
        b: { scores: [0.25, 0.5], test: 'failed' },
      },
    });
    const { markdown, tables } = renderReport([record], context);
    const [a, b] = tableUnder(markdown, 'Every lineage');
    expect(a!.slice(0, 8)).toEqual(['solo', 'a', '1', ...Array(4).fill('not measured'), 'not opened']);
    expect(a!.at(-1)).toBe('not metered');
    expect(b![7]).toBe('failed: timeout');
    const [header, row] = tables['outcomes.csv']!.split('\n').map((line) => line.split(','));
    const cell = (key: string) => row![header!.indexOf(key)];
    expect(['generation_0', 'best', 'gain', 'last', 'test', 'usd'].map(cell)).toEqual(Array(6).fill('NA'));
    expect(markdown).toContain('The held-out test was not opened in 1 of 2 lineage runs.');
    expect(markdown).toContain('Cost was not metered (no known price) in 1 of 2 lineage runs.');
  });

  it('handles missing arms, a single lineage and no run at all', () => {
    const only = renderReport(demo(1, ['solo'], ['a']), context);
    expect(Object.keys(only.figures)).not.toContain('transfer-gain.svg');
    expect(only.markdown).toContain('transfer gain was not measured');
    expect(only.markdown).toContain('Arms not run: paired, sham, self, shuffled, iid, sequential.');
    expect(tableUnder(only.markdown, 'Transfer gain').map((r) => r.slice(0, 4))).toEqual([
      ['solo', 'a', '0', 'not compared'],
      ['sham', 'a', '0', 'not compared'],
    ]);
    const none = renderReport([], context);
    expect(none.figures).toEqual({});
    expect(none.markdown).toContain('No runs yet.');
    expect(none.markdown).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('lists adoptions with their effect against the parent', () => {
    const lineages = {
      a: { scores: [0.25, 0.5, 0.375, null], adoptions: { 1: 'b', 2: 'b', 3: 'b' } },
      b: { scores: [0.25] },
    };
    const { markdown } = renderReport([runOf({ arm: 'paired', seed: 1, lineages })], context);
    const rows = tableUnder(markdown, 'Adoptions');
    expect(rows.map((r) => [r[2], r[3], r[10], r[11]])).toEqual([
      ['1', 'b', '+0.250', 'promoted'],
      ['2', 'b', '−0.125', 'refused'],
      ['3', 'b', 'not measured', 'failed'],
    ]);
  });

  it('raises banners above the figures: unequal budgets, unfinished and repeated runs, mixed models', () => {
    const scores = [0.1, 0.2];
    const { markdown } = renderReport(
      [
        runOf({ arm: 'paired', seed: 1, lineages: { a: { scores: [0.1, 0.2, 0.3] } } }),
        runOf({
          arm: 'solo',
          seed: 1,
          lineages: { a: { scores, model: 'other' } },
          status: 'stopped',
          reason: 'budget',
        }),
        runOf({ arm: 'solo', seed: 1, lineages: { a: { scores } }, status: 'failed', run: 'a-first-try' }),
      ],
      context,
    );
    const notes = markdown.split('\n').filter((l) => l.startsWith('> **Note.**'));
    expect(notes).toHaveLength(5);
    expect(notes[0]).toContain('demo-solo-1 (stopped: budget)');
    expect(notes[1]).toContain('a-first-try');
    expect(notes[2]).toContain('different models: model-a, other');
    expect(notes[3]).toContain('Unequal generations');
    expect(markdown.indexOf('> **Note.**')).toBeLessThan(markdown.indexOf('!['));
    expect(markdown).toContain('†: the two runs have different numbers of generations.');
  });

  it('names who answers beside who edits, where they differ', () => {
    const run = (arm: ArmName, taskModel?: string) =>
      runOf({ arm, seed: 1, lineages: { a: { scores: [0.1], ...(taskModel === undefined ? {} : { taskModel }) } } });
    const { markdown, tables } = renderReport([run('paired', 'small'), run('solo')], context);
    expect(tables['outcomes.csv']).toContain('"model-a, tasks: small"');
    expect(markdown).toContain('different models: model-a, tasks: small, model-a.');
  });

  it('reports how far generation 0 moved between arms as noise', () => {
    const run = (arm: ArmName, zero: number) => runOf({ arm, seed: 1, lineages: { a: { scores: [zero, 0.9] } } });
    expect(renderReport([run('paired', 0.25), run('solo', 0.375)], context).markdown).toContain(
      'scored up to 0.125 apart',
    );
    expect(renderReport([run('paired', 0.25)], context).markdown).toContain('no harness was scored twice');
  });

  it('lets no text from outside become markup, a link or a spreadsheet formula', () => {
    const hostile = '![x](http://127.0.0.1/x.png)\n# h | <b> `';
    const record = runOf({
      arm: 'solo',
      seed: 1,
      status: 'failed',
      reason: hostile,
      lineages: { a: { scores: [0.1], model: '=1+1,"x"' } },
    });
    const { markdown, tables } = renderReport([record], { ...context, question: hostile, command: 'a\n```\n# b' });
    expect(markdown).not.toContain('![x](');
    expect(markdown.split('\n').filter((l) => l.startsWith('# '))).toEqual(['# demo', '# b']);
    expect(markdown).toContain('````sh\na\n```\n# b\n````');
    expect(tables['outcomes.csv']).toContain(`"'=1+1,""x"""`);
  });
});

describe('five lines for the terminal', () => {
  it.each([
    ['no run', []],
    ['one run', demo(1, ['solo'])],
    ['no control', demo(3, ['paired', 'iid'])],
    ['three seeds', demo(3)],
    ['five seeds', demo(5)],
    ['six seeds, no sham', demo(6, ['paired', 'solo'])],
  ])('are five single lines for %s', (_, records) => {
    const lines = summariseFiveLines(records);
    expect(lines).toHaveLength(5);
    for (const line of lines) expect(line).toMatch(/^\S[^\n]*\.$/);
    expect(lines.join()).not.toMatch(/NaN|undefined|Infinity|null/);
  });

  it('say what happened and no more than n allows', () => {
    const run = (arm: ArmName, seed: number, best: number | null) =>
      runOf({ arm, seed, lineages: { a: { scores: [0.25, best] } } });
    const seeds = [1, 2, 3];
    const lines = summariseFiveLines([
      ...seeds.map((s) => run('paired', s, 0.75)),
      ...seeds.map((s) => run('solo', s, s === 1 ? 0.875 : 0.5)),
      ...seeds.map((s) => run('sham', s, s === 1 ? null : 0.5)),
      ...seeds.map((s) => run('iid', s, 0.75)),
    ]);
    expect(lines).toEqual([
      '12 of 12 runs done; 12 generations: 11 promoted, 0 not, 1 without a score, 0 adoptions.',
      'Gain over generation 0 (median over seeds): paired a +0.500; solo a +0.250; sham a +0.250.',
      'Paired gained more than solo in a 2 of 3 seeds; than sham in a 3 of 3 seeds; help beyond both solo and sham is not shown.',
      'Baselines (median over seeds): iid a +0.500; sequential not run.',
      'With n = 3 seeds nothing stronger can be said.',
    ]);
  });

  it('claim help only where the corrected exact test supports it', () => {
    const runs = [1, 2, 3, 4, 5, 6, 7].flatMap((seed) =>
      (['paired', 'solo', 'sham'] as const).map((arm) =>
        runOf({ arm, seed, lineages: { a: { scores: [0, arm === 'paired' ? 2 : 1] } } }),
      ),
    );
    expect(summariseFiveLines(runs)[2]).toContain(
      '; pairing helped a beyond solo and sham, whether it was the other model is open: self not run.',
    );
    expect(summariseFiveLines(runs)[4]).toBe(
      'With n = 7 seeds the smallest exact p, Holm-corrected, is 0.0313 (a against solo).',
    );
    expect(summariseFiveLines(runs.slice(0, 15))[2]).toContain('is not shown');
    expect(summariseFiveLines(runs.slice(0, 15))[4]).toContain('the smallest two-sided p possible is 0.0625');
  });

  const notTheOther = 'not shown to be the other model: a second instance of the same (self) is not shown to do worse';
  const notTheRun =
    "not shown to be what the peer did in the same run: another seed's strategies (shuffled) are not shown to do worse";
  it.each<[string, Partial<Record<ArmName, number>>, string]>([
    ['as well with itself', { self: 2 }, `beyond solo and sham, ${notTheOther}.`],
    ['better with itself', { self: 3 }, `beyond solo and sham, ${notTheOther}.`],
    ['worse with itself', { self: 1 }, 'beyond solo, sham and self.'],
    ['as well with another seed', { self: 1, shuffled: 2 }, `beyond solo, sham and self, ${notTheRun}.`],
    ['as well with either', { self: 2, shuffled: 2 }, `beyond solo and sham, ${notTheOther}, ${notTheRun}.`],
    ['worse with either', { self: 1, shuffled: 1 }, 'beyond solo, sham, self and shuffled.'],
  ])('say what a lineage that did %s gained by', (_, others, words) => {
    const ends = { paired: 2, solo: 1, sham: 1, ...others };
    const runs = (n: number) =>
      Array.from({ length: n }, (_, seed) => seed).flatMap((seed) =>
        Object.entries(ends).map(([arm, end]) =>
          runOf({ arm: arm as ArmName, seed, lineages: { a: { scores: [0, end] } } }),
        ),
      );
    expect(summariseFiveLines(runs(9))[2]).toContain(`; pairing helped a ${words}`);
    expect(summariseFiveLines(runs(5))[2]).toContain('; help beyond both solo and sham is not shown.');
  });

  it('tell lineages apart that gained by the other model from those that did not', () => {
    const runs = Array.from({ length: 10 }, (_, seed) => seed).flatMap((seed) =>
      (['paired', 'solo', 'sham', 'self'] as const).map((arm) => {
        const end = (self: number) => ({ scores: [0, { paired: 2, solo: 1, sham: 1, self }[arm]] });
        return runOf({ arm, seed, lineages: { a: end(1), b: end(2), c: { scores: [0, 1] } } });
      }),
    );
    expect(summariseFiveLines(runs)[2]).toMatch(
      new RegExp(
        `; pairing helped a beyond solo, sham and self; pairing helped b beyond solo and sham, ${notTheOther.replace(/[()]/g, '\\$&')}\\.$`,
      ),
    );
  });
});
