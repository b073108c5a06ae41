import { z } from 'zod';
import { MessageInvalidError } from './errors.ts';
import { parseCommitId, parseGenomeId, parseLineageId, parseRunId } from './ids.ts';
import type { Json } from './json.ts';
import { failureReasons, splits } from './niche.ts';

/**
 * Every message on the bus, with its version. Roles know each other through
 * this file only. A job is a request with exactly one result; a breaking
 * change of a shape is a new version beside the old one.
 */
export const messageVersion = 1;

const runId = z.string().transform((s, ctx) => branded(ctx, () => parseRunId(s)));
const lineageId = z.string().transform((s, ctx) => branded(ctx, () => parseLineageId(s)));
const genomeId = z.string().transform((s, ctx) => branded(ctx, () => parseGenomeId(s)));
const commitId = z.string().transform((s, ctx) => branded(ctx, () => parseCommitId(s)));
const count = z.int().nonnegative();
const json: z.ZodType<Json> = z.json() as z.ZodType<Json>;

function branded<T>(ctx: z.RefinementCtx<string>, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    ctx.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
}

/** What a model cost. `costUsd` is `null` when any part of it has no known price. */
export const usageSchema = z.strictObject({
  calls: count,
  toolCalls: count,
  promptTokens: count,
  completionTokens: count,
  costUsd: z.number().nonnegative().nullable(),
});
export type Usage = z.output<typeof usageSchema>;
export const noUsage: Usage = Object.freeze({
  calls: 0,
  toolCalls: 0,
  promptTokens: 0,
  completionTokens: 0,
  costUsd: 0,
});

/** How far a peer's published file came: shares in [0, 1] of its fingerprints seen in model calls, and of its lines in the returned tree. */
export const readSchema = z.strictObject({
  peer: lineageId,
  generation: count,
  commit: commitId,
  path: z.string(),
  shareInModel: z.number().min(0).max(1),
  shareInTree: z.number().min(0).max(1),
});
export type Read = z.output<typeof readSchema>;

const strategyRefSchema = z.strictObject({
  lineage: lineageId,
  generation: count,
  commit: commitId,
  genome: genomeId,
  score: z.number(),
});
/** A peer's published genome, as a round's snapshot names it. */
export type StrategyRef = z.output<typeof strategyRefSchema>;

const consequenceSchema = z.discriminatedUnion('status', [
  z.strictObject({ status: z.literal('measured'), score: z.number(), details: json }),
  z.strictObject({ status: z.literal('failed'), reason: z.enum(failureReasons), message: z.string() }),
]);

const itemSchema = z.strictObject({
  situation: z.string(),
  consequence: consequenceSchema,
  wallMs: z.number().nonnegative(),
});
export type EvaluationItem = z.output<typeof itemSchema>;

/**
 * One genome on one split. `measured` only when every item was measured; the
 * score is then the mean over `n` items. Anything else is a failed
 * evaluation and has no score.
 */
export const evaluationSchema = z.discriminatedUnion('status', [
  z.strictObject({
    status: z.literal('measured'),
    split: z.enum(splits),
    score: z.number(),
    n: z.int().positive(),
    items: z.array(itemSchema),
  }),
  z.strictObject({
    status: z.literal('failed'),
    split: z.enum(splits),
    reason: z.enum(failureReasons),
    message: z.string(),
    items: z.array(itemSchema),
  }),
]);
export type Evaluation = z.output<typeof evaluationSchema>;

/** An evaluation without durations: what may be shown or hashed, because equal runs have equal ones. */
export function untimed(evaluation: Evaluation) {
  return { ...evaluation, items: evaluation.items.map(({ situation, consequence }) => ({ situation, consequence })) };
}

export const verdicts = ['seed', 'promoted', 'archived', 'refused', 'failed'] as const;
/**
 * `seed` generation 0 · `promoted` new head of the branch · `archived` valid
 * and a possible parent, not better · `refused` valid, but a check says no ·
 * `failed` could not be edited, imported or measured, never a parent.
 */
