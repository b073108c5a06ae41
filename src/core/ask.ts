import type { RequestOf, ResultOf, RoleName } from './messages.ts';

/**
 * How one actor gets an answer from another: the request travels as a job over
 * the bus, the result is checked against its role's contract and journaled
 * under the request's own key before the caller sees it. Asking again, also
 * after a crash, returns the recorded result.
 *
 * @throws {ContractViolatedError} when the answering actor broke its role's contract.
 * @throws {RunCancelledError} when `signal` aborts.
 */
export type Ask = <R extends RoleName>(role: R, request: RequestOf<R>, signal: AbortSignal) => Promise<ResultOf<R>>;
