import { adapterFiles } from '../../../src/core/adapter.ts';
import type { TrainingConfig } from '../../../src/core/config/training-schema.ts';
import { type FileTree, textFile } from '../../../src/core/file-tree.ts';
import type { GenomeId } from '../../../src/core/ids.ts';
import { canonicalJson, sha256 } from '../../../src/core/json.ts';
import type { Trajectory } from '../../../src/core/records.ts';
import { trajectoriesOf } from '../../../src/core/trajectories.ts';
import type { GenomeReader } from '../../sandbox-access.ts';
import { chosenGenerations, type Lived, survivors } from './survivors.ts';

/** What a training is made of. */
export interface Dataset {
  /** `replay.jsonl`, an example a line, and `card.json`: what they were made of, by hash. */
  readonly tree: FileTree;
  readonly examples: number;
  /** All that was lived in those generations, and how many of them survived. */
  readonly trajectories: number;
  readonly survivors: number;
  readonly generations: readonly number[];
}

/** The dataset of a lineage's next training; the same archive gives the same one. */
export async function makeDataset(
  { regime, credit }: Pick<TrainingConfig, 'regime' | 'credit'>,
  archive: readonly Lived[],
  genomes: GenomeReader,
): Promise<Dataset> {
  const chosen = chosenGenerations(regime, archive);
  const sources = new Set<GenomeId>();
  const bySituation = new Map<string, Trajectory[]>();
  for (const { train } of chosen) {
    for (const { situation, trajectories } of train!.items) {
      if (trajectories === undefined) continue;
      sources.add(trajectories);
      const known = bySituation.get(situation) ?? [];
      bySituation.set(situation, [...known, ...trajectoriesOf(await genomes.get(trajectories))]);
    }
  }
  const kept = survivors(credit, [...bySituation.values()]);
  const lines = kept.flatMap(({ steps }) => steps.map((step) => `${canonicalJson(step)}\n`));
  const replay = lines.join('');
  const generations = chosen.map(({ generation }) => generation);
  const card = {
    ...{ regime, credit, generations, situations: bySituation.size, survivors: kept.length, examples: lines.length },
    // The trees that the trajectories lie in: whoever has them can make this again.
    ...{ sources: [...sources].sort(), sha256: sha256(replay) },
  };
  return {
    tree: new Map([
      ['card.json', textFile(`${canonicalJson(card)}\n`)],
      [adapterFiles.replay, textFile(replay)],
    ]),
    ...{ examples: lines.length, survivors: kept.length, generations },
    trajectories: [...bySituation.values()].flat().length,
  };
}
