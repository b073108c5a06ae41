import { raceAbort } from '../../src/core/abort.ts';
import type { ChatRequest, ModelAnswer } from '../../src/core/chat.ts';
import { monotonicMs } from '../../src/core/clock.ts';
import type { EmbeddingAnswer, EmbeddingRequest } from '../../src/core/embedding.ts';
import { canonicalJson, sha256 } from '../../src/core/json.ts';
import { budgetExhausted, isExpected, mayBeBilled, notReached, toCallError, toWireError } from './call-errors.ts';
import type { CallKind } from './call-kinds.ts';
import type { GatewayOptions, RefusalReason } from './gateway.ts';
import { type Admission, type CallCost, type Ledger, nothing } from './ledger.ts';
import type { WireError } from './wire.ts';

export interface CallDeps {
  readonly options: GatewayOptions;
  readonly ledger: Ledger;
  readonly onRefused: (reason: RefusalReason) => void;
  readonly onFailure: (error: unknown) => void;
}

type Outcome<Answer> = { readonly answer: Answer } | { readonly error: WireError };

/**
 * One call: whether it may; number, seed and digest; then the run's own record or the model;
 * then the record; then the answer. Nothing waits between taking the number
 * and reserving, so parallel calls cannot share either.
 */
export async function answerCall<
  Request extends ChatRequest | EmbeddingRequest,
  Answer extends ModelAnswer | EmbeddingAnswer,
>(deps: CallDeps, kind: CallKind<Request, Answer>, asked: Request, signal: AbortSignal): Promise<Outcome<Answer>> {
  const { options, ledger } = deps;
  const reached = await options.reach?.({ model: asked.model, use: kind.use });
  if (reached?.allowed === false) {
    // Counted, so that a sandbox that asks on and on is cut off.
    deps.onRefused('malformed');
    return { error: notReached(reached.rule, reached.message) };
  }
  if (signal.aborted) return { error: toWireError(null, signal) };
  const index = ledger.nextIndex;
  const request = kind.toForwarded({ ...asked, model: reached?.model ?? asked.model }, index, options);
  const digest = sha256(canonicalJson(request));
  const recorded = options.recall(index, digest);
  // The digest was this request's, so the answer is of its kind; `check` would say otherwise.
  const recalled = recorded === null ? null : kind.check(recorded as Answer, request);
  const worst = recalled === null ? kind.worstCase(request, options) : kind.costOf(recalled);
  const admitted = ledger.admit(worst);
  if ('refused' in admitted) {
    deps.onRefused(admitted.refused);
    return { error: budgetExhausted(admitted.why) };
  }
  options.onMessages?.(kind.textsOf(request));
  options.onTools?.({ results: kind.toolResultsOf(request) });
  if (recalled !== null) {
    admitted.admission.settle(worst);
    options.onTools?.({ calls: kind.toolCallsOf(recalled) });
    return { answer: recalled };
  }
  return callModel(deps, kind, { admission: admitted.admission, request, digest, worst }, signal);
}

interface Call<Request> {
  readonly admission: Admission;
  readonly request: Request;
  readonly digest: string;
  readonly worst: CallCost;
}

async function callModel<Request extends ChatRequest | EmbeddingRequest, Answer extends ModelAnswer | EmbeddingAnswer>(
  deps: CallDeps,
  kind: CallKind<Request, Answer>,
  call: Call<Request>,
  signal: AbortSignal,
): Promise<Outcome<Answer>> {
  const { options } = deps;
  const { admission, request, digest, worst } = call;
  const startedMs = monotonicMs();
  const record = { index: admission.index, digest, request };
  let answer: Answer;
  try {
    answer = kind.check(await raceAbort(kind.ask(options, request, signal), signal), request);
  } catch (error) {
    const charged = mayBeBilled(error, signal) ? worst : nothing;
    admission.settle(charged);
    if (!isExpected(error, signal)) deps.onFailure(error);
    const latencyMs = monotonicMs() - startedMs;
    await options.onCall({ ...record, latencyMs, charged, answer: null, error: toCallError(error, signal) });
    return { error: toWireError(error, signal) };
  }
  const charged = kind.costOf(answer);
  admission.settle(charged);
  options.onTools?.({ calls: kind.toolCallsOf(answer) });
  await options.onCall({ ...record, latencyMs: monotonicMs() - startedMs, charged, answer, error: null });
  return { answer };
}
