import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliResult, cli, tinyRun } from './run-cli.ts';

const run = 'packing-paired-1';
let out: string;
let result: CliResult;
let at: string;
const json = async (...argv: string[]) => JSON.parse((await cli([...argv, '--json'])).stdout);

beforeAll(async () => {
  out = mkdtempSync(join(tmpdir(), 'gal-cli-'));
  at = join(out, run);
  result = await cli([...tinyRun, '--set', 'budget.generations=1', '--out', out, '--json']);
}, 60_000);
afterAll(() => rmSync(out, { recursive: true, force: true }));

describe('run --json', () => {
  it('prints one JSON document of the promised shape and nothing else', () => {
    expect(result.exitCode).toBe(0);
    const document = JSON.parse(result.stdout);
    const lineage = (model: string) => ({
      model,
      generations: 1,
      failed: expect.any(Number),
      refused: expect.any(Number),
      best: expect.any(Number),
      last: expect.any(Number),
      bestGeneration: expect.any(Number),
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    expect(document).toEqual({
      experiment: 'packing',
      status: 'done',
      runs: [
        {
          run,
          dir: at,
          arm: 'paired',
          seed: 1,
          status: 'done',
          lineages: { numeric: lineage('mutator:numeric'), structural: lineage('mutator:structural') },
        },
      ],
      spent: {
        tokens: expect.any(Number),
        usd: 0,
        wallMs: expect.any(Number),
        evaluations: expect.any(Number),
      },
      report: join(out, 'packing', 'report', 'report.md'),
    });
  });

  it('tells its progress on standard error, one plain line a generation', () => {
    const lines = result.stderr.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^packing: 1 run, 1 at a time, sandbox process, which does NOT isolate/);
    expect(lines[1]).toContain(`${run} started: arm paired, seed 1, 1 round`);
    expect(lines.filter((line) => / (numeric|structural) g\d /.test(line))).toHaveLength(4);
    expect(lines.at(-1)).toMatch(new RegExp(`^${run} done after`));
  });
});

describe('resume', () => {
  it('prints the same document for a finished run, and runs nothing again', async () => {
    const again = await cli(['resume', at, '--json']);
    expect(again.exitCode).toBe(0);
    const [first, second] = [result, again].map(({ stdout }) => JSON.parse(stdout));
    expect(second.runs).toEqual(first.runs);
    expect(again.stderr).not.toMatch(/ g\d /);
  });

  it('ends with what happened, the report, the history and the next commands when people read it', async () => {
    const { stdout, exitCode } = await cli(['resume', run, '--out', out]);
    expect(exitCode).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^1 of 1 run done; 2 generations/);
    expect(lines.slice(5)).toEqual([
      '',
      `Report   ${join(out, 'packing', 'report', 'report.md')}`,
      `History  git -C ${join(at, 'lineage')} log --graph --oneline --glob=refs/attempts`,
      `Next     galapagos log ${at}`,
      `         galapagos show ${at}`,
      '',
    ]);
  });
});

