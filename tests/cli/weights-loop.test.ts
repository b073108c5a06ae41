import { describe, expect, it } from 'vitest';
import { weightsLoopLines } from '../../src/cli/commands/weights-loop-lines.ts';
import { compare } from '../../src/runtime/weights-loop/compare.ts';
import type { LifeOutcome } from '../../src/runtime/weights-loop/evaluate.ts';
import { recipes } from '../../src/runtime/weights-loop/recipe.ts';
import type { SeedRecord } from '../../src/runtime/weights-loop/run-seed.ts';
import { cli } from './run-cli.ts';

describe('galapagos weights-loop', () => {
  it.each([
    [['--credit', 'luck'], 2, 'best-sibling'],
    [['--seed', 'x'], 2, 'Seeds are whole numbers'],
    [['--base', 'large'], 3, 'small'],
    [['--base', './nowhere'], 1, 'config.json'],
  ])('refuses %j and says what there is', async (flags, exitCode, hint) => {
    const result = await cli(['weights-loop', ...flags]);
    expect(result.exitCode).toBe(exitCode);
    expect(result.stderr).toContain(hint);
    expect(result.stdout).toBe('');
  });
});

describe('a result for people', () => {
  const lives = (freedBytes: number, isBroken = false): LifeOutcome[] =>
    Array.from({ length: 6 }, () => {
      return { freedBytes, mostFreedBytes: Math.max(0, freedBytes), commands: 4, successes: 2, isBroken, twoSteps: 0 };
    });
  const record: SeedRecord & { wallMs: number } = {
    ...{ seed: 7, credit: 'best-sibling', wallMs: 61_000 },
    generations: [
      {
        ...{ generation: 1, lost: 2, commands: 40, success: 0.25, kept: 0, shunned: 3 },
        survivors: { adapter: null, examples: 0, failure: 'the dataset is empty' },
        control: { adapter: null, examples: 0, failure: 'the dataset is empty', kept: 0 },
      },
    ],
    lives: { base: lives(10), survivors: lives(60), random: lives(20), 'base-longer': lives(-50, true) },
    closedLives: { base: lives(0), survivors: lives(30), random: lives(0) },
  };
  const oracleBytes = new Array<number>(6).fill(100);
  const base = { name: 'small', sha256: 'a'.repeat(64) };
  const text = weightsLoopLines({
    ...{ base, recipe: recipes.quick, seeds: [record], oracleBytes },
    ...compare([record], oracleBytes),
    closed: { oracleBytes, ...compare([{ ...record, lives: record.closedLives }], oracleBytes) },
  }).join('\n');

  it('shows every arm, what differed, how sure that is, and what broke', () => {
    expect(text).toMatch(/survivors +0\.60 +0\.60 +0\.50 +0\.00 +0\.00/);
    expect(text).toMatch(/base-longer +−0\.50 +0\.00 +0\.50 +1\.00 +0\.00/);
    expect(text).toMatch(/survivors − base +share +\+0\.50 +\[\+0\.50, \+0\.50\] +p 0\.031/);
  });

  it('shows what happened where everything is closed', () => {
    expect(text.slice(text.indexOf('closed'))).toMatch(/survivors +0\.30 +0\.30/);
  });

  it('does not pass over a generation that taught nothing, or a sandbox that failed', () => {
    expect(text).toContain('25 % freed, 0 kept, 3 shunned, 2 lost, not trained: the dataset is empty');
  });
});
