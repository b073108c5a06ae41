import { resolve } from 'node:path';
import type { ModelConfig } from '../core/config/model-schema.ts';
import type { Model } from '../core/define.ts';
import { ConfigInvalidError, describeError, ModelFailedError } from '../core/errors.ts';
import { openBase } from '../models/embedded/bases/shipped-bases.ts';
import { createEmbeddedModel } from '../models/embedded/embedded-model.ts';
import { createEmbeddedServing, type EmbeddedServing } from '../models/embedded/embedded-serving.ts';
import type { Base } from '../models/embedded/files/base-checkpoint.ts';
import { grammarFor } from '../niches/storage/action-language.ts';
import { tokenizerWords } from '../niches/storage/vocabulary.ts';

/** A model whose weights can be trained and replaced while it is served. */
export interface TrainableModel extends Model {
  readonly base: Base;
  readonly serving: EmbeddedServing;
}

export function isTrainable(model: Model): model is TrainableModel {
  return 'serving' in model && 'base' in model;
}

type EmbeddedConfig = Extract<ModelConfig, { kind: 'embedded' }>;

/** Grammars over the tokens of a vocabulary: a base with other words would mean something else by the same tokens. */
const grammars = { storage: { grammarFor, words: tokenizerWords } } as const;

/**
 * A model of an experiment that is served from this process.
 *
 * With a grammar it is trusted: all that it can say is one of finitely many
 * sentences of fixed words, about things that the prompt listed. Neither code,
 * nor a path, nor an option can be spelled in them, and weights, also damaged
 * or trained ones, do not change what the decoder admits. Without one it may
 * say any text of its vocabulary, bytes included, and is no more trusted than
 * a model behind a server.
 *
 * @throws {ConfigInvalidError} for a base nobody knows, or one whose words are not the grammar's.
 * @throws {WeightsInvalidError} naming the file of a base that cannot be used.
 */
export function openEmbeddedModel(name: string, config: EmbeddedConfig, experimentDir: string): TrainableModel {
  const base = openBase(config.base.includes('/') ? resolve(experimentDir, config.base) : config.base);
  const grammar = config.grammar === undefined ? null : grammars[config.grammar];
  if (grammar !== null) checkWords(name, config, base, grammar.words);
  const serving = createEmbeddedServing({ base });
  const model = createEmbeddedModel({
    ...{ name, base, serving },
    ...(grammar === null ? {} : { grammarFor: (prompt) => automatonOf(grammar.grammarFor, prompt) }),
  });
  return {
    ...model,
    ...{ base, serving },
    isTrusted: grammar !== null,
    complete: (request, signal) =>
      model.complete({ ...request, temperature: request.temperature ?? config.temperature }, signal),
  };
}

/** @throws {ModelFailedError} for a prompt that the grammar has no answer to. */
function automatonOf(of: typeof grammarFor, prompt: string): ReturnType<typeof grammarFor> {
  try {
    return of(prompt);
  } catch (cause) {
    throw new ModelFailedError(`the prompt is not one the grammar answers: ${describeError(cause)}`, { cause });
  }
}

function checkWords(name: string, { grammar, base }: EmbeddedConfig, { vocabulary }: Base, words: readonly string[]) {
  const differs = words.findIndex((word, i) => word !== vocabulary.words[i]);
  if (differs === -1 && vocabulary.words.length === words.length && !vocabulary.hasBytes) return;
  throw new ConfigInvalidError(
    `models.${name}: grammar ${grammar} speaks ${words.length} words, and base ${base} has others; ` +
      'take a base that was made for it, or leave the grammar out',
  );
}