describe('reading a run', () => {
  it('lists it, by name and as JSON', async () => {
    const { stdout } = await cli(['ls', '--out', out]);
    expect(stdout).toMatch(new RegExp(`✓ done +${run} .*numeric .*\\(g\\d\\)`));
    const listed = await json('ls', '--out', out);
    expect(listed).toMatchObject({ out, unreadable: [] });
    expect(listed.runs).toMatchObject([{ experiment: 'packing', ...JSON.parse(result.stdout).runs[0] }]);
    expect(await json('ls', '--out', join(out, 'empty'))).toEqual({
      out: join(out, 'empty'),
      runs: [],
      unreadable: [],
    });
  });

  it('shows the run, a lineage and a generation', async () => {
    expect((await cli(['show', at])).stdout).toContain('packing, arm paired, seed 1: done after');
    expect((await cli(['show', `${run}/numeric`, '--out', out])).stdout).toMatch(/● +numeric g0 .* seed/);
    const generation = (await cli(['show', `${at}/numeric/1`])).stdout;
    for (const part of ['parent     g0', 'checks     ', 'selection  ', 'changed    ', 'diff ']) {
      expect(generation).toContain(part);
    }
    expect(await json('show', at)).toMatchObject({ run, status: 'done', test: { numeric: expect.any(Number) } });
    expect((await json('show', `${at}/numeric`)).generations).toHaveLength(2);
    expect(await json('show', `${at}/numeric/g1`)).toMatchObject({ run, lineage: 'numeric', generation: 1, parent: 0 });
  });

  it('names what there is when a lineage or a generation is not there', async () => {
    expect((await cli(['show', `${at}/nobody`])).stderr).toContain('it has numeric, structural');
    expect((await cli(['show', `${at}/numeric/7`])).stderr).toContain('it has 0 to 1');
  });

  it('draws the phylogeny, filters it, and gives it as JSON', async () => {
    const lines = (await cli(['log', at])).stdout.trimEnd().split('\n');
    expect(lines.at(-1)).toMatch(/^ {2}● {2}structural g0 .* seed$/);
    expect(lines.filter((line) => line.includes(' g1 '))).toHaveLength(2);
    const { generations } = await json('log', at, '--lineage', 'numeric');
    expect(generations.map((g: { generation: number }) => g.generation)).toEqual([1, 0]);
    expect(generations[0]).toEqual({
      lineage: 'numeric',
      generation: 1,
      round: 1,
      parent: 0,
      commit: expect.any(String),
      verdict: expect.any(String),
      score: generations[0].score,
      change: generations[0].score === null ? null : generations[0].score - generations[1].score,
      changedFiles: expect.any(Array),
      adopted: null,
      reason: expect.any(String),
      rolledBackFrom: null,
    });
    expect((await json('log', at, '--verdict', 'seed')).generations).toHaveLength(2);
  });

  it("draws git's own graph", async () => {
    expect((await cli(['log', at, '--graph'])).stdout).toContain('numeric g0 seed: the initial harness');
    expect((await json('log', at, '--graph')).graph).toContain('structural g1');
  });

  it('shows what a generation changed, as a patch when piped and in color on a terminal', async () => {
    const patch = await cli(['diff', `${at}/numeric/1`]);
    expect(patch.exitCode).toBe(0);
    const document = await json('diff', `${at}/numeric/1`);
    expect(document).toMatchObject({ run, from: { lineage: 'numeric', generation: 0 }, to: { generation: 1 } });
    expect(document.diff).toBe(patch.stdout);
    expect(patch.stdout).toContain('diff --git a/');
    const colored = await cli(['diff', `${at}/numeric/1`], { terminal: { columns: 80, rows: 24 } });
    expect(colored.stdout).toContain('\x1b[32m+');
    const between = await json('diff', `${at}/numeric/0`, `${at}/structural/1`);
    expect(between).toMatchObject({ from: { generation: 0 }, to: { lineage: 'structural', generation: 1 } });
    expect((await cli(['diff', `${at}/numeric/0`])).exitCode).toBe(2);
  });

  it('writes no escape sequence where nobody asked for color', async () => {
    for (const argv of [
      ['ls', '--out', out],
      ['show', at],
      ['log', at],
      ['diff', `${at}/numeric/1`],
      ['log', at, '--graph'],
    ]) {
      expect((await cli(argv)).stdout).not.toContain('\x1b');
    }
    expect(result.stderr).not.toContain('\x1b');
    const terminal = { columns: 60, rows: 24 };
    expect((await cli(['log', at], { terminal })).stdout).toContain('\x1b[');
    expect((await cli(['log', at], { terminal, env: { NO_COLOR: '1' } })).stdout).not.toContain('\x1b');
  });
});

describe('asking what would happen', () => {
  it('prints the plan and does nothing', async () => {
    const argv = [
      'run',
      'packing',
      '--dry-run',
      '--seed',
      '1,2',
      '--seed',
      '3',
      '--arm',
      'solo',
      '--out',
      join(out, 'dry'),
    ];
    expect(await json(...argv)).toMatchObject({
      experiment: 'packing',
      arms: ['solo'],
      seeds: [1, 2, 3],
      lineages: { numeric: 'mutator:numeric' },
      runs: 3,
      maxUsd: 0,
    });
    expect((await cli(argv)).stdout).toMatch(
      /3 runs = 1 arm × 3 seeds[\s\S]*tokens +at most [\d,]+\n[\s\S]*Nothing was run/,
    );
    expect((await json('ls', '--out', join(out, 'dry'))).runs).toEqual([]);
  });

  it('prints the schema of experiments', async () => {
    expect((await json('schema')).properties).toHaveProperty('lineages');
    expect((await cli(['schema'])).stdout).toBe((await cli(['schema', '--json'])).stdout);
  });
});
