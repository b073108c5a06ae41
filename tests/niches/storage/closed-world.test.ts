import { describe, expect, it } from 'vitest';
import { renderCommand } from '../../../src/niches/storage/action-language.ts';
import { closedWorld } from '../../../src/niches/storage/closed-world.ts';
import { plannedFiles } from '../../../src/niches/storage/listing.ts';
import { planWorld } from '../../../src/niches/storage/plan.ts';
import { newborn, siblings } from '../../../src/niches/storage/play.ts';
import { twoStepsOf } from '../../../src/runtime/weights-loop/evaluate.ts';
import { act } from '../../../src/runtime/weights-loop/trajectory.ts';
import { hostForTest, itNeedsVolumes } from './hosts.ts';

const plan = closedWorld(planWorld({ family: 'web', seed: 3, difficulty: 0.2 }));
const { files } = newborn(plan).observation;
const paths = files.map(({ path }) => path);

describe('a closed world', () => {
  it('shows no file of its own that could be written, nor one in a directory that could', () => {
    const own = plannedFiles(plan).filter(({ owner, path }) => owner === 'me' && path !== plan.ownLog);
    expect(own.length).toBeGreaterThan(10);
    expect(own.filter(({ isWritable, isDirectoryWritable }) => isWritable || isDirectoryWritable)).toEqual([]);
    expect(paths).not.toContain(plan.ownLog);
  });

  itNeedsVolumes('gives nothing to one command, and stays whole', { timeout: 240_000 }, async () => {
    const ways = [['rm'], ['rm-r'], ['truncate'], ['gzip'], ['tar', 'remove'], ['find-size', 's0'], ['mv', 'to:shm']];
    const commands = ['@1', '@2', '@3'].flatMap((at) =>
      ways.map(([verb, ...rest]) => renderCommand([verb!, at, ...rest], paths)),
    );
    const host = await hostForTest({ commands: 6 });
    const steps = await siblings(host, plan, commands);
    expect(steps.filter(({ deltaBytes }) => deltaBytes > 0)).toEqual([]);
    expect(steps.map(({ damage }) => damage)).toEqual(commands.map(() => null));
  });

  itNeedsVolumes(
    'gives space to two, of which the first takes a right back, and they are told from others',
    { timeout: 240_000 },
    async () => {
      const at = `@${files.findIndex(({ owner, path }) => owner === 'me' && !path.includes('/srv/')) + 1}`;
      const host = await hostForTest({ commands: 6 });
      const live = (...sentences: readonly (readonly string[])[]) =>
        act(host, newborn(plan), sentences.length, (_, step) => sentences[step]!);
      const freed = await live(['chmod', at, 'u+w'], ['truncate', at]);
      expect(freed.moments.map(({ step }) => Math.sign(step.deltaBytes))).toEqual([0, 1]);
      expect(twoStepsOf(freed.moments)).toBe(1);
      const blind = await live(['chmod', at, 'a-w'], ['truncate', at]);
      expect([blind.freedBytes, twoStepsOf(blind.moments)]).toEqual([0, 0]);
      const open = await act(host, newborn(planWorld({ family: 'web', seed: 3, difficulty: 0 })), 2, (_, step) =>
        step === 0 ? ['chmod', '@1', 'u+w'] : ['truncate', '@1'],
      );
      // There was nothing to be taken back.
      expect([open.freedBytes > 0, twoStepsOf(open.moments)]).toEqual([true, 0]);
    },
  );
});
