import { ModelFailedError } from '../../../core/errors.ts';
import { type RandomStream, randomStream } from '../../../core/random.ts';
import type { ModelShape } from '../shape.ts';
import { type Choice, chooseToken, logSumExp } from './choose-token.ts';
import type { Logits } from './decoder.ts';
import { candidates, type TokenAutomaton } from './token-automaton.ts';

export interface SampleRequest extends Choice {
  /** At least one token. */
  readonly prompt: readonly number[];
  /** Most tokens to draw, the end not counted. 0 only reads the prompt. */
  readonly maxTokens: number;
  readonly seed: number;
  /** The token that ends a text. Drawn, it is not part of the result. */
  readonly end: number;
  /** Further tokens that end it. */
  readonly stop?: readonly number[];
  readonly grammar?: TokenAutomaton | undefined;
  /** Also say how likely the prompt's own tokens were. */
  readonly scoresPrompt?: boolean;
}

export interface Sample {
  readonly tokens: readonly number[];
  /** Of each token, and of the end if it was drawn: natural logarithm, under the bare model (temperature 1, no grammar). */
  readonly logProbabilities: readonly number[];
  /** Of each prompt token but the first, given those before it; empty unless asked for. */
  readonly promptLogProbabilities: readonly number[];
  /** `length`: neither an end nor a stop token came before `maxTokens` or the end of the context. */
  readonly finish: 'stop' | 'length';
}

/** A text that is being continued. */
export interface Text {
  readonly request: SampleRequest;
  readonly random: RandomStream;
  readonly tokens: number[];
  readonly logProbabilities: number[];
  promptLogProbabilities: readonly number[];
  state: number;
}

export function beginText(request: SampleRequest): Text {
  return {
    ...{ request, random: randomStream(request.seed, 'sample') },
    ...{ tokens: [], logProbabilities: [], promptLogProbabilities: [], state: request.grammar?.start ?? 0 },
  };
}

/** Draws the next token from what follows the last one read. @returns the whole sample when it is the last. */
export function draw(text: Text, logits: readonly Logits[], shape: ModelShape): Sample | null {
  const { request, tokens, logProbabilities } = text;
  const { prompt, grammar, end, stop = [], maxTokens } = request;
  const last = logits.at(-1)!;
  const total = logSumExp(last);
  if (!Number.isFinite(total)) throw new ModelFailedError(`the weights yield no number: the logits sum to ${total}`);
  if (request.scoresPrompt === true && tokens.length === 0) {
    text.promptLogProbabilities = prompt.slice(1).map((token, i) => logits[i]![token]! - logSumExp(logits[i]!));
  }
  const finished = (finish: Sample['finish']): Sample => {
    const { promptLogProbabilities } = text;
    return { tokens, logProbabilities, promptLogProbabilities, finish };
  };
  if (maxTokens === 0) return finished('length');
  const among = grammar === undefined ? null : candidates(grammar, text.state, end, shape.vocabularySize);
  const token = chooseToken(last, among, request, text.random);
  logProbabilities.push(last[token]! - total);
  if (token === end || stop.includes(token)) return finished('stop');
  if (grammar !== undefined) text.state = follow(grammar, text.state, token);
  tokens.push(token);
  return tokens.length >= maxTokens || prompt.length + tokens.length > shape.contextLength ? finished('length') : null;
}

function follow(grammar: TokenAutomaton, state: number, token: number): number {
  const next = grammar.next(state, token);
  if (next !== -1) return next;
  throw new ModelFailedError(`the grammar allows token ${token} in state ${state}, and has no state after it`);
}

/** @throws {ModelFailedError} for a prompt that the model cannot read. */
export function checkRequest({ prompt }: SampleRequest, { contextLength, vocabularySize }: ModelShape): void {
  if (prompt.length === 0) throw new ModelFailedError('the prompt has no token');
  if (prompt.length > contextLength) {
    throw new ModelFailedError(`the prompt has ${prompt.length} tokens; the model's context is ${contextLength}`);
  }
  const wrong = prompt.find((token) => !Number.isInteger(token) || token < 0 || token >= vocabularySize);
  if (wrong !== undefined)
    throw new ModelFailedError(`the prompt has token ${wrong}; the vocabulary has ${vocabularySize}`);
}
