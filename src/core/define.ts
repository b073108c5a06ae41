import type { ZodType } from 'zod';
import type { ChatRequest, ModelAnswer } from './chat.ts';
import type { EmbeddingAnswer, EmbeddingRequest } from './embedding.ts';
import type { Json } from './json.ts';
import type { RequestOf, ResultOf, RoleName } from './messages.ts';

/** An actor as the runtime sees it: one request, one result. */
export interface RoleActor<R extends RoleName> extends AsyncDisposable {
  /**
   * Answers one request. Called for one request at a time.
   * The same request may come again after a crash, so it must be idempotent.
   */
  handle(request: RequestOf<R>, signal: AbortSignal): Promise<ResultOf<R>>;
}

export interface ActorDefinition<R extends RoleName = RoleName, Ports = unknown, Params = Json> {
  readonly kind: 'actor';
  readonly role: R;
  readonly name: string;
  readonly params?: ZodType<Params>;
  create(ports: Ports, params: Params): RoleActor<R>;
}

/** Declares an actor that can stand in for a built-in role. @see examples/actor */
export function defineActor<R extends RoleName, Ports = unknown, Params = Json>(
  definition: Omit<ActorDefinition<R, Ports, Params>, 'kind'>,
): ActorDefinition<R, Ports, Params> {
  return { kind: 'actor', ...definition };
}

/** Answers chat completions, and may embed texts. Everything outside the sandbox: a genome only sees the gateway. */
export interface Model {
  readonly name: string;
  /**
   * Whether code this model writes may run without isolation. True only for
   * models that cannot produce anything but rearrangements of trusted code.
   */
  readonly isTrusted: boolean;
  /** The largest prompt plus answer in tokens, or `null` when unknown. */
  readonly contextTokens: number | null;
  /**
   * @throws {ModelUnavailableError} after every allowed retry.
   * @throws {ModelFailedError} for an answer that a second try would repeat.
   */
  complete(request: ChatRequest, signal: AbortSignal): Promise<ModelAnswer>;
  /** An upper bound in USD for a call of so many tokens, or `null` without a known price. */
  price(promptTokens: number, completionTokens: number): number | null;
  /** Embeds texts; left out by a model that cannot. Throws as `complete` does. */
  embed?(request: EmbeddingRequest, signal: AbortSignal): Promise<EmbeddingAnswer>;
  /** As `price`, for embedding so many tokens. Without it that price is unknown. */
  embedPrice?(tokens: number): number | null;
}

export interface ModelDefinition<Params = Json> {
  readonly kind: 'model';
  readonly name: string;
  readonly params?: ZodType<Params>;
  create(params: Params): Model;
}

/** Declares a model for use in an experiment file. @see examples/model */
export function defineModel<Params = Json>(definition: Omit<ModelDefinition<Params>, 'kind'>): ModelDefinition<Params> {
  return { kind: 'model', ...definition };
}

/** What a selection policy may look at: one line per valid generation, oldest first. */
export interface ArchiveEntry {
  readonly generation: number;
  /** Selection score; `null` when it was not measured. */
  readonly score: number | null;
  /** Whether the score is of all items; one of a first stage only is worth less. */
  readonly isFull: boolean;
  /** Children that are valid, and children that failed. */
  readonly children: number;
  readonly failedChildren: number;
  readonly isPromoted: boolean;
  /** Bytes of the genome. */
  readonly bytes: number;
}

/** Chooses the parent of the next generation: a pure function of archive and randomness. */
export type SelectParent = (archive: readonly ArchiveEntry[], random: () => number) => number;

export interface SelectionDefinition {
  readonly kind: 'selection';
  readonly name: string;
  readonly select: SelectParent;
}

/** Declares a selection policy for use in an experiment file. @see examples/selection */
export function defineSelection(definition: Omit<SelectionDefinition, 'kind'>): SelectionDefinition {
  return { kind: 'selection', ...definition };
}
