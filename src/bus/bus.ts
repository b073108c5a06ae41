import type { Json } from '../core/json.ts';

/** A job on a work queue. */
export interface Job {
  /** The fact's own key: a second job with this key on the same queue is the same job. */
  readonly key: string;
  readonly body: Json;
}

export interface JobContext {
  /** Aborts when the bus closes, or when the lease was lost. */
  readonly signal: AbortSignal;
  /** 1 for the first delivery, 2 for the first redelivery, … */
  readonly delivery: number;
}

export interface Subscription extends AsyncDisposable {
  /** Messages thrown away because this subscriber was too slow; it sees a gap, others do not wait for it. */
  readonly dropped: number;
}

export interface WorkOptions {
  /** Jobs this worker holds at one time. Default 1. */
  readonly concurrency?: number;
  /** A job whose worker shows no life for this long goes to another one. Default 30 000. */
  readonly leaseMs?: number;
  /** Deliveries after which a job is given up and its submitter gets `JobAbandonedError`. Default 5. */
  readonly maxDeliveries?: number;
}

/**
 * How actors talk. Two kinds of traffic:
 *
 * - *events* (`publish`, `subscribe`): fan-out, at most once, in order per
 *   subject and publisher;
 * - *jobs* (`submit`, `work`): a queue per subject, each job to one worker, at
 *   least once, with a lease that the bus keeps alive while the handler runs;
 *   the result is delivered to the submitter exactly once per key.
 *
 * `request`/`respond` is for short questions to whoever is there now.
 * Messages over `inlineLimitBytes` travel by reference, invisibly.
 *
 * @see tests/conformance/bus.suite.ts, the executable form of this contract.
 */
export interface Bus extends AsyncDisposable {
  readonly capabilities: {
    /** Other processes can join. */
    readonly crossProcess: boolean;
    /** Submitted jobs outlive this process. */
    readonly durableJobs: boolean;
  };

  /** Resolves when the message is handed over, not when it was seen. @throws {BusClosedError} */
  publish(subject: string, message: Json): Promise<void>;

  /**
   * @param pattern - A subject; `*` stands for one token, a final `>` for one or more.
   * @param options.maxPending - Messages that may wait for a slow handler before the newest are dropped. Default 10 000.
   * @returns once the subscription is in force.
   */
  subscribe(
    pattern: string,
    handler: (message: Json, subject: string) => void | Promise<void>,
    options?: { readonly maxPending?: number },
  ): Promise<Subscription>;

  /** @throws {BusUnavailableError} when nobody responds, or not within `timeoutMs`. @throws what the responder threw, as a GalapagosError with its code. */
  request(
    subject: string,
    message: Json,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<Json>;
  respond(subject: string, handler: (message: Json) => Promise<Json>): Promise<Subscription>;

  /**
   * Puts a job on a queue and waits for its result, however long that takes.
   * Submitting a key again (from this process or another) joins the job that
   * is under way, or returns its result while the bus remembers it.
   * @throws what the handler threw, as a GalapagosError with its code and message; a
   *   handler's error is a result and is not redelivered unless it is `retryable`.
   * @throws {JobAbandonedError} after `maxDeliveries`.
   * @throws the signal's reason when it aborts; the job itself goes on.
   */
  submit(queue: string, job: Job, options: { readonly signal: AbortSignal }): Promise<Json>;
  /** Takes jobs from a queue until disposed. Disposal waits for jobs in hand. */
  work(
    queue: string,
    handler: (job: Job, context: JobContext) => Promise<Json>,
    options?: WorkOptions,
  ): Promise<Subscription>;

  /** Stops taking jobs, finishes what is in hand, flushes, closes. Idempotent. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Above this many bytes of JSON a message's payload is stored and sent by reference. */
export const inlineLimitBytes = 256 * 1024;
