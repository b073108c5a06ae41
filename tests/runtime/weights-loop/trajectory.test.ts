import { describe, expect, it } from 'vitest';
import { SandboxUnavailableError } from '../../../src/core/errors.ts';
import { promptOf } from '../../../src/niches/storage/observation.ts';
import { planWorld } from '../../../src/niches/storage/plan.ts';
import { advance, newborn } from '../../../src/niches/storage/play.ts';
import { evaluate } from '../../../src/runtime/weights-loop/evaluate.ts';
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

  itNeedsVolumes('counts nothing of what was freed before it began', async () => {
    const host = await hostForTest({ commands: 6 });
    const { step, next } = await advance(host, newborn(plan), ['truncate', '@1']);
    expect(step.deltaBytes).toBeGreaterThan(0);
    const { freedBytes, mostFreedBytes } = await act(host, next!, 1, () => ['ls', '@1']);
    expect([freedBytes, mostFreedBytes]).toEqual([0, 0]);
  });

  itNeedsVolumes('is over when its world is', async () => {
    const host = await hostForTest({ commands: 2 });
    const { moments, ending } = await act(host, newborn(plan), 5, () => ['ls', '@1']);
    expect([moments.length, ending]).toEqual([2, 'out-of-budget']);
  });
});

describe('a life in a held-out world', () => {
  const plan = planWorld({ family: 'web', seed: 3, difficulty: 0 });

  itNeedsVolumes('that freed nothing has no successes, and one that is over is not broken', async () => {
    const host = await hostForTest({ commands: 2 });
    const [life] = await evaluate([host], [plan], { propose: async () => ['ls', '@1'], commands: 5, seed: 1 });
    expect(life).toMatchObject({ commands: 2, successes: 0, freedBytes: 0, isBroken: false });
  });

  itNeedsVolumes('keeps what was seen and said, and what that freed', async () => {
    const host = await hostForTest({ commands: 6 });
    const [life] = await evaluate([host], [plan], { propose: async () => ['truncate', '@1'], commands: 1, seed: 1 });
    const { observation } = newborn(plan);
    expect(life!.successes).toBe(1);
    expect(life!.steps).toEqual([
      {
        ...{ saw: promptOf(observation), said: 'truncate @1', result: 'ok', damage: null },
        ...{ command: `truncate -s 0 -- '${observation.files[0]!.path}'`, deltaBytes: life!.freedBytes },
      },
    ]);
  });
});
