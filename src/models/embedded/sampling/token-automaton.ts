import { ModelFailedError } from '../../../core/errors.ts';

/** A grammar compiled to an automaton over tokens. States are numbers of its own choosing; it must not change. */
export interface TokenAutomaton {
  readonly start: number;
  /** The state after a token, or -1 where the token is not allowed. */
  next(state: number, token: number): number;
  /** The tokens that may follow, the end of the text not among them. */
  allowed(state: number): readonly number[];
  /** Whether the text may end here. */
  accepts(state: number): boolean;
}

/** What may follow each state, worked out once for all texts under the grammar. */
const known = new WeakMap<TokenAutomaton, Map<number, Int32Array>>();

/**
 * The tokens to choose from, the end of the text among them where it may come.
 * @throws {ModelFailedError} for a grammar that admits nothing, or names a token that does not exist.
 */
export function candidates(grammar: TokenAutomaton, state: number, end: number, vocabularySize: number): Int32Array {
  const states = known.get(grammar) ?? new Map<number, Int32Array>();
  known.set(grammar, states);
  const cached = states.get(state);
  if (cached !== undefined) return cached;
  const tokens = Int32Array.from(new Set([...grammar.allowed(state), ...(grammar.accepts(state) ? [end] : [])])).sort();
  if (tokens.length === 0) {
    throw new ModelFailedError(`the grammar admits nothing in state ${state}: no token, and not the end of the text`);
  }
  const [first, last] = [tokens[0]!, tokens.at(-1)!];
  if (first < 0 || last >= vocabularySize) {
    throw new ModelFailedError(
      `the grammar allows token ${first < 0 ? first : last} in state ${state}; the vocabulary has ${vocabularySize}`,
    );
  }
  states.set(state, tokens);
  return tokens;
}
