import { z } from 'zod';
import { isToken } from '../ids.ts';
import { roleNames } from '../messages.ts';
import { armNames } from './arms.ts';
import { gateSchema } from './gate-schema.ts';
import { markspaceSchema } from './markspace-schema.ts';
import { modelSchema } from './model-schema.ts';
import { regularExpression } from './regular-expression.ts';
import { trainingSchema } from './training-schema.ts';

const token = z.string().refine(isToken, { error: 'use 1 to 63 of a-z, 0-9 and "-"' });
const positive = z.int().positive();
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
    /** `auto` takes, of those that work, the one with the fewest gaps, and of equals the fastest; a path names a module. */
    provider: z.string().min(1).default('auto'),
    /** Without it, `process` refuses models that are not trusted. */
    allowUnsafe: z.boolean().default(false),
    memoryMiB: z.int().min(64).default(512),
    cpus: z.number().positive().default(1),
    pids: z.int().min(16).default(128),
    diskMiB: z.int().min(1).default(64),
    maxOutputBytes: z.int().min(1_024).max(67_108_864).default(1_048_576),
    /** Docker only: the image commands run in, as `galapagos sandbox build` names it. */
    image: z.string().min(1).default('galapagos-sandbox'),
    /** Docker only: an installed runtime other than the engine's default, such as `runsc` (gVisor). */
    runtime: z.string().min(1).optional(),
    /** Sandboxes kept open and unused for each lineage, so that opening one costs nothing. 0 opens each when it is needed. */
    warm: z.int().min(0).max(64).default(2),
    /** What all sandboxes of this process may take together; opening another waits. */
    ceiling: z
      .strictObject({
        sandboxes: positive.default(64),
        /** Memory and volumes. Default: three quarters of the machine's memory. */
        memoryMiB: positive.optional(),
        /** No new sandbox is opened while less memory than this is free on the machine. */
        minFreeMemoryMiB: z.int().nonnegative().default(256),
      })
      .prefault({}),
  })
  .prefault({});

export const experimentSchema = z.strictObject({
  name: token,
  question: z.string().default(''),
  niche: pluginSchema,
  /** The directory of generation 0, relative to the experiment file. */
  seed: z.string().min(1).default('seed'),
  lineages: z
    .record(
      token,
      z.strictObject({
        /** Of the meta-agent, and of task agents where they have no other. */
        model: z.string().min(1),
        seed: z.string().min(1).optional(),
        /** Of the task agents: one of `models`. */
        taskModel: z.string().min(1).optional(),
        /** How the task agents' weights learn. */
        training: trainingSchema.optional(),
      }),
    )
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
    .strictObject({
      train: positive.default(1),
      selection: positive.default(1),
      test: positive.default(1),
      /**
       * Staged evaluation: so many selection items come first, and the others only when the score is above a bar. A
       * child that stays below can be a parent, with a tenth of its score for `score-child-prop`, and is not promoted.
       */
      stage: z.strictObject({ items: positive, above: z.number().default(0) }).optional(),
    })
    .prefault({}),
  /** How a parent is chosen; a path names a module. Baselines and replication arms bring their own. */
  selection: z
    .union([
      z.enum(['best', 'best-smallest', 'latest', 'random', 'root', 'score-child-prop', 'annealing']),
      pluginSchema,
    ])
    .default('best'),
  /** Who may be a parent: every valid generation, or, as published, only one none of whose children failed. */
  parents: z.enum(['valid', 'without-failed-child']).default('valid'),
  /**
   * What parents are drawn with: a stream named after run seed, lineage and generation, or one sequence of Python's
   * `random.Random(seed)`; of `random.Random('<seed>/<lineage>')` where there are several lineages.
   */
  rng: z.enum(['keyed', 'python']).default('keyed'),
  /** `selection: annealing` is score-child-prop with tournaments: their chance, and what each one held leaves of it. */
  annealing: z
    .strictObject({ probability: z.number().min(0).max(1).default(0.5), decay: z.number().min(0).max(1).default(0.9) })
    .prefault({}),
  /**
   * Back to the best so far, where the chosen parent and the last `after` generations failed or lost more than `share`
   * of what was gained over generation 0. Left out, what `selection` chooses stands; `best` never needs it. Arms that
   * bring their own selection are what they are without it.
   */
  rollback: z
    .strictObject({
      after: z.int().min(1).max(1_000).default(3),
      share: z.number().gt(0).default(0.5),
      /** A loss must also be more than this, in units of the score: differences of that size are noise. */
      margin: z.number().nonnegative().default(0),
    })
    .optional(),
  sandbox: sandboxSchema,
  schedule: z.literal('rounds').default('rounds'),
  clock: z.enum(['logical', 'wall']).default('logical'),
  metaAgent: z
    .strictObject({
      /** Whose meta-agent edits: the parent's own, or, frozen, that of generation 0. Replication arms bring their own. */
      from: z.enum(['parent', 'generation-0']).default('parent'),
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
      /** Tokens of one try at one situation, and the ceiling of one answer. Default: the meta-agent's. */
      maxTokens: positive.optional(),
      maxCompletionTokens: positive.optional(),
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
  /** What a candidate must show to be promoted. */
  gate: gateSchema.prefault({}),
  /** What is looked at before a changed genome runs: syntax, imports, and these rules. */
  validation: z
    .strictObject({
      refuse: z
        .array(
          z.strictObject({
            /** Which files: a regular expression over paths. */
            files: regularExpression,
            /** What must not occur in a line of theirs. */
            pattern: regularExpression,
            /** Told to whoever reads why the candidate was refused. */
            why: z.string().min(1),
          }),
        )
        .default([]),
    })
    .prefault({}),
  /** Which evaluation signals a lineage sees: the one place where it is decided. */
  visibility: z
    .strictObject({
      train: z.boolean().default(true),
      selection: z.boolean().default(false),
      /** The selection score a peer published, in its `metadata.json`. */
      peerScores: z.boolean().default(true),
    })
    .prefault({}),
  /** What lineages may leave for each other besides strategies, how marks age, and what happens to who overdoes it. */
  markspace: markspaceSchema.prefault({}),
  report: z
    .strictObject({
      /** Selection scores whose first reaching the report compares between arms. Default: each lineage's median best. */
      thresholds: z.array(z.number()).max(6).default([]),
    })
    .prefault({}),
  actors: z.partialRecord(z.enum(roleNames), pluginSchema).default({}),
  workers: z.strictObject({ solvers: positive.default(2) }).prefault({}),
});

/** What an author writes: defaults may be left out. */
export type ExperimentInput = z.input<typeof experimentSchema>;
/** What the runtime sees: complete, and written to `config.json` before the first event. */
export type ExperimentConfig = Readonly<z.output<typeof experimentSchema>>;
