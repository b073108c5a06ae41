import { sleep } from '../core/abort.ts';
import type { ModelFailedError, ModelUnavailableError } from '../core/errors.ts';

/** How one attempt at a call ended. */
export type Attempt<T> =
  | { readonly status: 'answered'; readonly value: T }
  | {
      readonly status: 'failed';
      readonly error: ModelFailedError | ModelUnavailableError;
      /** Whether the same request may be sent again now. */
      readonly isRepeatable: boolean;
      /** What the server asked for, in milliseconds, or `null`. */
      readonly retryAfterMs: number | null;
    };

export interface RetryPolicy {
  readonly maxRetries: number;
  /** A longer wait than this is not waited: the call fails at once. */
  readonly maxWaitMs: number;
  /** Uniform in [0, 1); a stream of its own, so that jitter never moves another purpose's numbers. */
  readonly random: () => number;
}

const firstWaitMs = 500;
const longestBackoffMs = 8_000;

/**
 * Repeats an attempt while it is repeatable and retries are left.
 *
 * Done here and not by the provider's client, whose wait cannot be cancelled,
 * has no upper bound (`Retry-After: 86400` sleeps a day) and keeps the process
 * alive after a cancel.
 *
 * @throws the last attempt's error, or the signal's reason.
 */
export async function withRetries<T>(
  attempt: (number: number) => Promise<Attempt<T>>,
  policy: RetryPolicy,
  signal: AbortSignal,
): Promise<{ readonly value: T; readonly attempts: number }> {
  for (let retries = 0; ; retries += 1) {
    const outcome = await attempt(retries + 1);
    if (outcome.status === 'answered') return { value: outcome.value, attempts: retries + 1 };
    const waitMs = waitBefore(retries, outcome.retryAfterMs, policy.random());
    if (!outcome.isRepeatable || retries >= policy.maxRetries || waitMs > policy.maxWaitMs) throw outcome.error;
    await sleep(waitMs, signal);
  }
}

/** Never less than the server asked; up to a quarter more, so that parallel callers do not return together. */
function waitBefore(retries: number, retryAfterMs: number | null, random: number): number {
  if (retryAfterMs !== null) return retryAfterMs * (1 + random / 4);
  return Math.min(firstWaitMs * 2 ** retries, longestBackoffMs) * (1 - random / 4);
}
