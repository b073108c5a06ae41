import { randomStream } from '../../src/core/random.ts';
import type { Grammar, Operator, Outline } from '../../src/models/mutator/grammar.ts';
import { checkedResult, operatorsOf } from '../../src/models/mutator/variation.ts';

/** The operators of a language, tried on a seed beside a peer. */
export function operatorHarness<P extends Outline>(grammar: Grammar<P>, seedText: string, peerText: string) {
  const program = (text: string): P => {
    const parsed = grammar.parse(text);
    if (parsed === null) throw new Error(`does not parse:\n${text}`);
    return parsed;
  };
  const seed = program(seedText);
  const peer = program(peerText);
  /** Repeats one operator from many seeds and keeps what it made of `own`. */
  const results = (operator: Operator<P>, own: P, other: P | null, count = 24): string[] => {
    const changes = Array.from({ length: count }, (_, i) => operator(own, randomStream(i, 'operator'), other));
    return changes.flatMap((change) => (change === null ? [] : [checkedResult(grammar, own, change) ?? []].flat()));
  };
  const named = new Map(
    operatorsOf(grammar).flatMap((operator) => {
      const change = Array.from({ length: 20 }, (_, i) => operator(seed, randomStream(i, 'name'), peer)).find(Boolean);
      return change === undefined || change === null ? [] : [[change.operator, operator] as const];
    }),
  );
  return { program, seed, peer, results, named };
}
