import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { instance } from '@viz-js/viz';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { dotGraph } from '../../src/cli/log/dot.ts';
import { logRows } from '../../src/cli/log/log-rows.ts';
import { diffStat } from '../../src/cli/text/diff.ts';
import { adoptionFrom, generation, record } from './generations.ts';
import { inspectedRun, method } from './inspected-run.ts';
import { cli } from './run-cli.ts';

vi.setConfig({ hookTimeout: 240_000, testTimeout: 60_000 });

let dir: string;
let at: string;
const text = async (...argv: string[]) => (await cli(argv)).stdout;
const json = async (...argv: string[]) => JSON.parse(await text(...argv, '--json'));

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'gal-inspect-'));
  at = await inspectedRun(dir);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const names = (rows: readonly { lineage: string; generation: number }[]) =>
  rows.map((row) => `${row.lineage} ${row.generation}`);

describe('log', () => {
  it('shows only what is asked for: a lineage, a verdict, from a round on, at most so many', async () => {
    const all = await json('log', at);
    expect(names(all.generations)).toHaveLength(8);
    expect(names((await json('log', at, '--since', '2')).generations)).toEqual([
      ...['giver 3', 'taker 3', 'giver 2', 'taker 2'],
    ]);
    expect(names((await json('log', at, '--since', '2', '--lineage', 'taker')).generations)).toEqual([
      ...['taker 3', 'taker 2'],
    ]);
    expect(names((await json('log', at, '--verdict', 'failed')).generations)).toEqual(['giver 3']);
    expect(names((await json('log', at, '--limit', '3')).generations)).toEqual(['giver 3', 'taker 3', 'giver 2']);
    expect(await json('log', at, '--limit', 'all')).toEqual(all);
  });

  it('says how many generations it left out, on standard error', async () => {
    const { stdout, stderr } = await cli(['log', at, '--limit', '3']);
    expect(stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(stderr).toBe('5 older generations not shown; --limit all shows them\n');
    expect((await cli(['log', at])).stderr).toBe('');
    expect((await text('log', at, '--graph', '--limit', '2')).match(/\*/g)).toHaveLength(2);
  });

  it.each([
    ['--limit', '0', /whole number, 1 or more/],
    ['--since', 'yesterday', /number of a round/],
    ['--dot', '--json', /cannot be used with/],
    ['--graph', '--since=1', /cannot be used with/],
  ])('refuses %s %s', async (option, value, why) => {
    const { exitCode, stderr } = await cli(['log', at, option, value]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(why);
  });
});

describe('log --dot', () => {
  it('is what Graphviz draws: a cluster for each lineage, every generation, adoptions dashed', async () => {
    const dot = await text('log', at, '--dot');
    const viz = await instance();
    const { objects, edges } = viz.renderJSON(dot) as {
      objects: { name: string; shape?: string; nodes?: number[] }[];
      edges: { tail: number; head: number; style?: string; label?: string }[];
    };
    const shapes = objects.filter((o) => o.shape !== undefined).map((o) => [o.name, o.shape]);
    expect(Object.fromEntries(shapes)).toEqual({
      ...{ 'giver/0': 'doublecircle', 'giver/1': 'box', 'giver/2': 'ellipse', 'giver/3': 'diamond' },
      ...{ 'taker/0': 'doublecircle', 'taker/1': 'ellipse', 'taker/2': 'box', 'taker/3': 'box' },
    });
    const clusters = objects.filter((o) => o.nodes !== undefined).map((o) => [o.name, o.nodes!.length]);
    expect(clusters).toEqual([
      ['cluster_giver', 4],
      ['cluster_taker', 4],
    ]);
    const dashed = edges.filter((e) => e.style === 'dashed');
    expect(dashed.map((e) => [objects[e.tail]!.name, objects[e.head]!.name, e.label])).toEqual([
      ['giver/1', 'taker/2', '12 lines, 86 %'],
    ]);
    expect(edges).toHaveLength(7);
    expect(viz.renderString(dot, { format: 'svg' })).toContain('</svg>');
  });

  it('survives what a candidate put into a message, and leaves out edges to what is not shown', async () => {
    const failure = { stage: 'collect', message: 'a "quote", a \\ and \x1b[31m <b>&amp;\n} -> x [' } as const;
    const run = record([
      generation('a', 0, { score: 1 }),
      generation('a', 1, { verdict: 'failed', failure }),
      generation('b', 0, { score: 1, adoption: adoptionFrom('a', 7) }),
    ]);
    const rows = logRows(run).filter((row) => `${row.lineage}/${row.generation}` !== 'a/0');
    const dot = dotGraph('r', rows, ['a', 'b']).join('\n');
    const viz = await instance();
    const { objects, edges } = viz.renderJSON(dot) as { objects: { tooltip?: string }[]; edges?: unknown[] };
    expect(objects.map((o) => o.tooltip).filter((t) => t?.startsWith('failed'))).toEqual([
      'failed: collect: a "quote", a \\\\ and  <b>&amp; } -> x [',
    ]);
    expect(edges ?? []).toEqual([]);
  });
});

describe('show', () => {
  it('shows of a generation what changed by how much, what it read, asked and adopted, and the gate', async () => {
    const shown = await text('show', `${at}/taker/2`);
    for (const part of [
      /changed +method\.mjs {2}\+13 -0\n +position\.json {2}\+1 -1/,
      /read +giver g1 method\.mjs: model saw 100 %, 100 % of it came back/,
      /adopted +giver g1: 12 lines, 86 % of the change/,
      /calls +meta 0: 1 tokens in, 1 out/,
      /checks +pass validity/,
    ]) {
      expect(shown).toMatch(part);
    }
    expect(shown).not.toContain('diff --git');
    expect(await text('show', `${at}/taker/2`, '--patch')).toContain((await text('diff', `${at}/taker/2`)).trimEnd());
  });

  it('gives the diff and every call as JSON; generation 0 has neither', async () => {
    const document = await json('show', `${at}/taker/2`);
    expect(document.diff).toBe((await json('diff', `${at}/taker/2`)).diff);
    const call = { latencyMs: expect.any(Number), promptTokens: 1, completionTokens: 1, costUsd: 0, error: null };
    expect(document.calls).toEqual([0, 1, 2, 3].map((index) => ({ purpose: 'meta', index, ...call })));
    expect(await json('show', `${at}/taker/0`)).toMatchObject({ diff: null, calls: [] });
  });

  it('counts the lines of a diff by file, also of files that come, go or look like a diff', () => {
    const diff = [
      'diff --git a/new b/new\nnew file mode 100644\n--- /dev/null\n+++ b/new\n@@ -0,0 +1,2 @@\n+@@ -1 +1 @@\n++++ b/x\n',
      'diff --git a/old b/old\ndeleted file mode 100644\n--- a/old\n+++ /dev/null\n@@ -1 +0,0 @@\n---- a/old\n',
    ].join('');
    expect(diffStat(diff)).toEqual([
      { path: 'new', added: 2, removed: 0 },
      { path: 'old', added: 0, removed: 1 },
    ]);
  });
});

describe('blame', () => {
  it('leads each line to the generation that wrote it, over an adoption to the peer', async () => {
    const { files, lineages, ...rest } = await json('blame', `${at}/taker/3`, 'method.mjs');
    const { generations } = await json('log', at);
    const commitOf = (lineage: string, number: number) =>
      generations.find((g: { lineage: string; generation: number }) => g.lineage === lineage && g.generation === number)
        .commit;
    expect(rest).toEqual({ run: 'shared-paired-1', lineage: 'taker', generation: 3, commit: commitOf('taker', 3) });
    const line = (lineage: string, generation: number, line: string) => ({
      ...{ lineage, generation, commit: commitOf(lineage, generation), text: line },
    });
    const taken = method
      .trimEnd()
      .split('\n')
      .map((each) => line('giver', 1, each));
    taken[3] = line('taker', 3, 'export const method_3 = (x) => x ** 3;');
    expect(files).toEqual([{ path: 'method.mjs', lines: [line('taker', 2, '// taken'), ...taken] }]);
    const own = [2, 3].map((generation) => ({ generation, lines: 1 }));
    expect(lineages).toEqual([
      { lineage: 'giver', isOwn: false, lines: 11, share: 11 / 13, generations: [{ generation: 1, lines: 11 }] },
      { lineage: 'taker', isOwn: true, lines: 2, share: 2 / 13, generations: own },
    ]);
  });

  it('takes all files without one named, and shares add up to one', async () => {
    const { files, lineages } = await json('blame', `${at}/taker/2`);
    expect(files.map((file: { path: string }) => file.path)).toContain('genome.json');
    const shares = lineages.map((l: { share: number }) => l.share);
    expect(shares.reduce((a: number, b: number) => a + b, 0)).toBeCloseTo(1, 12);
  });

  it('says it in lines for people, the share of each lineage last', async () => {
    const lines = (await text('blame', `${at}/taker/3`, 'method.mjs')).trimEnd().split('\n');
    expect(lines[0]).toBe('method.mjs');
    expect(lines[1]).toBe('taker g2   1  // taken');
    expect(lines[2]).toBe('giver g1   2  export const method_0 = (x) => base[0] * x;');
    expect(lines.slice(-2)).toEqual([
      'giver  11 lines  84.6 %  adopted  g1: 11',
      'taker   2 lines  15.4 %  its own  g2: 1, g3: 1',
    ]);
  });

  it('writes color on a terminal that wants it only', async () => {
    const argv = ['blame', `${at}/taker/3`, 'method.mjs'];
    const terminal = { columns: 40, rows: 24 };
    expect((await cli(argv, { terminal })).stdout).toContain('\x1b[36m');
    expect((await cli(argv, { terminal, env: { NO_COLOR: '1' } })).stdout).not.toContain('\x1b');
    expect((await cli(argv)).stdout).not.toContain('\x1b');
  });

  it('names the files there are, and what a target is', async () => {
    const missing = await cli(['blame', `${at}/taker/3`, 'nope.mjs']);
    expect(missing.exitCode).toBe(2);
    expect(missing.stderr).toMatch(/generation 3 of taker has no file nope\.mjs; it has .*method\.mjs/);
    expect((await cli(['blame', at])).stderr).toContain('<run>/<lineage>/<generation>');
  });
});
