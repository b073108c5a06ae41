import { isLoopBound } from './loops.ts';
import { bracketsOf, keywordOf, type Program, type Statement } from './source.ts';
import type { Token } from './tokens.ts';

/** What a loop is taken for when its bound is not a number in the source. */
const unknownRounds = 26;

/**
 * A static estimate of how much a program does: tokens passed, loops and
 * comprehensions multiplied by their bounds, calls of the file's own functions
 * followed. Only good for comparing two versions of one file.
 */
export function estimateWork(program: Program): number {
  const costs = new Map<string, number>();
  const functions = new Map(
    program.statements.flatMap((s) => (s.parent === null && keywordOf(s) === 'def' ? [[nameOf(s), s] as const] : [])),
  );
  const costOf = (name: string): number => {
    const known = costs.get(name);
    if (known !== undefined) return known;
    costs.set(name, 1);
    const cost = functions.get(name)!.body.reduce((sum, s) => sum + walk(s), 1);
    costs.set(name, cost);
    return cost;
  };
  const walk = (statement: Statement): number => {
    const { tokens } = statement;
    const isLoop = /^(for|while)$/.test(keywordOf(statement));
    const rounds = roundsOf(program, tokens);
    const own = tokens.reduce((sum, token, i) => sum + 1 + callCost(tokens, token, i), 0);
    const inner = statement.body.reduce((sum, s) => sum + walk(s), 0);
    // The head of a loop is gone through once; a comprehension's `for` stands behind what it repeats.
    return isLoop ? own + rounds * inner : own * rounds + inner;
  };
  const callCost = (tokens: readonly Token[], { kind, text }: Token, i: number): number => {
    const isCall = kind === 'name' && tokens[i + 1]?.text === '(' && tokens[i - 1]?.text !== '.';
    return isCall && functions.has(text) && tokens[i - 1]?.text !== 'def' ? costOf(text) : 0;
  };
  return Math.max(1, ...[...functions.keys()].map(costOf));
}

function nameOf({ tokens }: Statement): string {
  return tokens[tokens[0]!.text === 'async' ? 2 : 1]?.text ?? '';
}

/** How often a line is gone through for its `for`s, or for its `while`. */
function roundsOf(program: Program, tokens: readonly Token[]): number {
  const brackets = bracketsOf(tokens);
  return tokens.reduce((product, { kind, text }, i) => {
    if (kind !== 'name' || !/^(for|while)$/.test(text)) return product;
    const next = tokens.findIndex((token, j) => j > i && token.text === 'for');
    const bound = tokens.find((_, j) => j > i && (next === -1 || j < next) && isLoopBound(tokens, brackets, j));
    return product * (bound === undefined ? unknownRounds : boundOf(program, bound));
  }, 1);
}

function boundOf(program: Program, { kind, text }: Token): number {
  const value = kind === 'number' ? null : program.declarations.get(text)?.value;
  const number = Number(value === null ? text : program.text.slice(value?.start, value?.end));
  return value !== undefined && Number.isFinite(number) ? Math.max(1, number) : unknownRounds;
}
