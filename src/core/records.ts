import { z } from 'zod';
import { parseAdapterId, parseCommitId, parseGenomeId, parseLineageId, parseRunId } from './ids.ts';
import type { Json } from './json.ts';
import { failureReasons, splits } from './niche.ts';

// What is kept of a run: the parts that messages, the journal and reports are made of.

const runId = z.string().transform((s, ctx) => branded(ctx, () => parseRunId(s)));
const lineageId = z.string().transform((s, ctx) => branded(ctx, () => parseLineageId(s)));
const genomeId = z.string().transform((s, ctx) => branded(ctx, () => parseGenomeId(s)));
const adapterId = z.string().transform((s, ctx) => branded(ctx, () => parseAdapterId(s)));
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

/** Schemas of single fields, for the messages. */
export const fields = { adapterId, runId, lineageId, genomeId, commitId, count, json } as const;

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

/** An adapter as the run's store keeps it: its id, and the tree of its files that a commit names. */
export const storedAdapterSchema = z.strictObject({ id: adapterId, tree: genomeId });

/** Weights, and the name in service that stands for them. */
export const servedWeightsSchema = z.strictObject({ adapter: storedAdapterSchema, model: z.string().min(1) });
export type ServedWeights = z.output<typeof servedWeightsSchema>;

/** What a model was asked and said in one life of a situation, and what the niche measured of it. */
export const trajectorySchema = z.strictObject({
  steps: z.array(z.strictObject({ prompt: z.string(), completion: z.string() })).min(1),
  /** Above 0 it has survived. In the niche's unit. */
  gain: z.number(),
});
export type Trajectory = z.output<typeof trajectorySchema>;

/** A training that a generation began with, or why it came to nothing: then the weights in service stayed. */
export const lessonSchema = z.discriminatedUnion('status', [
  z.strictObject({
    status: z.literal('trained'),
    /** The examples, and a card that says what they were made of. */
    dataset: genomeId,
    examples: count,
    /** Whose survivors they are. */
    generations: z.array(count),
    firstLoss: z.number(),
    lastLoss: z.number(),
  }),
  z.strictObject({ status: z.literal('failed'), reason: z.string() }),
]);
export type Lesson = z.output<typeof lessonSchema>;

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

export const strategyRefSchema = z.strictObject({
  lineage: lineageId,
  generation: count,
  commit: commitId,
  genome: genomeId,
  score: z.number(),
});
/** A peer's published genome, as a round's snapshot names it. */
export type StrategyRef = z.output<typeof strategyRefSchema>;

export const measuredSchema = z.strictObject({ status: z.literal('measured'), score: z.number(), details: json });
export const unmeasuredSchema = z.strictObject({
  status: z.literal('failed'),
  reason: z.enum(failureReasons),
  message: z.string(),
});
export const consequenceSchema = z.discriminatedUnion('status', [measuredSchema, unmeasuredSchema]);

const itemSchema = z.strictObject({
  situation: z.string(),
  consequence: consequenceSchema,
  wallMs: z.number().nonnegative(),
  /** What models said on the way, with what it was worth: a tree with `trajectories.jsonl`. Of training situations only. */
  trajectories: genomeId.optional(),
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

/**
 * What a niche measures beside the score: means over the items of the numbers under `details.measures`, for the names
 * that every item has. Empty for a failed evaluation.
 */
export function measuresOf(evaluation: Evaluation | null): Readonly<Record<string, number>> {
  if (evaluation?.status !== 'measured') return {};
  const each = evaluation.items.map(({ consequence }) => measuresIn(consequence));
  const shared = Object.keys(each[0] ?? {}).filter((name) => each.every((one) => typeof one[name] === 'number'));
  return Object.fromEntries(
    shared.map((name) => [name, each.reduce((sum, one) => sum + Number(one[name]), 0) / each.length]),
  );
}

function measuresIn(consequence: EvaluationItem['consequence']): { readonly [name: string]: Json } {
  const details = consequence.status === 'measured' ? consequence.details : null;
  const measures = isRecord(details) && Object.hasOwn(details, 'measures') ? details.measures : null;
  return isRecord(measures) ? measures : {};
}

function isRecord(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

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

/** Whether a generation may be its lineage's best: one that a check refused may not, whatever it scored. */
export function mayBeBest(verdict: Verdict): boolean {
  return verdict !== 'failed' && verdict !== 'refused';
}

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

/** Two children of one parent, the second by generation 0's meta-agent: training scores, `null` when not measured. */
export const tournamentSchema = z.strictObject({
  winner: z.enum(['directed', 'blind']),
  directed: z.number().nullable(),
  blind: z.number().nullable(),
});
export type Tournament = z.output<typeof tournamentSchema>;

/**
 * A lineage that lost what it had gained went back to its best, the `parent`
 * of the generation that says so.
 */
export const rollbackSchema = z.strictObject({
  /** The parent that was chosen, and is part of the regression. */
  from: count,
  /** Generations in a row that failed or scored below `floor`. */
  streak: z.int().positive(),
  /** `null` where nothing had been gained, so that only failures counted. */
  floor: z.number().nullable(),
  /** What became of the lineage's weights, where it has some: as at its best again, or kept, because they could not be. */
  weights: z.enum(['restored', 'kept']).optional(),
});
export type Rollback = z.output<typeof rollbackSchema>;

/** What became of a model's tool calls, by the tool: asked for, answered by the genome, and of these refused. */
export const toolOutcomesSchema = z.record(
  z.string().max(256),
  z.strictObject({ asked: count, answered: count, refused: count }),
);
export type ToolOutcomes = z.output<typeof toolOutcomesSchema>;

export const editFailureSchema = z.strictObject({
  stage: z.enum(['meta-agent', 'collect', 'import-check', 'training', 'budget']),
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
  /** The weights in use, from the first generation on that had its own. */
  adapter: storedAdapterSchema.optional(),
  /** The name in service that those weights were measured under. */
  taskModel: z.string().min(1).optional(),
  lesson: lessonSchema.optional(),
  /** What went back into service because the weights trained here were not promoted. */
  rolledBack: servedWeightsSchema.optional(),
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
  /** Only the first stage of the selection was evaluated: what it scored did not call for more. */
  isPartial: z.literal(true).optional(),
  tournament: tournamentSchema.optional(),
  /** It is a child of the best so far instead of the parent that was chosen. */
  rollback: rollbackSchema.optional(),
  /** Where a sequential random stream stood after the parent was drawn. */
  drawn: count.optional(),
  /** Items evaluated besides `train` and `selection`: of a tournament's other child, and in re-tests. */
  otherEvaluations: count.optional(),
  /** What the gate wants to know again at the next generation. */
  gateMemory: json.optional(),
});
export type Generation = z.output<typeof generationSchema>;

/** Items that were evaluated for a generation. */
export function evaluationsOf(g: Generation): number {
  return (g.train?.items.length ?? 0) + (g.selection?.items.length ?? 0) + (g.otherEvaluations ?? 0);
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
