import { join } from 'node:path';
import { WeightsInvalidError } from '../../src/core/errors.ts';
import type { LineageId } from '../../src/core/ids.ts';
import type { AdapterStore, StoredAdapter } from '../../src/lineage/lineage.ts';
import type { Serving } from '../../src/models/serving.ts';
import type { Adapter, Trainer } from '../../src/models/trainer.ts';

/** Where weights are made, kept and put into service. */
export interface WeightsPorts {
  readonly trainer: Trainer;
  readonly adapters: AdapterStore;
  readonly serving: Serving;
  /** Adapters lie in `<adaptersDir>/<id>`. */
  readonly adaptersDir: string;
}

/** An adapter that is kept, and the name that it is called by. */
export interface WeightsInService {
  readonly adapter: StoredAdapter;
  readonly model: string;
}

export interface Placing {
  readonly lineage: LineageId;
  readonly generation: number;
}

/** Keeps an adapter and puts it into service: in that order, so that what answers can be found again. */
export async function keepAndServe(
  { adapters, serving }: WeightsPorts,
  adapter: Adapter,
  placing: Placing,
  signal: AbortSignal,
): Promise<WeightsInService> {
  const stored = await adapters.put(adapter.directory);
  if (stored.id !== adapter.id) {
    throw new WeightsInvalidError(`${adapter.directory}: its content is ${stored.id}, not ${adapter.id}`);
  }
  return { adapter: stored, model: await serving.activate({ adapter, ...placing }, signal) };
}

/** Brings a kept adapter back as files, with the optimiser's state and the examples that belong to it. */
export async function bringBack(
  { adapters, serving, adaptersDir }: WeightsPorts,
  stored: StoredAdapter,
): Promise<Adapter> {
  const directory = join(adaptersDir, stored.id);
  const id = await adapters.restore(stored.tree, directory);
  if (id === stored.id) return { id, base: serving.base, directory };
  throw new WeightsInvalidError(`the tree ${stored.tree} holds adapter ${id}, not ${stored.id}`);
}
