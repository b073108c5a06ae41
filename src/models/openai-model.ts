import type OpenAI from 'openai';
import { deadline, raceAbort } from '../core/abort.ts';
import type { ChatMessage, ChatRequest, ModelAnswer } from '../core/chat.ts';
import type { Model } from '../core/define.ts';
import { randomStream } from '../core/random.ts';
import { toCompletion } from './openai-answer.ts';
import { type CallContext, failedAnswer, toFailure } from './openai-error.ts';
import { type Attempt, withRetries } from './retry.ts';

export interface TokenPrice {
  /** USD per million tokens. */
  readonly promptUsdPerMTok: number;
  readonly completionUsdPerMTok: number;
}

export interface OpenAIModelOptions {
  /** The model's name in the experiment. */
  readonly name: string;
  /** The provider's name of the model. */
  readonly model: string;
  /** Any server that speaks chat completions, version path included. Default OpenAI's own. */
  readonly baseUrl?: string | undefined;
  /** Sent as the bearer token; without it the token is `none`, which local servers accept. */
  readonly apiKey?: string | undefined;
  /** Without it every cost is `null`. */
  readonly price?: TokenPrice | undefined;
  /** After overload and network failures; a timeout is not repeated. */
  readonly maxRetries: number;
  /**
   * Milliseconds one attempt may take, its whole answer included; also the
   * longest Retry-After that is waited for. Node's fetch ends an attempt after
   * 300 000 ms of silence whatever is set here.
   */
  readonly timeoutMs: number;
}

const openaiUrl = 'https://api.openai.com/v1';

/** Any OpenAI-compatible provider, through the official client, which is loaded at the first call. */
export function createOpenAIModel(options: OpenAIModelOptions): Model {
  const jitter = randomStream(0, 'model-retry', options.name);
  const policy = { maxRetries: options.maxRetries, maxWaitMs: options.timeoutMs, random: () => jitter.next() };
  let connecting: Promise<OpenAI> | null = null;
  const price = (promptTokens: number, completionTokens: number) =>
    priceOf(options.price, promptTokens, completionTokens);
  return {
    name: options.name,
    isTrusted: false,
    contextTokens: null,
    price,
    async complete(request, signal) {
      signal.throwIfAborted();
      connecting ??= connect(options);
      const client = await connecting;
      const completion = await withRetries(
        (attempts) => attempt(client, options, request, attempts, signal),
        policy,
        signal,
      );
      const costUsd = price(completion.usage.prompt_tokens, completion.usage.completion_tokens);
      return { completion, costUsd, source: 'live' };
    },
  };
}

/** Everything is said here, so that no OPENAI_* variable of the environment changes where a run sends its prompts. */
async function connect(options: OpenAIModelOptions): Promise<OpenAI> {
  const { default: Client } = await import('openai');
  return new Client({
    apiKey: options.apiKey || 'none',
    adminAPIKey: null,
    baseURL: options.baseUrl ?? openaiUrl,
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: 'off',
    maxRetries: 0,
    // Never the first to fire: `attempt` holds the deadline.
    timeout: options.timeoutMs + 5_000,
  });
}

async function attempt(
  client: OpenAI,
  options: OpenAIModelOptions,
  request: ChatRequest,
  attempts: number,
  signal: AbortSignal,
): Promise<Attempt<ModelAnswer['completion']>> {
  signal.throwIfAborted();
  const context: CallContext = {
    name: options.name,
    model: options.model,
    host: new URL(client.baseURL).host,
    attempts,
    timeoutMs: options.timeoutMs,
  };
  // The client's own timeout ends with the headers; this one covers the body too.
  using limit = deadline(signal, options.timeoutMs);
  try {
    const sent = client.chat.completions.create(toWire(request, options), { signal: limit.signal });
    const value = toCompletion(await raceAbort(sent, limit.signal), request, options.model);
    return value === null
      ? failedAnswer('something that is no chat completion', context)
      : { status: 'answered', value };
  } catch (error) {
    signal.throwIfAborted();
    return toFailure(error, limit.signal.aborted, context);
  }
}

type Wire = OpenAI.ChatCompletionCreateParamsNonStreaming;

/**
 * OpenAI's newer models know only `max_completion_tokens`, most other servers
 * only `max_tokens`. `developer` is OpenAI's word for `system`, which all accept.
 */
function toWire(request: ChatRequest, options: OpenAIModelOptions): Wire {
  const { max_tokens, max_completion_tokens, messages, ...rest } = request;
  const ceiling = max_completion_tokens ?? max_tokens;
  const isOpenAI = new URL(options.baseUrl ?? openaiUrl).host === 'api.openai.com';
  return {
    ...rest,
    ...(ceiling === undefined ? {} : { [isOpenAI ? 'max_completion_tokens' : 'max_tokens']: ceiling }),
    model: options.model,
    messages: messages.map(toWireMessage),
  } as Wire;
}

function toWireMessage(message: ChatMessage): ChatMessage {
  return message.role === 'developer' ? { ...message, role: 'system' } : message;
}

function priceOf(price: TokenPrice | undefined, promptTokens: number, completionTokens: number): number | null {
  if (price === undefined) return null;
  return (promptTokens * price.promptUsdPerMTok + completionTokens * price.completionUsdPerMTok) / 1_000_000;
}
