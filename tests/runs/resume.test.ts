import { describe, expect, it } from 'vitest';
import { scratchDir } from '../support/example-run.ts';
import { killedAndResumed, resultOf, undisturbed } from './kill-and-resume.ts';

describe('resume', () => {
  it('continues a killed run to the result of an undisturbed one, commits and notes included', async () => {
    const whole = await undisturbed(scratchDir());
    const seed = Math.floor(Math.random() * 2 ** 31);
    const dir = await killedAndResumed(scratchDir(), seed, whole.journalBytes);
    expect(resultOf(dir), `kill seed ${seed}`).toEqual(resultOf(whole.dir));
  }, 120_000);
});
