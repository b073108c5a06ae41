import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { inService } from '../../actors/lineage/lineage-state.ts';
import type { TrainerPorts } from '../../actors/trainer/create-trainer.ts';
import { bringBack } from '../../actors/trainer/weights.ts';
import { lineageConfig } from '../core/config/check-training.ts';
import type { Model } from '../core/define.ts';
import { ConfigInvalidError, ModelFailedError, WeightsInvalidError } from '../core/errors.ts';
import type { GenomeId, LineageId } from '../core/ids.ts';
import type { Fact, Journal } from '../core/journal.ts';
import type { ResultOf } from '../core/messages.ts';
import type { ServedWeights } from '../core/records.ts';
import { openAdapterStore } from '../lineage/adapter-store.ts';
import type { AdapterStore, GenomeStore } from '../lineage/lineage.ts';
import { createEmbeddedTrainer } from '../models/embedded/embedded-trainer.ts';
import { isTrainable, type TrainableModel } from './embedded-models.ts';
import { type RunManifest, runPaths } from './run-directory.ts';
import type { KnownLineage } from './run-state.ts';

/** More threads than gradient shards are of no use. */
const mostThreads = 4;

interface Learner {
  readonly ports: TrainerPorts;
  readonly model: TrainableModel;
}

interface Parts {
  readonly models: ReadonlyMap<string, Model>;
  readonly genomes: GenomeStore;
  readonly journal: Journal;
  readonly lineages: ReadonlyMap<LineageId, KnownLineage>;
  readonly signal: AbortSignal;
}

/** Weights that went into service, and for which generation. */
interface Placed extends ServedWeights {
  readonly lineage: LineageId;
  readonly generation: number;
  readonly isRolledBack: boolean;
}

/**
 * The weights of a run's lineages: who trains them, and what a name in service
 * stands for. Names come from the journal, so after a crash they stand for the
 * same weights, which are brought back when somebody asks for them.
 */
export class RunWeights {
  readonly #dir: string;
  readonly #manifest: RunManifest;
  readonly #placed = new Map<string, Placed>();
  readonly #learners = new Map<LineageId, Learner>();
  #models: ReadonlyMap<string, Model> = new Map();
  #adapters: AdapterStore | null = null;

  constructor(dir: string, manifest: RunManifest) {
    this.#dir = dir;
    this.#manifest = manifest;
  }

  /** What the journal knows of weights. */
  apply({ type, key, body }: Fact): void {
    if (type !== 'trainer.finished') return;
    const result = body as unknown as ResultOf<'trainer'>;
    if (result.status === 'failed') return;
    const [lineage, generation, kind] = key.split('/');
    const { adapter, model } = result;
    const when = { lineage: lineage as LineageId, generation: Number(generation), isRolledBack: kind === 'roll-back' };
    this.#placed.set(model, { adapter, model, ...when });
  }

  /**
   * Puts what was in service back into service.
   * @throws {WeightsInvalidError} naming what is damaged or missing: without it the run would go on as another one.
   */
  async open({ models, genomes, journal, lineages, signal }: Parts): Promise<void> {
    this.#models = models;
    const { lineage: repository, adapters: adaptersDir, trainings: checkpointsDir } = runPaths(this.#dir);
    const threads = Math.min(mostThreads, availableParallelism());
    for (const [id, { member, state }] of lineages) {
      const { taskModel, training } = lineageConfig(this.#manifest.config, id);
      const model = models.get(taskModel ?? member.model);
      if (training === undefined) continue;
      if (model === undefined || !isTrainable(model)) {
        throw new ConfigInvalidError(`lineage ${id} is to learn, and its model has no weights to train`);
      }
      const { base, serving } = model;
      this.#adapters ??= openAdapterStore({ dir: repository, genomes });
      const trainer = createEmbeddedTrainer({ base, adaptersDir, checkpointsDir, threads });
      const ports = { trainer, adapters: this.#adapters, serving, adaptersDir, genomes, journal };
      this.#learners.set(id, { ports, model });
      const current = inService(state);
      if (current !== null) await this.modelOf(id, current.model, signal);
    }
  }

  /** `null` for a lineage that does not learn. */
  trainerPorts(lineage: LineageId): TrainerPorts | null {
    return this.#learners.get(lineage)?.ports ?? null;
  }

  /**
   * A model by the name that a request gives it: one of the experiment's, or weights that were in service, which are
   * put there again if others have taken their place.
   * @throws {ModelFailedError} for a name that was never in service for this lineage.
   * @throws {WeightsInvalidError} when those weights are damaged or gone.
   */
  async modelOf(lineage: LineageId, name: string, signal: AbortSignal): Promise<Model> {
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const learner = this.#learners.get(lineage);
    const placed = this.#placed.get(name);
    if (learner === undefined || placed?.lineage !== lineage) {
      throw new ModelFailedError(`no weights of lineage ${lineage} were ever in service as ${JSON.stringify(name)}`);
    }
    const { ports, model } = learner;
    if (!model.serving.names().includes(name)) {
      const { generation } = placed;
      const adapter = await bringBack(ports, placed.adapter);
      const served = await model.serving.activate({ adapter, lineage, generation }, signal);
      if (served !== name) throw new WeightsInvalidError(`${name} cannot be served: its weights answer as ${served}`);
    }
    return model;
  }

  /**
   * Removes weights that no commit names, once everything is checkpointed, and all working copies: they are brought
   * back when they are asked for. Kept is what may be in service, or come to be, without a commit of its own: what the
   * latest generation placed, and what a rollback did.
   */
  async prune(): Promise<void> {
    if (this.#adapters === null) return;
    const latest = new Map<LineageId, number>();
    for (const { lineage, generation } of this.#placed.values()) {
      latest.set(lineage, Math.max(generation, latest.get(lineage) ?? 0));
    }
    const inFlight = [...this.#placed.values()]
      .filter(({ lineage, generation, isRolledBack }) => isRolledBack || latest.get(lineage) === generation)
      .map(({ adapter }): GenomeId => adapter.tree);
    await this.#adapters.prune(inFlight);
    rmSync(runPaths(this.#dir).adapters, { recursive: true, force: true });
  }
}
