import { z } from 'zod';
import * as errors from '../core/errors.ts';
import { type ErrorCode, GalapagosError, JobAbandonedError, MessageInvalidError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';

type KnownError = new (message: string, options?: errors.GalapagosErrorOptions) => GalapagosError;

const classOfCode = new Map<string, KnownError>();
for (const exported of Object.values<unknown>(errors)) {
  if (typeof exported !== 'function' || !(exported.prototype instanceof GalapagosError)) continue;
  const known = exported as KnownError;
  classOfCode.set(new known('').code, known);
}

const wireErrorSchema = z.strictObject({
  code: z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/),
  message: z.string(),
  retryable: z.boolean(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
});
/** How an error crosses the bus. */
export type WireError = z.output<typeof wireErrorSchema>;

export const outcomeSchema = z.discriminatedUnion('status', [
  z.strictObject({ status: z.literal('done'), value: z.custom<Json>((value) => value !== undefined) }),
  z.strictObject({ status: z.literal('failed'), error: wireErrorSchema }),
  z.strictObject({ status: z.literal('abandoned'), error: wireErrorSchema }),
]);
/**
 * How a job or a request ended. `done` and `failed` are final; `abandoned`
 * ends the job too, but a later submit of its key starts it anew.
 */
export type Outcome = z.output<typeof outcomeSchema>;

export function failure(error: unknown): Outcome {
  return { status: 'failed', error: toWireError(error) };
}

/** @returns the value of a `done` outcome. @throws {GalapagosError} with the code that was sent. */
export function unwrap(outcome: Outcome): Json {
  if (outcome.status === 'done') return outcome.value;
  throw fromWireError(outcome.error);
}

/** An error that is not ours means that a handler broke its contract: they throw GalapagosErrors only. */
function toWireError(error: unknown): WireError {
  if (error instanceof GalapagosError) {
    const { code, message, retryable, details } = error;
    return { code, message, retryable, details: { ...details } };
  }
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code: 'CONTRACT_VIOLATED', message: `the handler failed: ${said}`, retryable: false };
}

function fromWireError(error: WireError): GalapagosError {
  const options = { details: error.details ?? {} };
  const known = classOfCode.get(error.code);
  // Another program's idea of what is retryable counts for its own error.
  if (known !== undefined) return new known(error.message, { ...options, retryable: error.retryable });
  return new GalapagosError(error.code as ErrorCode, error.retryable, error.message, options);
}

export function abandoned(key: string, deliveries: number, last: unknown): Outcome {
  // The first that was given up tells why; those that waited for it have nothing to add.
  if (last instanceof JobAbandonedError) return { status: 'abandoned', error: toWireError(last) };
  const why = last === undefined ? 'no worker answered' : toWireError(last).message;
  const error = new JobAbandonedError(`job ${key} was given up after ${deliveries} deliveries: ${why}`, {
    details: { key, deliveries, lastCode: last === undefined ? null : toWireError(last).code },
  });
  return { status: 'abandoned', error: toWireError(error) };
}

/** @throws {MessageInvalidError} when another process sent something that is no outcome. */
export function parseOutcome(value: unknown): Outcome {
  const parsed = outcomeSchema.safeParse(value);
  if (!parsed.success) throw new MessageInvalidError(`a result on the bus: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
