import type { ZodType } from 'zod';
import type { Json } from './json.ts';
import type { Trajectory } from './records.ts';

/** Which part of the situations: what the agent may see, what selects it, what is opened once at the end. */
export const splits = ['train', 'selection', 'test'] as const;
export type Split = (typeof splits)[number];

/** One thing to be solved. Only `input` ever enters a sandbox. */
export interface Situation {
  /** Unique within a niche and split; a token (`[a-z0-9-]`, at most 63). */
  readonly id: string;
  readonly split: Split;
  readonly input: Json;
}

/** What a task agent did with a situation. Every text in it is hostile. */
export interface Answer {
  /** What was printed on stdout, parsed as one JSON document; `undefined` when it is not one. */
  readonly output: Json | undefined;
  /** The command's exit status, or `null` when a signal or a limit ended it. */
  readonly exitCode: number | null;
}

/**
 * What the niche measured. `failed` is not a score, least of all zero: it
 * says that this answer could not be measured, and why. Numbers under
 * `details.measures` are reported beside the score, as means over the items.
 */
export type Consequence =
  | {
      readonly status: 'measured';
      readonly score: number;
      readonly details: Json;
      /** What can be learnt from, where lineages train weights. Used of training situations only, and shown to nobody. */
      readonly trajectories?: readonly Trajectory[];
    }
  | { readonly status: 'failed'; readonly reason: FailureReason; readonly message: string };

export const failureReasons = ['crash', 'timeout', 'limit', 'no-answer', 'infeasible', 'niche-error'] as const;
/**
 * `crash` non-zero exit · `timeout` wall clock · `limit` memory, output or
 * disk · `no-answer` stdout is not one JSON document of the right shape ·
 * `infeasible` an answer the niche's rules forbid · `niche-error` the niche
 * threw. A sandbox that failed is no consequence of the candidate's, so there
 * is no reason for it: the run stops and can be resumed.
 */
export type FailureReason = (typeof failureReasons)[number];

/** An environment: hands out situations and measures consequences. The only source of grades. Higher scores are better. */
export interface Niche {
  readonly name: string;
  /** Part of every cache key: change it whenever a score may change. */
  readonly version: string;
  /** Whether it measures sandboxes of its own from outside, which not every provider allows. Default: it does not. */
  readonly needsVolumes?: boolean;
  /** The first `count` situations of a split; a pure function of its arguments. */
  situations(request: { readonly split: Split; readonly seed: number; readonly count: number }): readonly Situation[];
  /** Measures an answer by the niche's own means. What the answer claims about itself counts for nothing. */
  measure(situation: Situation, answer: Answer, signal: AbortSignal): Consequence | Promise<Consequence>;
}

export interface NicheDefinition<Params = unknown, Tools = void> {
  readonly kind: 'niche';
  readonly name: string;
  readonly params: ZodType<Params>;
  /** @param tools - What the runtime lends: sandboxes, where files are, and what may be asked for. `NicheTools` of `src/runtime`. */
  create(params: Params, tools: Tools): Niche;
}

/** Declares a niche for use in an experiment file. @see examples/niche */
export function defineNiche<Params, Tools = void>(
  definition: Omit<NicheDefinition<Params, Tools>, 'kind'>,
): NicheDefinition<Params, Tools> {
  return { kind: 'niche', ...definition };
}
