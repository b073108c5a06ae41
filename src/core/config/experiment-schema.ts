import { z } from 'zod';
import { isToken } from '../ids.ts';
import { roleNames } from '../messages.ts';
import { armNames } from './arms.ts';

const token = z.string().refine(isToken, { error: 'use 1 to 63 of a-z, 0-9 and "-"' });
const positive = z.int().positive();

const priceSchema = z.strictObject({
  /** USD per million tokens. */
  promptUsdPerMTok: z.number().nonnegative(),
  completionUsdPerMTok: z.number().nonnegative(),
});

const openaiModelSchema = z.strictObject({
  kind: z.literal('openai'),
  /** The provider's name of the model. */
  model: z.string().min(1),
  baseUrl: z.url().optional(),
  /** Only as `${NAME}`: the value is read from the environment and never written down. */
  apiKey: z
    .string()
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what the user has to write
    .regex(/^\$\{[A-Z_][A-Z0-9_]*\}$/, { error: 'write ${NAME}: secrets come from the environment' })
    .optional(),
  price: priceSchema.optional(),
  maxRetries: z.int().min(0).max(20).default(5),
  timeoutMs: positive.default(120_000),
});
const moduleModelSchema = z.strictObject({
  kind: z.literal('module'),
  module: z.string().min(1),
  params: z.json().optional(),
});
const cassetteModelSchema = z.strictObject({
  kind: z.literal('cassette'),
  /** JSON Lines file, relative to the experiment file. */
  file: z.string().min(1),
  mode: z.enum(['record', 'replay', 'auto']),
  /** The model that is recorded; not needed to replay. */
  of: z.string().min(1).optional(),
});
export const modelSchema = z.discriminatedUnion('kind', [openaiModelSchema, cassetteModelSchema, moduleModelSchema]);
export type ModelConfig = z.output<typeof modelSchema>;

const pluginSchema = z.union([
  z
    .string()
    .min(1)
    .transform((module) => ({ module, params: {} as z.core.util.JSONType })),
  z.strictObject({ module: z.string().min(1), params: z.json().default({}) }),
]);

const budgetSchema = z.strictObject({
  /** Rounds; each lineage makes one generation a round. */
  generations: z.int().min(1).max(1_000_000),
  tokens: positive.optional(),
  usd: z.number().positive().optional(),
  evaluations: positive.optional(),
  wallMs: positive.optional(),
  /** Rounds without a promotion in a lineage after which that lineage stops. */
  stagnation: positive.optional(),
});

const sandboxSchema = z
  .strictObject({
    /** `auto` takes the strongest usable one; a path names a module. */
    provider: z.string().min(1).default('auto'),
    /** Without it, `process` refuses models that are not trusted. */
    allowUnsafe: z.boolean().default(false),
    memoryMiB: z.int().min(64).default(512),
    cpus: z.number().positive().default(1),
    pids: z.int().min(16).default(128),
    diskMiB: z.int().min(1).default(64),
    maxOutputBytes: z.int().min(1_024).max(67_108_864).default(1_048_576),
  })
  .prefault({});

export const experimentSchema = z.strictObject({
  name: token,
  question: z.string().default(''),
  niche: pluginSchema,
  /** The directory of generation 0, relative to the experiment file. */
  seed: z.string().min(1).default('seed'),
  lineages: z
    .record(token, z.strictObject({ model: z.string().min(1), seed: z.string().min(1).optional() }))
    .refine((l) => Object.keys(l).length >= 1, { error: 'name at least one lineage' }),
  models: z.record(token, modelSchema).default({}),
  arms: z.array(z.enum(armNames)).min(1).default(['paired', 'solo', 'sham', 'iid', 'sequential']),
  seeds: z
    .array(
      z
        .int()
        .min(0)
        .max(2 ** 31 - 1),
    )
    .min(1)
    .default([1]),
  budget: budgetSchema,
  /** What each lineage may spend on its own, in each run. */
  lineageBudget: budgetSchema.omit({ generations: true, stagnation: true, wallMs: true }).prefault({}),
  items: z
    .strictObject({ train: positive.default(1), selection: positive.default(1), test: positive.default(1) })
    .prefault({}),
  /** How a parent is chosen; a path names a module. Arms `iid` and `sequential` bring their own. */
  selection: z.union([z.enum(['best', 'latest', 'random', 'root']), pluginSchema]).default('best'),
  sandbox: sandboxSchema,
  schedule: z.literal('rounds').default('rounds'),
  clock: z.enum(['logical', 'wall']).default('logical'),
  metaAgent: z
    .strictObject({
      wallMs: positive.default(60_000),
      maxCalls: positive.default(40),
      maxToolCalls: positive.default(80),
      maxTokens: positive.default(200_000),
      /** Ceiling of one answer; reserved from the budget before the call. */
      maxCompletionTokens: positive.default(4_096),
    })
    .prefault({}),
  task: z
    .strictObject({
      wallMs: positive.default(10_000),
      /** 0: the task agent has no model, and no gateway is opened for it. */
      maxCalls: z.int().nonnegative().default(40),
      attempts: positive.default(2),
    })
    .prefault({}),
  genome: z
    .strictObject({
      maxFiles: positive.default(200),
      maxBytes: positive.default(1_048_576),
      maxFileBytes: positive.default(262_144),
      /** Lines one generation may add in all. */
      maxGrowthLines: positive.default(2_000),
    })
    .prefault({}),
  /** Provenance: when a child counts as having adopted from a peer. */
  adoption: z
    .strictObject({
      /** Distinct lines of the child that exist in the peer's tree and not in its own ancestry. */
      minLines: positive.default(2),
      /** The same as a share of all lines the child added. */
      minShare: z.number().gt(0).max(1).default(0.25),
    })
    .prefault({}),
  visibility: z.strictObject({ train: z.boolean().default(true), selection: z.boolean().default(false) }).prefault({}),
  actors: z.partialRecord(z.enum(roleNames), pluginSchema).default({}),
  workers: z.strictObject({ solvers: positive.default(2) }).prefault({}),
});

/** What an author writes: defaults may be left out. */
export type ExperimentInput = z.input<typeof experimentSchema>;
/** What the runtime sees: complete, and written to `config.json` before the first event. */
export type ExperimentConfig = Readonly<z.output<typeof experimentSchema>>;
