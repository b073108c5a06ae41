import type { Budget } from '../../src/core/budget.ts';
import type { ChatRequest, ModelAnswer } from '../../src/core/chat.ts';
import type { Model } from '../../src/core/define.ts';
import type { EmbeddingAnswer, EmbeddingRequest } from '../../src/core/embedding.ts';
import type { Usage } from '../../src/core/records.ts';
import type { CallCost } from './ledger.ts';

/** Ceilings for one gateway, that is for one sandbox. Set by the runtime; nothing inside can raise them. */
export interface GatewayLimits {
  readonly maxCalls: number;
  /** Tool calls in the model's answers, all calls together. */
  readonly maxToolCalls: number;
  /** Prompt and completion tokens, all calls together. */
  readonly maxTokens: number;
  /** Ceiling of one answer in tokens. */
  readonly maxCompletionTokens: number;
  /** The host holds at most `concurrency` times as much. */
  readonly maxRequestBytes: number;
  /** Model calls in flight; more of them wait in the order they came. */
  readonly concurrency: number;
}

/** What became of one call that reached the model. */
export interface CallRecord {
  /** 0, 1, 2 … in the order the calls were started. */
  readonly index: number;
  /** SHA-256 of the canonical JSON of `request`. */
  readonly digest: string;
  /** As forwarded: seed set, answer capped, unknown fields dropped. */
  readonly request: ChatRequest | EmbeddingRequest;
  readonly latencyMs: number;
  /** What the budget was charged: for a call that was cut off, the worst case. */
  readonly charged: CallCost;
  /** Exactly one of these two is not `null`. The answer is of the request's kind. */
  readonly answer: ModelAnswer | EmbeddingAnswer | null;
  readonly error: CallError | null;
}

export interface CallError {
  /** An error code of this project, `CANCELLED`, or `UNKNOWN` for anything else that was thrown. */
  readonly code: string;
  readonly message: string;
  /** Requests to the provider, retries included, or `null` where nobody counted. */
  readonly attempts: number | null;
}

export interface GatewayOptions {
  /**
   * Existing directory for the socket, of this process alone and 0700: any user may connect who can reach
   * the socket. Short: its path must fit 107 bytes.
   */
  readonly dir: string;
  /** Without a price from it nothing is reserved in USD, and what is spent counts as unknown. */
  readonly model: Pick<Model, 'complete' | 'price' | 'embed' | 'embedPrice'>;
  /** Names offered at `/v1/models`, at least one. Without `reach`, any other name in a request means the first. */
  readonly models: readonly string[];
  /** Decides which of them a request reaches, if any; asked once for each request that is well-formed. */
  reach?(asked: { readonly model: string; readonly use: 'chat' | 'embeddings' }): Promise<Reached>;
  readonly limits: GatewayLimits;
  readonly budget: Budget;
  /** The `seed` of a call; whatever the sandbox asked for is replaced. */
  seedFor(callIndex: number): number;
  /**
   * The recorded answer of a call that was made before a crash, or `null`.
   * It is charged as it was then, so a resumed run decides as an unbroken one:
   * rebuild the budget from finished work, not from the call log.
   */
  recall(callIndex: number, digest: string): ModelAnswer | EmbeddingAnswer | null;
  /**
   * Awaited before the answer is handed in, so a recorded call is never lost.
   * Not called for recalled calls. If it throws, the sandbox gets an error instead.
   */
  onCall(record: CallRecord): void | Promise<void>;
  /** Every text that is about to reach the model: message contents, tool arguments and descriptions, what is embedded. */
  onMessages?(texts: readonly string[]): void;
  /** Every tool call in an answer, and every answer to one in a request that is about to reach the model. */
  onTools?(step: ToolStep): void;
  /** Ends every call and refuses new ones. */
  readonly signal: AbortSignal;
}

export type ToolStep =
  | { readonly calls: readonly { readonly id: string; readonly name: string }[] }
  | { readonly results: readonly { readonly id: string; readonly text: string }[] };

export type Reached =
  | { readonly allowed: true; readonly model: string }
  /** The message is for the sandbox. */
  | { readonly allowed: false; readonly rule: string; readonly message: string };

/** Why calls were refused, with how often. */
export type Refusals = Readonly<Record<RefusalReason, number>>;

export const refusalReasons = ['calls', 'tool-calls', 'tokens', 'budget', 'malformed'] as const;
/**
 * `calls`, `tool-calls`, `tokens` a limit of this gateway · `budget` the run's
 * or the lineage's budget · `malformed` no valid request.
 */
export type RefusalReason = (typeof refusalReasons)[number];

/**
 * An OpenAI-compatible endpoint on a Unix socket: the only way from a sandbox
 * to a model. Keys, prices and limits stay on this side.
 *
 * `POST /v1/chat/completions` (plain, or as server-sent events with
 * `stream: true`), `POST /v1/embeddings` where the model has them, and
 * `GET /v1/models`.
 */
export interface Gateway extends AsyncDisposable {
  /** Absolute path on the host. */
  readonly socketPath: string;
  /** What was charged so far. Refused calls cost nothing; see `refusals`. */
  usage(): Usage;
  refusals(): Refusals;
  /**
   * The first error that neither the sandbox nor the model's provider caused,
   * or `null`: a full disk under `onCall`, a missing recording, a model that
   * breaks its contract. The sandbox only sees a 500; the run should stop.
   */
  failure(): unknown;
}
