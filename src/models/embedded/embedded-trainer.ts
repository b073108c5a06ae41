import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { adapterFiles } from '../../core/adapter.ts';
import { ConfigInvalidError, describeError, TrainingFailedError } from '../../core/errors.ts';
import { canonicalJson, sha256 } from '../../core/json.ts';
import type { Trainer, TrainingJob } from '../trainer.ts';
import { kernelsHash } from './device.ts';
import type { Base } from './files/base-checkpoint.ts';
import { readKnownAdapter, writeAdapter } from './files/peft-adapter.ts';
import { encodeTensors } from './files/safetensors.ts';
import { interpolate } from './interpolate.ts';
import { createTokenizer, exampleTokens, type Tokenizer } from './tokenizer.ts';
import type { TokenExample } from './training/batches.ts';
import { parseHyperparameters } from './training/plan.ts';
import { type TrainedWeights, trainWeights } from './training/train-weights.ts';

export interface EmbeddedTrainerOptions {
  readonly base: Base;
  /** Adapters are written to `<adaptersDir>/<id>`. */
  readonly adaptersDir: string;
  /** Checkpoints of trainings that are under way, one file a job; taken away when it is done. */
  readonly checkpointsDir: string;
  readonly threads: number;
  /** Steps that a kill may cost. Default 50. */
  readonly checkpointEverySteps?: number;
}

/** LoRA in worker threads of this process. Its bits depend on the job alone. */
export function createEmbeddedTrainer(options: EmbeddedTrainerOptions): Trainer {
  const { base, adaptersDir, checkpointsDir, threads, checkpointEverySteps = 50 } = options;
  const tokenizer = createTokenizer(base.vocabulary);
  return {
    async train(job, { signal, onProgress }) {
      signal.throwIfAborted();
      if (job.base !== base.name) {
        throw new ConfigInvalidError(
          `this trainer has base ${base.name}, and the job asks for ${JSON.stringify(job.base)}`,
        );
      }
      const hyperparameters = parseHyperparameters(job.hyperparameters);
      const examples = job.dataset.map((_, i) => toTokens(tokenizer, job, i));
      const provenance = provenanceOf(job, base, hyperparameters);
      const file = join(checkpointsDir, `${sha256(canonicalJson(provenance))}.safetensors`);
      mkdirSync(checkpointsDir, { recursive: true });
      const { rank, alpha } = hyperparameters;
      const {
        trained,
        moments,
        curve: steps,
      } = await trainWeights(
        {
          ...{ shape: base.shape, base: base.weights, lora: { rank, alpha }, examples, hyperparameters },
          ...{ seed: job.seed, threads, checkpoint: { file, everySteps: checkpointEverySteps } },
          onStep: (step, { loss }) => onProgress?.({ step, loss }, hyperparameters.steps),
        },
        signal,
      );
      const curve = steps.map(({ loss }, i) => ({ step: i + 1, loss }));
      const metrics = {
        ...{ steps: curve.length, examples: examples.length },
        ...{ firstLoss: curve[0]!.loss, lastLoss: curve.at(-1)!.loss },
      };
      const adapter = { rank, alpha, floats: trained };
      const id = writeAdapter(adaptersDir, base, adapter, { ...provenance, metrics, curve }, toGoOn(job, moments));
      // Only now: killed before this line, the job asked for again comes to the same adapter.
      rmSync(file, { force: true });
      return {
        adapter: { id, base: base.name, directory: join(adaptersDir, id) },
        metrics,
        curve,
      };
    },
    async blend({ good, current, share }) {
      const weights = interpolate(readKnownAdapter(good, base), readKnownAdapter(current, base), share);
      const provenance = { blend: { good: good.id, current: current.id, share }, base: nameOf(base) };
      const id = writeAdapter(adaptersDir, base, weights, provenance, filesToGoOn(good.directory));
      return { id, base: base.name, directory: join(adaptersDir, id) };
    },
  };
}

function filesToGoOn(directory: string): Record<string, Uint8Array> {
  const names = [adapterFiles.optimizer, adapterFiles.replay].filter((name) => existsSync(join(directory, name)));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name))]));
}

function nameOf({ name, sha256: hash }: Base) {
  return { name, sha256: hash };
}

/** What a training that goes on from here needs besides the weights: the optimiser's moments and the examples. */
function toGoOn({ dataset }: TrainingJob, { mean, variance }: TrainedWeights['moments']): Record<string, Uint8Array> {
  const tensor = (data: Float32Array) => ({ shape: [data.length], data });
  const tensors = { exp_avg: tensor(mean), exp_avg_sq: tensor(variance) };
  return {
    [adapterFiles.optimizer]: encodeTensors({ tensors, metadata: { format: 'pt' } }),
    [adapterFiles.replay]: Buffer.from(dataset.map((example) => `${canonicalJson(example)}\n`).join('')),
  };
}

/** All that decides the result, which makes it the name of the job's checkpoint too. */
function provenanceOf(job: TrainingJob, base: Base, hyperparameters: Readonly<Record<string, number>>) {
  return {
    ...{ trainer: 'embedded', kernels: kernelsHash(), method: job.method, seed: job.seed, hyperparameters },
    base: nameOf(base),
    dataset: { examples: job.dataset.length, sha256: sha256(canonicalJson(job.dataset)) },
  };
}

function toTokens(tokenizer: Tokenizer, { dataset, method }: TrainingJob, i: number): TokenExample {
  const { prompt, completion, label } = dataset[i]!;
  const where = `example ${i + 1} of ${dataset.length}`;
  if (label === false && method === 'sft') {
    throw new TrainingFailedError(
      `${where} is labeled false, and method sft would teach it: leave it out, or use method sft-unlikelihood`,
    );
  }
  try {
    return { ...exampleTokens(tokenizer, prompt, completion), isWrong: label === false };
  } catch (cause) {
    throw new TrainingFailedError(`${where}: ${describeError(cause)}`, { cause });
  }
}
