import { describe, expect, it } from 'vitest';
import { type Dataset, makeDataset } from '../../../actors/lineage/training/dataset.ts';
import { chosenGenerations, type Lived, survivors } from '../../../actors/lineage/training/survivors.ts';
import { sha256 } from '../../../src/core/json.ts';
import type { Split } from '../../../src/core/niche.ts';
import type { Evaluation, Trajectory } from '../../../src/core/records.ts';
import { trajectoriesOf, trajectoriesTree } from '../../../src/core/trajectories.ts';
import { createMemoryGenomeStore } from '../../../src/lineage/genome-store.ts';
import { measured, unmeasured } from '../samples.ts';

const lived = (generation: number, score: number): Lived => ({ generation, train: measured(score, 'train') });
const said = (gain: number, ...completions: string[]): Trajectory => ({
  gain,
  steps: completions.map((completion) => ({ prompt: 'free', completion })),
});

describe('the generations that teach', () => {
  const archive = [lived(0, 0.1), lived(1, 0.4), lived(3, 0.4), lived(4, 0.2)];
  const numbers = (regime: Parameters<typeof chosenGenerations>[0], of = archive) =>
    chosenGenerations(regime, of).map(({ generation }) => generation);

  it('are all, the last, or the best by their score on training situations, the older of equals, oldest first', () => {
    expect(numbers('all')).toEqual([0, 1, 3, 4]);
    expect(numbers({ last: 2 })).toEqual([3, 4]);
    expect(numbers({ best: 1 })).toEqual([1]);
    expect(numbers({ best: 3 })).toEqual([1, 3, 4]);
    expect(numbers({ best: 2 }, [lived(0, 0.1), lived(1, 0.2), lived(2, 0.3)])).toEqual([1, 2]);
  });

  it('are none that was not measured on training situations: neither selection nor test feeds training', () => {
    const others = (['selection', 'test'] as Split[]).map((split, i) => ({ generation: i, train: measured(9, split) }));
    expect(numbers('all', [...others, { generation: 5, train: unmeasured() }, { generation: 6, train: null }])).toEqual(
      [],
    );
  });
});

describe('credit', () => {
  const situations = [
    [said(3, 'rm @1'), said(7, 'rm @2'), said(7, 'mv @2'), said(99, 'ls @1', 'rm @1')],
    [said(0, 'ls @1'), said(-5, 'rm @3')],
  ];

  it('best-sibling goes to the one-step trajectory of a situation that gained most, the first of equals', () => {
    expect(survivors('best-sibling', situations)).toEqual([said(7, 'rm @2')]);
  });

  it('trajectory goes to every one that gained, steps that gained nothing included', () => {
    expect(survivors('trajectory', situations)).toEqual(situations[0]);
  });
});

describe('a dataset', () => {
  async function made(
    credit: 'best-sibling' | 'trajectory',
  ): Promise<{ dataset: Dataset; card: Record<string, unknown> }> {
    const genomes = createMemoryGenomeStore();
    const generation = async (n: number, trajectories: readonly Trajectory[]): Promise<Lived> => {
      const train = measured(n, 'train') as Extract<Evaluation, { status: 'measured' }>;
      const tree = await genomes.put(trajectoriesTree(trajectories));
      return { generation: n, train: { ...train, items: [{ ...train.items[0]!, trajectories: tree }] } };
    };
    const archive = [
      await generation(0, [said(3, 'rm @1')]),
      await generation(1, [said(7, 'rm @2'), said(0, 'ls @1')]),
    ];
    const dataset = await makeDataset({ regime: 'all', credit }, archive, genomes);
    return { dataset, card: JSON.parse(textOf(dataset, 'card.json')) };
  }
  const textOf = ({ tree }: Dataset, name: string) => Buffer.from(tree.get(name)!.bytes).toString();

  it('holds what survived, of siblings in one situation across generations, and says by hash what it was made of', async () => {
    const { dataset, card } = await made('best-sibling');
    expect(textOf(dataset, 'replay.jsonl')).toBe('{"completion":"rm @2","prompt":"free"}\n');
    expect(dataset).toMatchObject({ examples: 1, survivors: 1, trajectories: 3, generations: [0, 1] });
    expect(card).toMatchObject({
      regime: 'all',
      credit: 'best-sibling',
      generations: [0, 1],
      situations: 1,
      examples: 1,
    });
    expect(card).toMatchObject({
      sha256: sha256(textOf(dataset, 'replay.jsonl')),
      sources: [expect.any(String), expect.any(String)],
    });
    expect(await made('best-sibling')).toEqual(await made('best-sibling'));
    expect((await made('trajectory')).dataset).toMatchObject({ examples: 2, survivors: 2 });
  });

  it('names the line of a tree that is no trajectory', () => {
    const tree = trajectoriesTree([said(1, 'rm @1'), { steps: [], gain: 1 }]);
    expect(() => trajectoriesOf(tree)).toThrow('trajectories.jsonl:2');
  });
});
