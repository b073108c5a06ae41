import type { Json } from '../core/json.ts';

/** One thing to learn: what to say to a prompt. */
export interface TrainingExample {
  readonly prompt: string;
  readonly completion: string;
  /** As in rows for KTO: `false` for what must not be said. Left out: `true`. */
  readonly label?: boolean;
}

export type TrainingMethod = 'sft' | 'sft-unlikelihood';

export interface TrainingJob {
  /** Name of the base model. Every adapter is trained from it, never from another adapter. */
  readonly base: string;
  readonly dataset: readonly TrainingExample[];
  /**
   * `sft`: likelihood of the completions, given their prompts; a row labeled `false` is an error.
   * `sft-unlikelihood`: the same, and the likelihood of saying anything but the completions labeled `false`.
   */
  readonly method: TrainingMethod;
  /** What the trainer knows by these names; it says what it does not. */
  readonly hyperparameters: Readonly<Record<string, Json>>;
  readonly seed: number;
}

/** A directory in PEFT's format: `adapter_config.json`, `adapter_model.safetensors`. */
export interface Adapter {
  /** SHA-256 of its content. */
  readonly id: string;
  readonly base: string;
  readonly directory: string;
}

/** One optimiser step. */
export interface CurvePoint {
  readonly step: number;
  /** The method's loss on this step's batch, by the number of the completions' tokens, in nats. */
  readonly loss: number;
}

export interface TrainingOutcome {
  readonly adapter: Adapter;
  readonly metrics: {
    readonly steps: number;
    readonly examples: number;
    readonly firstLoss: number;
    readonly lastLoss: number;
  };
  readonly curve: readonly CurvePoint[];
}

export interface TrainingOptions {
  /** Ends the training soon; the same job asked for again goes on from where it stood, if the trainer can. */
  readonly signal: AbortSignal;
  readonly onProgress?: (point: CurvePoint, steps: number) => void;
}

export interface Blend {
  readonly good: Adapter;
  readonly current: Adapter;
  /** How much of the current one stays, above 0 and below 1. */
  readonly share: number;
}

/**
 * Makes adapters. A job is a value: the same job gives the same adapter, also
 * when it was stopped or killed in between and asked for again.
 *
 * @see tests/conformance/trainer.suite.ts, the executable form of this contract.
 */
export interface Trainer {
  /**
   * @throws {TrainingFailedError} for an empty dataset, an example that cannot
   *   be learnt from, or a loss that is no number. There is no adapter then.
   * @throws {ConfigInvalidError} for another base or unknown hyperparameters.
   */
  train(job: TrainingJob, options: TrainingOptions): Promise<TrainingOutcome>;
  /**
   * An adapter between two, which says of itself what it is. Only weights are interpolated: the optimiser's state and
   * the examples beside it are those of the good one. The same blend gives the same adapter.
   * @throws {WeightsInvalidError} for files that are damaged, changed or of another base, and for ranks that differ.
   */
  blend(blend: Blend): Promise<Adapter>;
}
