import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../src/core/config/parse-experiment.ts';
import type { ArchiveEntry } from '../../src/core/define.ts';
import { chooseParentSelection } from '../../src/runtime/parent-selection.ts';
import type { RunManifest } from '../../src/runtime/run-directory.ts';

const choose = (extra: object, arm: RunManifest['arm'] = 'solo') => {
  const config = parseExperiment({
    ...{ name: 'x', niche: 'circle-packing', budget: { generations: 1 } },
    lineages: { a: { model: 'mutator:numeric' }, b: { model: 'mutator:numeric' } },
    ...extra,
  });
  return chooseParentSelection({ config, arm, experimentDir: '/nowhere' } as unknown as RunManifest);
};
const entry = (generation: number, score: number, failedChildren = 0): ArchiveEntry => ({
  ...{ generation, score, failedChildren, isFull: true, children: 0, isPromoted: true, bytes: 1 },
});
const archive = [entry(0, 1, 1), entry(1, 9, 1), entry(2, 5)];
const draws = { next: () => 0.99, int: (below: number) => below - 1 };

describe('how a run chooses parents', () => {
  it.each<[string, object, RunManifest['arm'], number]>([
    ['best by default', {}, 'solo', 1],
    ['by name', { selection: 'latest' }, 'solo', 2],
    ['by name among those without a failed child', { selection: 'best', parents: 'without-failed-child' }, 'solo', 2],
    [
      "by the arm's own way, among all, whatever the experiment says",
      { selection: 'latest', parents: 'without-failed-child' },
      'iid',
      0,
    ],
  ])('%s', async (_, extra, arm, chosen) => {
    const { select, annealing } = await choose(extra, arm);
    expect(select(archive, draws)).toBe(chosen);
    expect(annealing).toBeNull();
  });

  it('with tournaments when it is annealed, at the chance the experiment gives', async () => {
    const { select, annealing } = await choose({ selection: 'annealing', annealing: { probability: 0.25 } });
    expect(annealing).toEqual({ probability: 0.25, decay: 0.9 });
    const byScore = await choose({ selection: 'score-child-prop' });
    for (const next of [0, 0.3, 0.6, 0.9]) {
      const told = { next: () => next, int: draws.int };
      expect(select(archive, told)).toBe(byScore.select(archive, told));
    }
    expect((await choose({ selection: 'annealing', annealing: {} }, 'sequential')).annealing).toBeNull();
  });

  it('not by a name that is none, and says which there are', async () => {
    await expect(choose({ selection: 'fittest' })).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: expect.stringMatching(/"fittest" is neither a policy \(best, best-smallest, .*annealing\) nor a path/),
    });
  });
});
