import { BusClosedError, GalapagosError, JobAbandonedError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { Job, JobContext, WorkOptions } from './bus.ts';
import { abandoned, failure, type Outcome } from './outcome.ts';

export type JobHandler = (job: Job, context: JobContext) => Promise<Json>;
export type JobLimits = Required<WorkOptions>;

/** Faults a test can ask for, alike in every adapter. */
export interface BusFaults {
  /** A delivery of which the bus stops keeping the lease alive, as if its worker had died. */
  readonly losesLease?: (job: Job, delivery: number) => boolean;
}

/** @throws {RangeError} when a limit is not a positive integer. */
export function jobLimits(options: WorkOptions = {}): JobLimits {
  const limits = { concurrency: 1, leaseMs: 30_000, maxDeliveries: 5, ...options };
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isInteger(value) || value < 1) throw new RangeError(`${name} must be a positive integer, not ${value}`);
  }
  return limits;
}

/**
 * What a delivery that ended means for its job: it is settled, or comes again
 * after a while. `stopped` says nothing about the job: the worker was told to
 * stop, because its lease was lost or (`isClosing`) because the bus closes.
 */
export type NextStep =
  | { readonly kind: 'settle'; readonly outcome: Outcome }
  | { readonly kind: 'redeliver'; readonly delayMs: number; readonly error: unknown }
  | { readonly kind: 'stopped'; readonly isClosing: boolean };

/** Runs a handler once. A value counts even if the lease was lost meanwhile; an error then does not. */
export async function attempt(
  handler: JobHandler,
  limits: JobLimits,
  job: Job,
  context: JobContext,
): Promise<NextStep> {
  try {
    return { kind: 'settle', outcome: { status: 'done', value: await handler(job, context) } };
  } catch (error) {
    return afterError(error, job.key, limits, context);
  }
}

export function afterError(error: unknown, key: string, limits: JobLimits, context: JobContext): NextStep {
  const reason = context.signal.aborted ? context.signal.reason : error;
  if (reason instanceof BusClosedError) return { kind: 'stopped', isClosing: true };
  if (context.signal.aborted) return { kind: 'stopped', isClosing: false };
  return afterFailure(error, key, context.delivery, limits);
}

/**
 * Only a retryable error brings the job back, and only so often: 50 ms, 100 ms … 5 s later. A job that waited for one
 * that was given up is given up with it: tries upon tries multiply. So is one whose sandbox cannot be had any more,
 * which says nothing about the job.
 */
function afterFailure(error: unknown, key: string, delivery: number, limits: JobLimits): NextStep {
  if (!(error instanceof GalapagosError)) return { kind: 'settle', outcome: failure(error) };
  const isOutage = error.code === 'SANDBOX_UNAVAILABLE' && !error.retryable;
  const isHopeless = isOutage || error instanceof JobAbandonedError;
  if (!isHopeless && !error.retryable) return { kind: 'settle', outcome: failure(error) };
  if (isHopeless || delivery >= limits.maxDeliveries) {
    return { kind: 'settle', outcome: abandoned(key, delivery, error) };
  }
  return { kind: 'redeliver', delayMs: Math.min(50 * 2 ** (delivery - 1), 5_000), error };
}
