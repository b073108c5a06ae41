import { resolve } from 'node:path';
import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import type { ModelConfig } from '../core/config/model-schema.ts';
import type { Model, ModelDefinition } from '../core/define.ts';
import { ConfigInvalidError, PluginInvalidError } from '../core/errors.ts';
import { createCassetteModel } from '../models/cassette-model.ts';
import { parseHyperparameters } from '../models/embedded/training/plan.ts';
import { createMutator } from '../models/mutator/mutator.ts';
import { createOpenAIModel } from '../models/openai-model.ts';
import { openEmbeddedModel } from './embedded-models.ts';
import { loadPlugin, parseParams } from './plugins.ts';

export interface ModelSources {
  readonly config: ExperimentConfig;
  readonly experimentDir: string;
  /** Looks up a secret by the name in `${NAME}`. */
  readonly secret: (name: string) => string | undefined;
}

/** Makes the models that an experiment's lineages use, by name. One set a run. */
export async function createModels(sources: ModelSources): Promise<ReadonlyMap<string, Model>> {
  const models = new Map<string, Model>();
  for (const { model, taskModel, training } of Object.values(sources.config.lineages)) {
    if (training !== undefined) parseHyperparameters(training.hyperparameters);
    for (const name of taskModel === undefined ? [model] : [model, taskModel]) {
      if (!models.has(name)) models.set(name, await createModel(sources, name, []));
    }
  }
  return models;
}

async function createModel(sources: ModelSources, name: string, within: readonly string[]): Promise<Model> {
  if (within.includes(name))
    throw new ConfigInvalidError(`model ${name} records itself: ${[...within, name].join(' → ')}`);
  const mix = /^mutator:(numeric|structural)$/.exec(name)?.[1];
  if (mix !== undefined) return createMutator({ name, mix: mix as 'numeric' | 'structural' });
  const config = sources.config.models[name];
  if (config === undefined) throw new ConfigInvalidError(`no model ${JSON.stringify(name)}`);
  switch (config.kind) {
    case 'openai':
      return checkPrice(sources, createOpenAIModel({ ...config, name, apiKey: keyOf(sources, name, config) }));
    case 'cassette': {
      const of = config.of === undefined ? undefined : await createModel(sources, config.of, [...within, name]);
      return createCassetteModel({ name, file: resolve(sources.experimentDir, config.file), mode: config.mode, of });
    }
    case 'embedded':
      return openEmbeddedModel(name, config, sources.experimentDir);
    case 'module':
      return checkPrice(sources, await loadModel(sources, name, config));
  }
}

/** @throws {ConfigInvalidError} for a limit in USD on a model whose price nobody knows: it could not be kept. */
function checkPrice({ config }: ModelSources, model: Model): Model {
  if (config.budget.usd === undefined && config.lineageBudget.usd === undefined) return model;
  const isChatPriced = model.price(1, 1) !== null;
  const areEmbeddingsPriced = model.embed === undefined || (model.embedPrice?.(1) ?? null) !== null;
  if (isChatPriced && areEmbeddingsPriced) return model;
  throw new ConfigInvalidError(
    `the budget has a limit in USD, and model ${model.name} has no price${isChatPriced ? ' for its embeddings' : ''}: ` +
      'give it one, or limit tokens instead',
  );
}

function keyOf(
  sources: ModelSources,
  name: string,
  config: Extract<ModelConfig, { kind: 'openai' }>,
): string | undefined {
  if (config.apiKey === undefined) return undefined;
  const variable = config.apiKey.slice(2, -1);
  const value = sources.secret(variable);
  if (value === undefined || value === '') {
    throw new ConfigInvalidError(`model ${name} needs the environment variable ${variable}, which is not set`);
  }
  return value;
}

async function loadModel(
  sources: ModelSources,
  name: string,
  config: Extract<ModelConfig, { kind: 'module' }>,
): Promise<Model> {
  const definition = await loadPlugin<ModelDefinition<never>>('model', config.module, sources.experimentDir);
  const model = definition.create(parseParams(definition, config.params));
  if (
    typeof model?.complete !== 'function' ||
    typeof model.price !== 'function' ||
    typeof model.isTrusted !== 'boolean'
  ) {
    throw new PluginInvalidError(
      `model ${name} (${definition.name}): create() must return { name, isTrusted, contextTokens, complete, price }`,
    );
  }
  const { embed, embedPrice } = model;
  return {
    ...model,
    name,
    complete: model.complete.bind(model),
    price: model.price.bind(model),
    ...(embed === undefined ? {} : { embed: embed.bind(model) }),
    ...(embedPrice === undefined ? {} : { embedPrice: embedPrice.bind(model) }),
  };
}
