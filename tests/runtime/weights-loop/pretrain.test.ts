import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/core/json.ts';
import { writeBase } from '../../../src/models/embedded/files/base-checkpoint.ts';
import { writeBatch } from '../../../src/models/embedded/training/batches.ts';
import { pretrainBase } from '../../../src/runtime/weights-loop/pretrain-base.ts';
import { never } from '../../niches/storage/hosts.ts';
import { scratch, tinyShape } from './tiny-base.ts';

const recipe = { shape: tinyShape, seed: 5, rows: 24, steps: 30, batchSize: 4, learningRate: 4e-3 };

async function bytesOf(change: Partial<typeof recipe> = {}, threads = 1): Promise<string> {
  const directory = scratch();
  const checkpointOf = (key: string) => join(directory, `${key}.safetensors`);
  writeBase(directory, await pretrainBase({ ...recipe, ...change }, { threads, checkpointOf, signal: never }));
  return sha256(readFileSync(join(directory, 'model.safetensors')));
}

describe('making a base', () => {
  it('gives the same bytes for the same recipe, whatever the threads, and others for another seed', async () => {
    const first = await bytesOf();
    expect(await bytesOf({}, 2)).toBe(first);
    expect(await bytesOf({ seed: 6 })).not.toBe(first);
  }, 120_000);

  it('goes on where it was stopped, to the same bytes', async () => {
    const directory = scratch();
    const checkpointOf = (key: string) => join(directory, `${key}.safetensors`);
    const stop = new AbortController();
    let last = 0;
    const onStep = (step: number) => {
      last = step;
      if (step === 10) stop.abort(new Error('stopped'));
    };
    await expect(pretrainBase(recipe, { threads: 1, checkpointOf, onStep, signal: stop.signal })).rejects.toThrow(
      'stopped',
    );
    const steps: number[] = [];
    const base = await pretrainBase(recipe, {
      threads: 1,
      checkpointOf,
      onStep: (step) => steps.push(step),
      signal: never,
    });
    expect(existsSync(base.checkpoint)).toBe(true);
    expect(steps[0]).toBeGreaterThan(1);
    expect(steps[0]).toBeLessThanOrEqual(last + 1);
    expect(base.losses.length).toBe(30);
    writeBase(directory, base);
    expect(sha256(readFileSync(join(directory, 'model.safetensors')))).toBe(await bytesOf());
  }, 120_000);

  it('learns: the last steps predict better than the first', async () => {
    const directory = scratch();
    const checkpointOf = (key: string) => join(directory, key);
    const { losses } = await pretrainBase({ ...recipe, steps: 60 }, { threads: 1, checkpointOf, signal: never });
    expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.5);
  }, 120_000);

  it('is asked for answers and commands, and for nothing that it is only shown', () => {
    const ints = new Int32Array(32);
    const isTarget = [false, false, true, false, true];
    const place = { tokens: 0, targets: 16 };
    const { counted } = writeBatch(ints, place, [{ tokens: [10, 11, 12, 13, 14], firstTarget: 2, isTarget }]);
    expect(counted).toBe(2);
    expect([...ints.subarray(16, 20)]).toEqual([-1, 12, -1, 14]);
  });
});
