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
});
