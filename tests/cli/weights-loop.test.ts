import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { weightsLoopLines } from '../../src/cli/commands/weights-loop-lines.ts';
import { compare } from '../../src/runtime/weights-loop/compare.ts';
import type { LifeOutcome, LivedStep } from '../../src/runtime/weights-loop/evaluate.ts';
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
      const counts = { commands: 4, successes: 2, twoSteps: 0 };
      return { ...counts, freedBytes, mostFreedBytes: Math.max(0, freedBytes), isBroken, steps: [] };
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

describe('galapagos weights-loop show', () => {
  const files =
    '@1 s17 own:me may:fd is:plain in:cache *.tmp age:day @2 s9 own:me may:-d is:held in:logs *.log age:week';
  const step = (said: string, deltaBytes: number, change: Partial<LivedStep> = {}): LivedStep => {
    const saw = `free:1 . . . r:none space:same ${files}${' .'.repeat(32)}`;
    return { ...{ saw, said, command: `sh ${said}`, result: 'ok', deltaBytes, damage: null }, ...change };
  };
  const life = (...steps: readonly LivedStep[]): LifeOutcome => {
    const freedBytes = steps.reduce((sum, { deltaBytes }) => sum + deltaBytes, 0);
    const isBroken = steps.some(({ damage }) => damage !== null);
    return { freedBytes, mostFreedBytes: 0, commands: steps.length, successes: 0, isBroken, twoSteps: 0, steps };
  };
  const idle = life(step('ls @1', 0));
  const denied = life(step('truncate @2', 0, { result: 'denied' }));
  const better = life(step('find-size @2 s5', 3 * 2 ** 20), step('rm @1', -(2 ** 19), { damage: 'no \u001b[31mdata' }));
  const livesOf = (survivors: (LifeOutcome | null)[]) => ({ base: survivors.map(() => idle), survivors, random: [] });
  const record = {
    ...{ credit: 'best-sibling', lives: livesOf([idle, better, null]), closedLives: livesOf([denied, idle, idle]) },
  };
  const seeds = [
    { ...record, seed: 7 },
    { ...record, seed: 8, lives: livesOf([denied, idle, idle]) },
  ];
  const oracleBytes = [2 ** 22, 2 ** 22, 2 ** 22];

  function show(...flags: string[]) {
    const dir = mkdtempSync(join(tmpdir(), 'galapagos-show-test-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    writeFileSync(join(dir, 'result.json'), JSON.stringify({ seeds, oracleBytes, closed: { oracleBytes } }));
    return cli(['weights-loop', 'show', dir, ...flags]);
  }

  it('shows the world in which base and survivors differ most, command by command', async () => {
    const { stdout, exitCode } = await show();
    expect(exitCode).toBe(0);
    expect(stdout).toContain('held-out world 2 of 3 (best-sibling, seed 7)');
    expect(stdout).toContain('base: freed 0 KiB (0.00)\n  1  ls @1  →  freed nothing\n     @1 s17 own:me');
    expect(stdout).toContain('survivors: freed 2.5 MiB (0.63), its world broken');
    expect(stdout).toMatch(/1 {2}find-size @2 s5 {2}→ {2}freed 3\.0 MiB\n +@2 s9 .* age:week\n +sh find-size @2 s5\n/);
    // What the world itself says is shown, and not obeyed.
    expect(stdout).toContain('2  rm @1  →  took 512 KiB, its world broken: no data');
  });

  it('shows any other world and seed, or the worlds closed', async () => {
    expect((await show('--world', '3')).stdout).toContain('survivors: lost, its sandbox failed');
    expect((await show('--seed', '8', '--world', '1')).stdout).toContain('truncate @2  →  freed nothing (denied)');
    const closed = await show('--closed', '--world', '1');
    expect(closed.stdout).toContain('world 1 of 3, closed (best-sibling, seed 7)');
    expect(closed.stdout).toContain('truncate @2');
  });

  it('gives a program both lives as they are', async () => {
    const { stdout } = await show('--json');
    expect(JSON.parse(stdout)).toMatchObject({ world: 2, survivors: { steps: better.steps } });
  });

  it.each([
    [['--world', '4'], 3, 'they go from 1 to 3'],
    [['--seed', '9'], 3, 'best-sibling, seed 7; best-sibling, seed 8'],
    [['--credit', 'trajectory'], 3, 'best-sibling, seed 7'],
  ])('refuses %j and says what there is', async (flags, exitCode, hint) => {
    const result = await show(...flags);
    expect([result.exitCode, result.stdout]).toEqual([exitCode, '']);
    expect(result.stderr).toContain(hint);
  });

  it('says so where a directory holds no result, or one without lives', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'galapagos-show-test-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    expect((await cli(['weights-loop', 'show', dir])).stderr).toContain('weights-loop --to');
    writeFileSync(join(dir, 'result.json'), JSON.stringify({ seeds: [{ seed: 1 }] }));
    const old = await cli(['weights-loop', 'show', dir]);
    expect(old.stderr).toContain('no lives');
    expect(old.exitCode).toBe(3);
  });
});
