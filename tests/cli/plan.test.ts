import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { cli } from './run-cli.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'gal-plan-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const json = async (...argv: string[]) => JSON.parse((await cli(['plan', ...argv, '--json'])).stdout);

/** An experiment whose task agents call a model too; `more` is added to the model and to the file. */
function experiment(name: string, model: string, more = ''): string {
  const file = join(dir, `${name}.yaml`);
  writeFileSync(
    file,
    [
      `name: ${name}\nniche: { module: circle-packing, params: { circles: 4 } }`,
      `seed: ${join(process.cwd(), 'experiments/packing/seed')}`,
      'lineages: { a: { model: m }, b: { model: m } }',
      `models: { m: { kind: openai, model: x, baseUrl: "http://127.0.0.1:9/v1"${model} } }`,
      'arms: [paired, solo, sham]\nseeds: [1, 2, 3, 4, 5, 6, 7, 8]\nbudget: { generations: 10 }',
      'items: { train: 2, selection: 3, test: 5 }',
      'metaAgent: { maxTokens: 1000 }',
      more,
    ].join('\n'),
  );
  return file;
}

describe('plan', () => {
  it('says what can be shown and what it costs at most, and runs nothing', async () => {
    const { exitCode, stdout } = await cli(['plan', 'packing']);
    expect(exitCode).toBe(exitCodes.done);
    expect(stdout).toMatch(/15 runs = 5 arms × 3 seeds/);
    expect(stdout).toMatch(/can show +with 3 seeds: points only/);
    expect(stdout).toMatch(/smallest p +0\.25, corrected 1 /);
    expect(stdout).toMatch(/a claim takes +at least 8 seeds/);
    expect(stdout).toMatch(/detectable +no effect, however large, by a test\n/);
    expect(stdout).toMatch(/2 items of selection: points only\n +3 items of test: points only\n/);
    expect(stdout).toMatch(/Nothing was run\.\n$/);
  });

  it('takes the options of run, and tells effects in scores where deviations are given', async () => {
    const options = ['--seed', '1,2,3,4,5,6,7,8', '--arm', 'paired,solo,sham', '--set', 'items.selection=8'];
    const plain = (await json('packing', ...options)).detection;
    expect(plain).toMatchObject({
      alpha: 0.05,
      power: 0.8,
      seeds: {
        n: 8,
        allows: 'claim',
        comparisons: 4,
        smallestP: 1 / 128,
        seedsForClaim: 8,
        detectable: { inScore: null },
      },
      items: { selection: { n: 8, smallestP: 1 / 128 } },
    });
    const known = (await json('packing', ...options, '--gain-sd', '0.03', '--item-sd', '0.08')).detection;
    expect(known.seeds.detectable.inScore).toBeCloseTo(plain.seeds.detectable.inSd * 0.05, 12);
    const surer = (await json('packing', ...options, '--power', '0.95')).detection;
    expect(surer.seeds.detectable.inSd).toBeGreaterThan(plain.seeds.detectable.inSd);
  });

  it('does not know the cost of a model without a price, and says what would tell', async () => {
    const at = experiment('unpriced', '');
    expect((await json(at)).maxUsd).toBeNull();
    expect((await cli(['plan', at])).stdout).toMatch(/cost +not known: set a price for each model, or budget\.usd/);
  });

  it('bounds tokens and cost with what task agents may spend, every item and every try', async () => {
    const price = ', price: { promptUsdPerMTok: 1, completionUsdPerMTok: 4 }';
    const silent = await json(experiment('silent', price, 'task: { maxCalls: 0 }'));
    // 24 runs, two lineages, 10 edits of 1,000 tokens.
    expect(silent.maxTokens).toBe(480_000);
    expect(silent.maxUsd).toBeCloseTo((480_000 * 4) / 1e6, 10);
    const calling = await json(experiment('calling', price));
    // And 11 · (2 + 3) + 5 items, each tried twice.
    expect(calling.evaluations).toBe(24 * 2 * 60);
    expect(calling.maxTokens).toBe(24 * 2 * (10 + 120) * 1_000);
    const brief = await json(experiment('brief', price, 'task: { maxTokens: 100 }'));
    expect(brief.maxTokens).toBe(24 * 2 * (10 * 1_000 + 120 * 100));
    const capped = await json(experiment('capped', price, 'lineageBudget: { tokens: 7000 }'));
    expect(capped.maxTokens).toBe(24 * 2 * 7_000);
    const limited = await json(experiment('limited', price, 'lineageBudget: { usd: 0.01 }'));
    expect(limited.maxUsd).toBeCloseTo(24 * 2 * 0.01, 10);
  });

  it('bounds the cost of task agents by the price of their own model', async () => {
    const price = ', price: { promptUsdPerMTok: 1, completionUsdPerMTok: 4 } }, free: { kind: embedded, base: small';
    const at = (name: string, model: string, taskModel: string, more = '') =>
      json(
        experiment(name, price, `task: { maxTokens: 100 }${more}`),
        ...['a', 'b'].flatMap((id) => ['--set', `lineages.${id}={ model: "${model}", taskModel: ${taskModel} }`]),
      );
    // 24 runs, two lineages: 10 edits of 1,000 tokens, and 120 tries of 100.
    expect((await at('edits', 'm', 'free')).maxUsd).toBeCloseTo((24 * 2 * 10_000 * 4) / 1e6, 10);
    expect((await at('tasks', 'mutator:numeric', 'm')).maxUsd).toBeCloseTo((24 * 2 * 12_000 * 4) / 1e6, 10);
    expect((await at('both', 'm', 'm')).maxUsd).toBeCloseTo((24 * 2 * 22_000 * 4) / 1e6, 10);
    const capped = await at('mixed', 'm', 'free', '\nlineageBudget: { tokens: 7000 }');
    expect(capped.maxUsd).toBeCloseTo((24 * 2 * 7_000 * 4) / 1e6, 10);
  });

  it('counts what gates and tournaments may measure besides', async () => {
    const looking = await json(
      experiment('looking', '', 'gate: { improvement: { test: paired, looks: 2, itemsPerLook: 4 } }'),
    );
    expect(looking.evaluations).toBe(24 * 2 * (60 + 10 * 2 * 8));
    const annealing = await json(experiment('annealing', '', 'selection: annealing\ntask: { maxCalls: 0 }'));
    expect(annealing.evaluations).toBe(24 * 2 * (60 + 10 * 2));
    expect(annealing.maxTokens).toBe(24 * 2 * 20 * 1_000);
  });

  it('refuses what is no deviation and no power as wrong usage, and a wrong experiment as configuration', async () => {
    for (const wrong of [
      ['--gain-sd', '-1'],
      ['--item-sd', 'much'],
      ['--power', '1'],
      ['--power', 'x'],
    ]) {
      const { exitCode, stdout, stderr } = await cli(['plan', 'packing', ...wrong]);
      expect({ exitCode, stdout }).toEqual({ exitCode: exitCodes.usage, stdout: '' });
      expect(stderr).toContain(wrong[0]);
    }
    expect((await cli(['plan', join(dir, 'nosuch')])).exitCode).toBe(exitCodes.invalidConfiguration);
  });
});
