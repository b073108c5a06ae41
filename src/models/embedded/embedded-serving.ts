import { ModelFailedError } from '../../core/errors.ts';
import type { LineageId } from '../../core/ids.ts';
import { type Activation, type Serving, servedName } from '../serving.ts';
import type { Base } from './files/base-checkpoint.ts';
import { mergedWeights, readKnownAdapter } from './files/peft-adapter.ts';
import { createSampler, type Sampler } from './sampling/sampler.ts';
import { special } from './tokenizer.ts';

export interface EmbeddedServing extends Serving {
  /**
   * What a name stands for now. A text begun under a name that is replaced is finished.
   * @throws {ModelFailedError} for a name that is not in service.
   */
  sampler(name: string): Sampler;
}

export interface EmbeddedServingOptions {
  readonly base: Base;
  /** Texts worked on at a time, for each name. Default 64. */
  readonly slots?: number;
}

/** Serves a base and adapters of it from this process, each merged into weights of its own. */
export function createEmbeddedServing({ base, slots = 64 }: EmbeddedServingOptions): EmbeddedServing {
  const { shape } = base;
  const samplers = new Map<string, Sampler>([[base.name, createSampler(shape, base.weights, slots)]]);
  const current = new Map<LineageId, string>();
  /** Activations come one after another, so that the last one asked for is the one that stays. */
  let turn: Promise<unknown> = Promise.resolve();

  async function activate(activation: Activation, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const name = servedName(base.name, activation);
    const { lineage } = activation;
    const old = current.get(lineage);
    if (old === name) return name;
    const sampler = createSampler(shape, mergedWeights(base, readKnownAdapter(activation.adapter, base)), slots);
    await probe(name, sampler, signal);
    samplers.set(name, sampler);
    current.set(lineage, name);
    if (old !== undefined) samplers.delete(old);
    return name;
  }

  return {
    base: base.name,
    activate(activation, signal) {
      const activated = turn.then(() => activate(activation, signal));
      turn = activated.catch(() => {});
      return activated;
    },
    inService: (lineage) => current.get(lineage) ?? base.name,
    names: () => [...samplers.keys()],
    sampler(name) {
      const sampler = samplers.get(name);
      if (sampler !== undefined) return sampler;
      throw new ModelFailedError(`no model ${name} is in service; there are ${[...samplers.keys()].join(', ')}`);
    },
    async [Symbol.asyncDispose]() {
      await turn;
      samplers.clear();
      current.clear();
    },
  };
}

/** One token from an empty prompt: enough to see whether the weights yield numbers. */
async function probe(name: string, sampler: Sampler, signal: AbortSignal): Promise<void> {
  const { begin, separator, end } = special;
  const request = {
    prompt: [begin, separator],
    maxTokens: 1,
    temperature: 0,
    topP: 1,
    seed: 0,
    end,
    scoresPrompt: true,
  };
  try {
    await sampler.sample(request, signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw new ModelFailedError(`${name} does not answer its probe`, { cause });
  }
}