export type Verdict = (typeof verdicts)[number];

export const checkSchema = z.strictObject({
  name: z.string(),
  outcome: z.enum(['pass', 'refuse', 'unknown']),
  reason: z.string(),
});
export type Check = z.output<typeof checkSchema>;

/** A peer's code found in a child: how many lines, and which share of all the lines the child added. */
export const adoptionSchema = z.strictObject({
  from: strategyRefSchema,
  lines: z.int().positive(),
  share: z.number().gt(0).max(1),
});
export type Adoption = z.output<typeof adoptionSchema>;

const editFailureSchema = z.strictObject({
  stage: z.enum(['meta-agent', 'collect', 'import-check', 'budget']),
  message: z.string(),
});

/** A generation as its lineage remembers it: what selection and gates may look at. */
export const generationSchema = z.strictObject({
  lineage: lineageId,
  generation: count,
  round: count,
  /** `null` for generation 0. */
  parent: count.nullable(),
  /** Whose meta-agent made the edit; it differs from `parent` after a fallback. */
  metaFrom: count.nullable(),
  genome: genomeId,
  commit: commitId,
  verdict: z.enum(verdicts),
  checks: z.array(checkSchema),
  failure: editFailureSchema.nullable(),
  train: evaluationSchema.nullable(),
  selection: evaluationSchema.nullable(),
  adoption: adoptionSchema.nullable(),
  reads: z.array(readSchema),
  usage: usageSchema,
  /** Bytes and files of the genome. */
  bytes: count,
  files: count,
  changedFiles: z.array(z.string()),
  published: z.boolean(),
});
export type Generation = z.output<typeof generationSchema>;

const job = { run: runId, seed: count };

const editOutcome = {
  changedFiles: z.array(z.string()),
  bytes: count,
  files: count,
  reads: z.array(readSchema),
  usage: usageSchema,
  wallMs: z.number().nonnegative(),
};

