import { raceAbort, sleep } from '../../src/core/abort.ts';
import type { ChatCompletion, ChatRequest, ChatToolCall, ModelAnswer } from '../../src/core/chat.ts';
import type { Model } from '../../src/core/define.ts';
import {
  type EmbeddingAnswer,
  type EmbeddingList,
  type EmbeddingRequest,
  encodeVector,
} from '../../src/core/embedding.ts';

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
  /** Embeds every input as this says, at two tokens each. Without it there are no embeddings. */
  readonly embeds?: Embed;
}

/** A pure function of one input. */
export type Embed = (input: string | readonly number[]) => readonly number[];

/** A `Model` that plays a function and remembers what it was asked. */
export interface ScriptedModel extends Model {
  readonly requests: readonly ChatRequest[];
  readonly embeddingRequests: readonly EmbeddingRequest[];
  /** The largest number of calls in flight at once. */
  readonly peak: number;
  /** Calls whose signal was aborted before they were answered. */
  readonly cancelled: number;
}

export function createScriptedModel(script: Script, options: ScriptedModelOptions = {}): ScriptedModel {
  const requests: ChatRequest[] = [];
  const embeddingRequests: EmbeddingRequest[] = [];
  const faults = [...(options.failFirst ?? [])];
  const rate = options.usdPerToken;
  let flying = 0;
  let peak = 0;
  let cancelled = 0;

  /** Every call passes here: counted, held back, made to fail, given up when its signal says so. */
  const play = async <T>(answer: () => T, signal: AbortSignal): Promise<T> => {
    const onAbort = () => void (cancelled += 1);
    signal.addEventListener('abort', onAbort, { once: true });
    peak = Math.max(peak, (flying += 1));
    try {
      if (options.hangs === true) await new Promise(() => {});
      await sleep(options.delayMs ?? 0, signal);
      if (options.until !== undefined) await raceAbort(options.until, signal);
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
      return answer();
    } finally {
      flying -= 1;
      signal.removeEventListener('abort', onAbort);
    }
  };
  const name = options.name ?? 'scripted';
  const costOf = (tokens: number) => (rate === undefined ? null : tokens * rate);

  const model: ScriptedModel = {
    name,
    isTrusted: options.isTrusted ?? false,
    contextTokens: null,
    price: (prompt, completion) => costOf(prompt + completion),
    requests,
    embeddingRequests,
    get peak() {
      return peak;
    },
    get cancelled() {
      return cancelled;
    },
    async complete(request, signal): Promise<ModelAnswer> {
      signal.throwIfAborted();
      const call = requests.push(structuredClone(request)) - 1;
      return play(() => {
        const completion = toCompletion(script(request, call), `chatcmpl-${call}`, name);
        return { completion, costUsd: costOf(completion.usage.total_tokens), source: 'live' };
      }, signal);
    },
  };
  const { embeds } = options;
  if (embeds === undefined) return model;
  return Object.assign(model, {
    embedPrice: costOf,
    async embed(request: EmbeddingRequest, signal: AbortSignal): Promise<EmbeddingAnswer> {
      signal.throwIfAborted();
      embeddingRequests.push(structuredClone(request));
      return play(() => {
        const embeddings = toEmbeddingList(request.input.map(embeds), name);
        return { embeddings, costUsd: costOf(embeddings.usage.total_tokens), source: 'live' };
      }, signal);
    },
  });
}

/** A complete list of embeddings, two tokens each. */
export function toEmbeddingList(vectors: readonly (readonly number[])[], model = 'scripted'): EmbeddingList {
  const tokens = 2 * vectors.length;
  return {
    object: 'list',
    model,
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: encodeVector(vector) })),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
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
