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
  strategyRefSchema,
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
