import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';

/** A server that is starting, overloaded or gone: the same request can succeed later. */
export function isTransient(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return error.status === 503 || isMissing(error);
  return (
    isTimeout(error) ||
    error instanceof errors.RequestError ||
    error instanceof errors.ConnectionError ||
    isNobodyThere(error)
  );
}

export function isTimeout(error: unknown): boolean {
  return error instanceof errors.TimeoutError;
}

/** A stream or consumer is not there: it was never made, or the server lost its storage. */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return isNobodyThere(error);
  return error.code === JetStreamApiCodes.StreamNotFound || error.code === JetStreamApiCodes.ConsumerNotFound;
}

/** Nobody listens on a subject; a publish to a stream that is not there ends so, too. */
export function isNobodyThere(error: unknown): boolean {
  if (error instanceof errors.NoRespondersError) return true;
  if (error instanceof errors.RequestError) return error.isNoResponders();
  // The client does not export this class.
  return error instanceof Error && error.name === 'JetStreamNotEnabled';
}

/** A compare-and-set lost against another writer. */
export function isConflict(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamWrongLastSequence;
}
