import { describe, expect, it } from 'vitest';
import { scratchDir } from '../support/example-run.ts';
import { killedAndResumed, resultOf, undisturbed } from './kill-and-resume.ts';

describe('resume, killed at 20 random points', () => {
  it('always ends with the result of an undisturbed run', async () => {
    const whole = await undisturbed(scratchDir());
    const expected = resultOf(whole.dir);
    const base = Math.floor(Math.random() * 2 ** 30);
    for (let i = 0; i < 20; i += 1) {
      const dir = await killedAndResumed(scratchDir(), base + i, whole.journalBytes);
      expect(resultOf(dir), `kill seed ${base + i}`).toEqual(expected);
    }
  }, 900_000);

  it('does so with tournaments, a sequence of random numbers, re-tests and a gate that remembers', async () => {
    const settings = [
      ...['selection=annealing', 'annealing.probability=1', 'rng=python', 'items.selection=2'],
      ...['gate.improvement.test=paired', 'gate.improvement.errorRate=0.4', 'gate.improvement.looks=1'],
      ...['gate.improvement.itemsPerLook=2', 'gate.regression.flakiness=0.2', 'gate.complacency.edits=3'],
    ];
    const whole = await undisturbed(scratchDir(), settings);
    const expected = resultOf(whole.dir);
    const made = expected.generations.filter((g) => g.generation > 0);
    expect(made.every((g) => g.tournament !== undefined && g.gateMemory !== undefined)).toBe(true);
    expect(made.some((g) => (g.checks.at(-1)?.reason ?? '').includes('look 2 of 2'))).toBe(true);
    const base = Math.floor(Math.random() * 2 ** 30);
    for (let i = 0; i < 8; i += 1) {
      const dir = await killedAndResumed(scratchDir(), base + i, whole.journalBytes, settings);
      expect(resultOf(dir), `kill seed ${base + i}`).toEqual(expected);
    }
  }, 900_000);
});
