import { wallClock } from '../core/clock.ts';
import { ModelFailedError, ModelUnavailableError } from '../core/errors.ts';
import type { Attempt } from './retry.ts';

export interface CallContext {
  readonly name: string;
  readonly model: string;
  /** Host and port only: a URL may hold a password. */
  readonly host: string;
  readonly attempts: number;
  readonly timeoutMs: number;
}

type Failed = Extract<Attempt<never>, { status: 'failed' }>;

/** Codes of a 429 that waiting does not cure. */
const permanentCodes = ['insufficient_quota', 'billing_hard_limit_reached'];

/** What Node's fetch says when it has waited long enough for an answer. */
const silences = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'];
/** A connection that was lost after it had been made: the request may have arrived. */
const cuts = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'];

/**
 * Turns whatever the client threw into one of the two model errors.
 *
 * The provider's own message is left out, cause included: providers echo parts
 * of the prompt and of the key in it. Status and error code remain.
 * `details.mayBeBilled` says that the provider may have done the work.
 */
export function toFailure(error: unknown, isTimeout: boolean, context: CallContext): Failed {
  const { name, model, host, attempts } = context;
  const details = { model: name, providerModel: model, host, attempts };
  const status = statusOf(error);
  const network = networkCode(error);
  if (isTimeout || silences.includes(network)) {
    const message = `model ${name} (${model} at ${host}) did not answer in ${context.timeoutMs} ms`;
    // A second try would most likely take as long, and the first may be billed.
    return unavailable(message, { ...details, status: null, mayBeBilled: true }, false, null);
  }
  if (status !== null) return fromStatus(status, error, details);
  if (error instanceof SyntaxError) return failedAnswer('an answer that is not JSON', context);
  const message = `no connection to model ${name} (${model} at ${host})${network === '' ? '' : `: ${network}`}`;
  return unavailable(message, { ...details, status: null, network, mayBeBilled: cuts.includes(network) }, true, null);
}

/** The provider said 200 and sent something else. */
export function failedAnswer(what: string, context: CallContext): Failed {
  const { name, model, host, attempts } = context;
  const error = new ModelFailedError(`model ${name} (${model} at ${host}) sent ${what}`, {
    details: { model: name, providerModel: model, host, attempts, status: 200, mayBeBilled: true },
  });
  return { status: 'failed', error, isRepeatable: false, retryAfterMs: null };
}

type Details = Readonly<Record<string, string | number | boolean | null>>;

function fromStatus(status: number, error: unknown, details: Details): Failed {
  const code = errorCode(error);
  const headers = headersOf(error);
  const said = `HTTP ${status}${code === null ? '' : ` (${code})`}`;
  const message = `model ${details.model} (${details.providerModel} at ${details.host}) answered ${said}`;
  const full = { ...details, status, code };
  const isTransient = status === 408 || status === 409 || status === 429 || status >= 500;
  if (isTransient && !permanentCodes.includes(code ?? '')) {
    const isRepeatable = headers?.get('x-should-retry') !== 'false';
    return unavailable(message, full, isRepeatable, retryAfterMs(headers));
  }
  const hint =
    status === 401 || status === 403 ? ': check the API key' : status === 404 ? ': check model and baseUrl' : '';
  return {
    status: 'failed',
    error: new ModelFailedError(message + hint, { details: full }),
    isRepeatable: false,
    retryAfterMs: null,
  };
}

function unavailable(message: string, details: Details, isRepeatable: boolean, retryAfter: number | null): Failed {
  const error = new ModelUnavailableError(message, { details });
  return { status: 'failed', error, isRepeatable, retryAfterMs: retryAfter };
}

/** `Retry-After` in seconds or as a date, or `retry-after-ms`; `null` when absent, past or unreadable. */
function retryAfterMs(headers: Headers | null): number | null {
  const ms = Number.parseFloat(headers?.get('retry-after-ms') ?? '');
  if (ms >= 0) return ms;
  const after = headers?.get('retry-after') ?? '';
  const seconds = Number.parseFloat(after);
  if (/^[\d.]+$/.test(after.trim()) && seconds >= 0) return seconds * 1_000;
  const untilMs = Date.parse(after) - wallClock.now();
  return untilMs >= 0 ? untilMs : null;
}

function statusOf(error: unknown): number | null {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' ? status : null;
}

function headersOf(error: unknown): Headers | null {
  const headers = (error as { headers?: unknown }).headers;
  return headers instanceof Headers ? headers : null;
}

/** Lower-case words only: that shape holds every documented code, and no key. */
function errorCode(error: unknown): string | null {
  const { code, type } = error as { code?: unknown; type?: unknown };
  const word = [code, type].find((c) => typeof c === 'string' && /^[a-z][a-z_]{1,63}$/.test(c));
  return (word as string | undefined) ?? null;
}

/** The innermost system code, such as `ECONNREFUSED` or `UND_ERR_HEADERS_TIMEOUT`. */
function networkCode(error: unknown): string {
  let found = '';
  for (let at = error, depth = 0; at instanceof Error && depth < 6; at = at.cause, depth += 1) {
    const code = (at as { code?: unknown }).code;
    if (typeof code === 'string' && /^[A-Z_]{2,40}$/.test(code)) found = code;
  }
  return found;
}
