import { raceAbort } from '../../src/core/abort.ts';
import type { ChatCompletion, ChatRequest, ModelAnswer } from '../../src/core/chat.ts';
import { monotonicMs } from '../../src/core/clock.ts';
import { canonicalJson, sha256 } from '../../src/core/json.ts';
import {
  budgetExhausted,
  checkAnswer,
  isExpected,
  mayBeBilled,
  textsOf,
  toCallError,
  toForwarded,
  toWireError,
  worstCase,
} from './forward.ts';
import type { GatewayOptions, RefusalReason } from './gateway.ts';
import { type Admission, type CallCost, costOf, type Ledger } from './ledger.ts';
import type { WireError } from './wire.ts';

type CallOutcome = { readonly completion: ChatCompletion } | { readonly error: WireError };

export interface CallDeps {
  readonly options: GatewayOptions;
  readonly ledger: Ledger;
  readonly onRefused: (reason: RefusalReason) => void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * One call: number, seed and digest; then the run's own record or the model;
 * then the record; then the answer. Nothing waits between taking the number
 * and reserving, so parallel calls cannot share either.
 */
export async function answerCall(deps: CallDeps, asked: ChatRequest, signal: AbortSignal): Promise<CallOutcome> {
  const { options, ledger } = deps;
  if (signal.aborted) return { error: toWireError(null, signal) };
  const index = ledger.nextIndex;
  const request = toForwarded(asked, index, options);
  const digest = sha256(canonicalJson(request));
  const recalled = options.recall(index, digest);
  const worst = recalled === null ? worstCase(request, options) : costOf(recalled);
  const admitted = ledger.admit(worst);
  if ('refused' in admitted) {
    deps.onRefused(admitted.refused);
    return { error: budgetExhausted(admitted.why) };
  }
  options.onMessages?.(textsOf(request));
  if (recalled !== null) {
    admitted.admission.settle(worst);
    return withinToolLimit(deps, recalled);
  }
  return callModel(deps, { admission: admitted.admission, request, digest, worst }, signal);
}

interface Call {
  readonly admission: Admission;
  readonly request: ChatRequest;
  readonly digest: string;
  readonly worst: CallCost;
}

async function callModel(deps: CallDeps, call: Call, signal: AbortSignal): Promise<CallOutcome> {
  const { options } = deps;
  const { admission, request, digest, worst } = call;
  const startedMs = monotonicMs();
  const record = { index: admission.index, digest, request };
  let answer: ModelAnswer;
  try {
    answer = checkAnswer(await raceAbort(ask(options, request, signal), signal), request.model);
  } catch (error) {
    if (mayBeBilled(error, signal)) admission.settle(worst);
    else admission.release();
    if (!isExpected(error, signal)) deps.onFailure(error);
    const latencyMs = monotonicMs() - startedMs;
    await options.onCall({ ...record, latencyMs, answer: null, error: toCallError(error, signal) });
    return { error: toWireError(error, signal) };
  }
  admission.settle(costOf(answer));
  await options.onCall({ ...record, latencyMs: monotonicMs() - startedMs, answer, error: null });
  return withinToolLimit(deps, answer);
}

/** Async, so that a model that throws at once is treated as one that rejects. */
async function ask(options: GatewayOptions, request: ChatRequest, signal: AbortSignal): Promise<ModelAnswer> {
  return options.complete(request, signal);
}

function withinToolLimit({ options, ledger, onRefused }: CallDeps, { completion }: ModelAnswer): CallOutcome {
  const asked = completion.choices[0]?.message.tool_calls?.length ?? 0;
  if (ledger.countToolCalls(asked)) return { completion };
  onRefused('tool-calls');
  return { error: budgetExhausted(`limit of ${options.limits.maxToolCalls} tool calls`) };
}
