import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { describeError, WeightsInvalidError } from '../../../core/errors.ts';
import { canonicalJson, sha256 } from '../../../core/json.ts';
import { normEpsilon, rotaryBase, weightLayout } from '../layout.ts';
import { type ModelShape, modelShapeSchema, type Projection, projectionSize, projections } from '../shape.ts';
import { createTokenizer, special, type Vocabulary, vocabularySchema } from '../tokenizer.ts';
import { decodeTensors, encodeTensors, type Tensor, takeTensor, writeWhole } from './safetensors.ts';

/** A model that adapters are trained on. */
export interface Base {
  /** Part of the names of everything served from it. */
  readonly name: string;
  /** Of shape, weights and vocabulary together. */
  readonly sha256: string;
  readonly shape: ModelShape;
  /** In the order of `weightLayout`. */
  readonly weights: Float32Array;
  readonly vocabulary: Vocabulary;
}

const files = { config: 'config.json', weights: 'model.safetensors', vocabulary: 'vocabulary.json' } as const;

/** Where the tensors of a layer lie in `LlamaForCausalLM`. */
export function tensorPath(layer: number, name: Projection): string {
  const block = /^(gate|up|down)_/.test(name) ? 'mlp' : 'self_attn';
  return `model.layers.${layer}.${block}.${name}`;
}

/** Every tensor's name, offset and shape. */
function tensorPlaces(shape: ModelShape) {
  const layout = weightLayout(shape);
  const norm = (name: string, at: number) => ({ name: `${name}.weight`, at, shape: [shape.hiddenSize] });
  return [
    { name: 'model.embed_tokens.weight', at: layout.embedding, shape: [shape.vocabularySize, shape.hiddenSize] },
    norm('model.norm', layout.finalNorm),
    ...layout.layers.flatMap((layer, i) => [
      norm(`model.layers.${i}.input_layernorm`, layer.inputNorm),
      norm(`model.layers.${i}.post_attention_layernorm`, layer.postAttentionNorm),
      ...projections.map((name) => {
        const { outputs, inputs } = projectionSize(shape, name);
        return { name: `${tensorPath(i, name)}.weight`, at: layer[name], shape: [outputs, inputs] };
      }),
    ]),
  ];
}

/** A directory that `AutoModelForCausalLM.from_pretrained` loads as well, with our vocabulary beside it. */
export function writeBase(directory: string, { shape, weights, vocabulary }: Omit<Base, 'name' | 'sha256'>): void {
  const tensors = tensorPlaces(shape).map(({ name, at, shape: size }): [string, Tensor] => {
    return [name, { shape: size, data: weights.slice(at, at + size.reduce((a, b) => a * b)) }];
  });
  mkdirSync(directory, { recursive: true });
  const json = (value: unknown) => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
  writeWhole(join(directory, files.vocabulary), json(vocabulary));
  writeWhole(join(directory, files.config), json(llamaConfig(shape)));
  const bytes = encodeTensors({ tensors: Object.fromEntries(tensors), metadata: { format: 'pt' } });
  writeWhole(join(directory, files.weights), bytes);
}

function llamaConfig(shape: ModelShape) {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: shape.vocabularySize,
    hidden_size: shape.hiddenSize,
    intermediate_size: shape.feedForwardSize,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.heads,
    max_position_embeddings: shape.contextLength,
    rms_norm_eps: normEpsilon,
    rope_theta: rotaryBase,
    hidden_act: 'silu',
    tie_word_embeddings: true,
    attention_bias: false,
    mlp_bias: false,
    torch_dtype: 'float32',
    bos_token_id: special.begin,
    eos_token_id: special.end,
  };
}

/** What must be so for our arithmetic to be the model's; other keys are transformers' own business. */
const configSchema = z
  .object({
    model_type: z.literal('llama'),
    hidden_act: z.literal('silu').default('silu'),
    tie_word_embeddings: z.literal(true),
    attention_bias: z.literal(false).default(false),
    mlp_bias: z.literal(false).default(false),
    rms_norm_eps: z.literal(normEpsilon),
    rope_theta: z.literal(rotaryBase).default(rotaryBase),
    /** Where transformers 5 writes it. */
    rope_parameters: z
      .object({ rope_theta: z.literal(rotaryBase), rope_type: z.literal('default').default('default') })
      .nullish(),
    rope_scaling: z.null().optional(),
    ...{ vocab_size: z.int(), hidden_size: z.int(), intermediate_size: z.int(), num_hidden_layers: z.int() },
    ...{ num_attention_heads: z.int(), num_key_value_heads: z.int(), max_position_embeddings: z.int() },
  })
  .refine((c) => c.num_key_value_heads === c.num_attention_heads, {
    path: ['num_key_value_heads'],
    error: 'must equal num_attention_heads',
  })
  .transform((c) => ({
    vocabularySize: c.vocab_size,
    hiddenSize: c.hidden_size,
    feedForwardSize: c.intermediate_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    contextLength: c.max_position_embeddings,
  }))
  .pipe(modelShapeSchema);

/**
 * @param name - How it is called from here on.
 * @throws {WeightsInvalidError} naming the file, and the tensor or key, that cannot be used.
 */
export function readBase(directory: string, name: string): Base {
  const [config, weightsFile, vocabularyFile] = [files.config, files.weights, files.vocabulary].map((f) =>
    join(directory, f),
  );
  const shape = readJson(config!, configSchema);
  const vocabulary = readJson(vocabularyFile!, vocabularySchema);
  const size = createTokenizer(vocabulary).size;
  if (size !== shape.vocabularySize) {
    throw new WeightsInvalidError(`${vocabularyFile} makes ${size} tokens; ${config} says ${shape.vocabularySize}`);
  }
  const bytes = readBytes(weightsFile!);
  const file = decodeTensors(bytes, weightsFile!);
  const weights = new Float32Array(weightLayout(shape).count);
  for (const place of tensorPlaces(shape))
    weights.set(takeTensor(file, place.name, place.shape, weightsFile!), place.at);
  return { name, sha256: sha256(canonicalJson([shape, vocabulary, sha256(bytes)])), shape, weights, vocabulary };
}

/** @throws {WeightsInvalidError} */
export function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new WeightsInvalidError(`${file}: cannot be read: ${describeError(cause)}`, { cause });
  }
}

/** @throws {WeightsInvalidError} naming every key that is wrong. */
export function readJson<T>(file: string, schema: z.ZodType<T>): T {
  const text = readBytes(file).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new WeightsInvalidError(`${file}: not JSON`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new WeightsInvalidError(`${file}: not what this model can be\n${z.prettifyError(parsed.error)}`);
}
