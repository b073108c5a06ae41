import { describe, expect, it } from 'vitest';
import { SandboxUnavailableError } from '../../../src/core/errors.ts';
import { planWorld } from '../../../src/niches/storage/plan.ts';
import { newborn } from '../../../src/niches/storage/play.ts';
import { act, orLost } from '../../../src/runtime/weights-loop/trajectory.ts';
import { hostForTest, itNeedsVolumes } from '../../niches/storage/hosts.ts';

describe('what a sandbox lost', () => {
  it('is tried again, and then said to be lost: never a zero', async () => {
    let tries = 0;
    const failing = async () => {
      tries += 1;
      throw new SandboxUnavailableError('no room');
    };
    expect(await orLost(failing)).toBeNull();
    expect(tries).toBe(3);
    let left = 2;
    expect(await orLost(async () => (left-- > 0 ? failing() : 'there'))).toBe('there');
  });

  it('does not cover up any other error', async () => {
    await expect(orLost(() => Promise.reject(new RangeError('a defect')))).rejects.toThrow('a defect');
  });
});

describe('a trajectory', () => {
  const plan = planWorld({ family: 'web', seed: 3, difficulty: 0 });

  itNeedsVolumes('is as long as it may be, and its ΔR is the sum of what its commands did', async () => {
    const host = await hostForTest({ commands: 6 });
    const { moments, freedBytes, mostFreedBytes, ending } = await act(host, newborn(plan), 3, (_, step) => [
      ...[
        ['cp', '@1', 'to:tmp'],
        ['truncate', '@1'],
        ['touch', '@1'],
      ][step]!,
    ]);
    expect(moments.map(({ sentence }) => sentence[0])).toEqual(['cp', 'truncate', 'touch']);
    const deltas = moments.map(({ step }) => step.deltaBytes);
    expect(freedBytes).toBe(deltas.reduce((sum, bytes) => sum + bytes, 0));
    expect(deltas[0]).toBeLessThan(0);
    expect(mostFreedBytes).toBe(Math.max(0, deltas[0]! + deltas[1]!));
    expect(ending).toBeNull();
    // The second command has seen what the first one did.
    expect(moments[1]!.observation.lastWords).toEqual(['cp', '@1', 'to:tmp']);
  });
});
