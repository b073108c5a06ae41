import { z } from 'zod';
import { MessageInvalidError } from './errors.ts';
import { splits } from './niche.ts';
import {
  adoptionSchema,
  checkSchema,
  editFailureSchema,
  evaluationSchema,
  fields,
  generationSchema,
  readSchema,
  rollbackSchema,
  storedAdapterSchema,
  strategyRefSchema,
  toolOutcomesSchema,
  usageSchema,
  verdicts,
} from './records.ts';

/**
 * Every message on the bus, with its version. Roles know each other through
 * this file only. A job is a request with exactly one result; a breaking
 * change of a shape is a new version beside the old one.
 */
export const messageVersion = 1;

const { runId, lineageId, genomeId, commitId, count, json } = fields;
const job = { run: runId, seed: count };

/** Sets a request apart from the generation's other ones to the same role: a tournament's blind child, a re-test. */
const trial = z.string().min(1).optional();

const editOutcome = {
  changedFiles: z.array(z.string()),
  bytes: count,
  files: count,
  reads: z.array(readSchema),
  usage: usageSchema,
  /** Left out: not known. */
  tools: toolOutcomesSchema.optional(),
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
      trial,
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
      trial,
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
      trial,
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
      /** Which situations of the split, by place, `count` of them; the first `count` when it is left out. */
      places: z.array(count).min(1).optional(),
      trial,
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
        /** Whether that is the first stage only. */
        isPartial: z.boolean(),
        failure: editFailureSchema.nullable(),
        /** `null` when none came back. */
        genome: genomeId.nullable(),
        bytes: count,
        files: count,
        changedFiles: z.array(z.string()),
        adoption: adoptionSchema.nullable(),
        /** What its meta-agent did to make it. */
        calls: count,
        toolCalls: count,
        /** What became of the tool calls; left out: not known. */
        tools: toolOutcomesSchema.optional(),
        /** Nothing was edited: the weights alone are new. */
        isUnedited: z.literal(true).optional(),
      }),
      parent: z.strictObject({
        generation: count,
        genome: genomeId,
        selection: evaluationSchema.nullable(),
        bytes: count,
      }),
      best: z.strictObject({ generation: count, selection: evaluationSchema }).nullable(),
      /** What was measured again because the gate asked for it, oldest first, on the same items for both. */
      retests: z.array(
        z.strictObject({ places: z.array(count), candidate: evaluationSchema, best: evaluationSchema.nullable() }),
      ),
      /** What the gate remembered of the generation before; `null` at first. */
      memory: json,
      trial,
    }),
    result: z.strictObject({
      verdict: z.enum(['promoted', 'archived', 'refused', 'failed']),
      checks: z.array(checkSchema).min(1),
      /** Asks to have candidate and best measured on these places of the selection split, and then to be asked again. */
      retest: z.array(count).min(1).optional(),
      /** Handed back with the next generation. */
      memory: json.optional(),
    }),
  },
  trainer: {
    request: z.discriminatedUnion('kind', [
      /** Trains weights from the base and puts them into service. */
      z.strictObject({
        ...job,
        kind: z.literal('train'),
        lineage: lineageId,
        generation: count,
        /** The tree whose `replay.jsonl` holds the examples: they are too many for a message. */
        dataset: genomeId,
        hyperparameters: z.record(z.string(), json),
      }),
      /** Puts the last good weights back into service, or something between them and the refused ones. */
      z.strictObject({
        ...job,
        kind: z.literal('roll-back'),
        lineage: lineageId,
        generation: count,
        to: storedAdapterSchema,
        from: storedAdapterSchema,
        /** How much of the refused ones stays; 0 is a hard rollback. */
        share: z.number().min(0).lt(1),
        /** Tells a generation's second going back from the one that it began with. */
        trial,
      }),
    ]),
    result: z.discriminatedUnion('status', [
      z.strictObject({
        status: z.literal('in-service'),
        adapter: storedAdapterSchema,
        /** The name to call the model by. */
        model: z.string().min(1),
        /** `null` where nothing was trained. Losses in nats a token. */
        metrics: z
          .strictObject({ steps: count, examples: count, firstLoss: z.number(), lastLoss: z.number() })
          .nullable(),
      }),
      /** What was in service stays. */
      z.strictObject({ status: z.literal('failed'), reason: z.string() }),
    ]),
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
        /** The model of the task agents by its name in service, where it is another one. */
        taskModel: z.string().min(1).optional(),
        genome: genomeId,
        /** The weights in use, from the first generation on that had its own. */
        adapter: storedAdapterSchema.optional(),
        parentCommit: commitId.nullable(),
        metaFrom: count.nullable(),
        verdict: z.enum(verdicts),
        summary: z.string(),
        adoption: adoptionSchema.nullable(),
        reads: z.array(readSchema),
        rollback: rollbackSchema.optional(),
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
