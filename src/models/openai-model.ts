import type OpenAI from 'openai';
import { deadline, raceAbort } from '../core/abort.ts';
import type { ChatCompletion, ChatMessage, ChatRequest } from '../core/chat.ts';
import type { Model } from '../core/define.ts';
import type { EmbeddingList, EmbeddingRequest } from '../core/embedding.ts';
import { randomStream } from '../core/random.ts';
import { toCompletion } from './openai-answer.ts';
import { toEmbeddings } from './openai-embeddings.ts';
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
  /** The same server's model for embeddings; without it there are none. Without its price their cost is `null`. */
  readonly embeddings?: { readonly model: string; readonly usdPerMTok?: number | undefined } | undefined;
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
  const { name, embeddings } = options;
  const jitter = randomStream(0, 'model-retry', name);
  const policy = { maxRetries: options.maxRetries, maxWaitMs: options.timeoutMs, random: () => jitter.next() };
  let connecting: Promise<OpenAI> | null = null;
  const call = async <T>(asked: Asked<T>, signal: AbortSignal) => {
    signal.throwIfAborted();
    connecting ??= connect(options);
    const client = await connecting;
    return withRetries((attempts) => attempt(client, options, asked, attempts, signal), policy, signal);
  };
  const price = (promptTokens: number, completionTokens: number) =>
    priceOf(options.price, promptTokens, completionTokens);
  const model: Model = {
    name,
    isTrusted: false,
    contextTokens: null,
    price,
    async complete(request, signal) {
      const { value, attempts } = await call(completionOf(request, options), signal);
      const costUsd = price(value.usage.prompt_tokens, value.usage.completion_tokens);
      return { completion: value, costUsd, source: 'live', attempts };
    },
  };
  if (embeddings === undefined) return model;
  const { usdPerMTok } = embeddings;
  const embedPrice = (tokens: number) => (usdPerMTok === undefined ? null : (tokens * usdPerMTok) / 1_000_000);
  return {
    ...model,
    embedPrice,
    async embed(request, signal) {
      const { value, attempts } = await call(embeddingsOf(request, embeddings.model), signal);
      return { embeddings: value, costUsd: embedPrice(value.usage.prompt_tokens), source: 'live', attempts };
    },
  };
}

/** One kind of request to the provider, and how its answer is read. */
interface Asked<T> {
  readonly model: string;
  /** For an error message: what the answer should have been. */
  readonly what: string;
  send(client: OpenAI, signal: AbortSignal): Promise<unknown>;
  /** `null` for an answer that is something else. */
  read(body: unknown): T | null;
}

function completionOf(request: ChatRequest, options: OpenAIModelOptions): Asked<ChatCompletion> {
  return {
    model: options.model,
    what: 'chat completion',
    send: (client, signal) => client.chat.completions.create(toWire(request, options), { signal }),
    read: (body) => toCompletion(body, request, options.model),
  };
}

function embeddingsOf(request: EmbeddingRequest, model: string): Asked<EmbeddingList> {
  return {
    model,
    what: 'list of embeddings, one for each input',
    // Not base64, the client's default: a server that does not know it sends digits, which the client would garble.
    send(client, signal) {
      const body = { ...request, model, encoding_format: 'float' } as OpenAI.EmbeddingCreateParams;
      return client.embeddings.create(body, { signal });
    },
    read: (body) => toEmbeddings(body, request, model),
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

async function attempt<T>(
  client: OpenAI,
  options: OpenAIModelOptions,
  { model, what, send, read }: Asked<T>,
  attempts: number,
  signal: AbortSignal,
): Promise<Attempt<T>> {
  signal.throwIfAborted();
  const { name, timeoutMs } = options;
  const context: CallContext = { name, model, host: new URL(client.baseURL).host, attempts, timeoutMs };
  // The client's own timeout ends with the headers; this one covers the body too.
  using limit = deadline(signal, timeoutMs);
  try {
    const value = read(await raceAbort(send(client, limit.signal), limit.signal));
    return value === null ? failedAnswer(`something that is no ${what}`, context) : { status: 'answered', value };
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