export const roleMessages = {
  lineage: {
    request: z.strictObject({ ...job, lineage: lineageId, round: count, snapshot: z.array(strategyRefSchema) }),
    /** `generation` is `null` when the budget was used up before anything was tried. */
    result: z.strictObject({
      generation: generationSchema.nullable(),
      stop: z.enum(['budget', 'stagnation']).nullable(),
    }),
  },
  'meta-agent': {
    request: z.strictObject({
      ...job,
      lineage: lineageId,
      generation: count,
      model: z.string(),
      parent: z.strictObject({ generation: count, genome: genomeId }),
      /** The genome whose meta-agent runs: the parent's, or the last good one. */
      meta: z.strictObject({ generation: count, genome: genomeId }),
      snapshot: z.array(strategyRefSchema),
      /** Files for `evals/`, by name: training feedback, and whatever else policy opens. */
      evals: z.record(z.string(), json),
    }),
    result: z.discriminatedUnion('status', [
      z.strictObject({
        ...editOutcome,
        status: z.literal('edited'),
        genome: genomeId,
        adoption: adoptionSchema.nullable(),
      }),
      /** `genome` is the broken child, when one came back. */
      z.strictObject({
        ...editOutcome,
        status: z.literal('failed'),
        genome: genomeId.nullable(),
        failure: editFailureSchema,
      }),
    ]),
  },
  proposer: {
    request: z.strictObject({
      ...job,
      lineage: lineageId,
      generation: count,
      split: z.enum(splits),
      count: z.int().positive(),
    }),
    result: z.strictObject({
      situations: z.array(z.strictObject({ id: z.string(), split: z.enum(splits), input: json })),
    }),
  },
  solver: {
    request: z.strictObject({
      ...job,
      lineage: lineageId,
      generation: count,
      genome: genomeId,
      model: z.string(),
      situation: z.strictObject({ id: z.string(), split: z.enum(splits), input: json }),
    }),
    result: z.strictObject({
      stoppedBy: z.enum(['exit', 'timeout', 'memory', 'output', 'disk', 'cancelled', 'policy']),
      exitCode: z.int().nullable(),
      /** stdout as one JSON document, or `null` with the problem in `problem`. */
      output: json,
      problem: z.string().nullable(),
      stderrTail: z.string(),
      wallMs: z.number().nonnegative(),
      usage: usageSchema,
    }),
  },
  environment: {
    request: z.strictObject({
      ...job,
      lineage: lineageId,
      generation: count,
      genome: genomeId,
      model: z.string(),
      split: z.enum(splits),
      count: z.int().positive(),
    }),
    result: z.strictObject({ evaluation: evaluationSchema, usage: usageSchema }),
  },
  gate: {
    request: z.strictObject({
      ...job,
      lineage: lineageId,
      generation: count,
      policy: z.enum(['strict-improvement', 'valid']),
      candidate: z.strictObject({
        selection: evaluationSchema.nullable(),
        failure: editFailureSchema.nullable(),
        bytes: count,
        files: count,
      }),
      parent: z.strictObject({ generation: count, selection: evaluationSchema.nullable(), bytes: count }),
      best: z.strictObject({ generation: count, selection: evaluationSchema }).nullable(),
    }),
    result: z.strictObject({
      verdict: z.enum(['promoted', 'archived', 'refused', 'failed']),
      checks: z.array(checkSchema).min(1),
    }),
  },
  archivist: {
    request: z.discriminatedUnion('kind', [
      /** Writes one generation's commit and refs. */
      z.strictObject({
        ...job,
        kind: z.literal('record'),
        lineage: lineageId,
        generation: count,
        round: count,
        model: z.string(),
        genome: genomeId,
        parentCommit: commitId.nullable(),
        metaFrom: count.nullable(),
        verdict: z.enum(verdicts),
        summary: z.string(),
        adoption: adoptionSchema.nullable(),
        reads: z.array(readSchema),
        isBest: z.boolean(),
      }),
      /** Writes the notes of a finished round, in order, and makes the round visible to plain git. */
      z.strictObject({
        ...job,
        kind: z.literal('close-round'),
        round: count,
        generations: z.array(generationSchema),
      }),
    ]),
    result: z.strictObject({ commit: commitId.nullable() }),
  },
} as const;

export type RoleName = keyof typeof roleMessages;
export const roleNames = Object.keys(roleMessages) as RoleName[];
export type RequestOf<R extends RoleName> = z.output<(typeof roleMessages)[R]['request']>;
export type ResultOf<R extends RoleName> = z.output<(typeof roleMessages)[R]['result']>;

/** @throws {MessageInvalidError} naming the role, the direction and every offending path. */
export function parseRequest<R extends RoleName>(role: R, message: unknown): RequestOf<R> {
  return parseMessage(`${role} request`, roleMessages[role].request as z.ZodType, message) as RequestOf<R>;
}

/** @throws {MessageInvalidError} naming the role, the direction and every offending path. */
export function parseResult<R extends RoleName>(role: R, message: unknown): ResultOf<R> {
  return parseMessage(`${role} result`, roleMessages[role].result as z.ZodType, message) as ResultOf<R>;
}

function parseMessage(what: string, schema: z.ZodType, message: unknown): unknown {
  const parsed = checkShape(what, schema, message);
  if (!parsed.success) throw new MessageInvalidError(`${what} (v${messageVersion}): ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** JSON out of a sandbox may be nested deeper than any recursive reader can follow. */
function checkShape(what: string, schema: z.ZodType, message: unknown): z.ZodSafeParseResult<unknown> {
  try {
    return schema.safeParse(message);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new MessageInvalidError(`${what} (v${messageVersion}): nested too deeply`, { cause });
  }
}

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    calls: a.calls + b.calls,
    toolCalls: a.toolCalls + b.toolCalls,
    promptTokens: a.promptTokens + b.promptTokens,
    completionTokens: a.completionTokens + b.completionTokens,
    costUsd: a.costUsd === null || b.costUsd === null ? null : a.costUsd + b.costUsd,
  };
}
