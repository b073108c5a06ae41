import { raceAbort, sleep } from '../../src/core/abort.ts';
import type { ChatCompletion, ChatRequest, ChatToolCall, ModelAnswer } from '../../src/core/chat.ts';
import type { Model } from '../../src/core/define.ts';

/** What a scripted model says. `usage` defaults to 10 prompt and 5 completion tokens. */
export interface Reply {
  readonly content?: string | null;
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: string }[];
  readonly finishReason?: ChatCompletion['choices'][number]['finish_reason'];
  readonly promptTokens?: number;
  readonly completionTokens?: number;
}

/** A pure function of the request and the number of the call, from 0. */
export type Script = (request: ChatRequest, call: number) => Reply | string;

export interface ScriptedModelOptions {
  readonly name?: string;
  readonly isTrusted?: boolean;
  readonly delayMs?: number;
  /** Holds every answer back until it is settled. */
  readonly until?: Promise<void>;
  /** Thrown by the first calls, one each, instead of an answer. */
  readonly failFirst?: readonly Error[];
  /** USD per token, prompt and completion alike. Without it there is no price. */
  readonly usdPerToken?: number;
  /** Never answers, and pays no attention to its signal. */
  readonly hangs?: boolean;
}

/** A `Model` that plays a function and remembers what it was asked. */
export interface ScriptedModel extends Model {
  readonly requests: readonly ChatRequest[];
  /** The largest number of calls in flight at once. */
  readonly peak: number;
  /** Calls whose signal was aborted before they were answered. */
  readonly cancelled: number;
}

export function createScriptedModel(script: Script, options: ScriptedModelOptions = {}): ScriptedModel {
  const requests: ChatRequest[] = [];
  const faults = [...(options.failFirst ?? [])];
  const rate = options.usdPerToken;
  let flying = 0;
  let peak = 0;
  let cancelled = 0;

  const answer = async (request: ChatRequest, call: number, signal: AbortSignal): Promise<ModelAnswer> => {
    if (options.hangs === true) await new Promise(() => {});
    await sleep(options.delayMs ?? 0, signal);
    if (options.until !== undefined) await raceAbort(options.until, signal);
    const fault = faults.shift();
    if (fault !== undefined) throw fault;
    const completion = toCompletion(script(request, call), `chatcmpl-${call}`, options.name ?? 'scripted');
    const costUsd = rate === undefined ? null : completion.usage.total_tokens * rate;
    return { completion, costUsd, source: 'live' };
  };

  return {
    name: options.name ?? 'scripted',
    isTrusted: options.isTrusted ?? false,
    contextTokens: null,
    price: (prompt, completion) => (rate === undefined ? null : (prompt + completion) * rate),
    get requests() {
      return requests;
    },
    get peak() {
      return peak;
    },
    get cancelled() {
      return cancelled;
    },
    async complete(request, signal) {
      signal.throwIfAborted();
      const call = requests.push(structuredClone(request)) - 1;
      const onAbort = () => void (cancelled += 1);
      signal.addEventListener('abort', onAbort, { once: true });
      peak = Math.max(peak, (flying += 1));
      try {
        return await answer(request, call, signal);
      } finally {
        flying -= 1;
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}

/** A complete `ChatCompletion` from the parts that a test cares about. */
export function toCompletion(reply: Reply | string, id = 'chatcmpl-0', model = 'scripted'): ChatCompletion {
  const said: Reply = typeof reply === 'string' ? { content: reply } : reply;
  const calls = (said.toolCalls ?? []).map(
    (call, i): ChatToolCall => ({ id: `call_${i}`, type: 'function', function: call }),
  );
  const prompt = said.promptTokens ?? 10;
  const completion = said.completionTokens ?? 5;
  return {
    id,
    object: 'chat.completion',
    created: 1_700_000_000,
    model,
    choices: [
      {
        index: 0,
        finish_reason: said.finishReason ?? (calls.length > 0 ? 'tool_calls' : 'stop'),
        message: {
          role: 'assistant',
          content: said.content ?? null,
          ...(calls.length > 0 ? { tool_calls: calls } : {}),
        },
      },
    ],
    usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
  };
}
