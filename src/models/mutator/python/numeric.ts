import type { RandomStream } from '../../../core/random.ts';
import type { Change } from '../edit.ts';
import * as numbers from '../numbers.ts';
import { isInRange, isLoopBound, loopBoundNames } from './loops.ts';
import { bracketsOf, isInWhile, keywordOf, outerFunction, type Program, type Statement } from './source.ts';
import { isOperand, type Token } from './tokens.ts';

export function perturbNumber(program: Program, random: RandomStream): Change | null {
  return numbers.perturbNumber(numbersIn(program), random);
}

export function scalePair(program: Program, random: RandomStream): Change | null {
  return numbers.scalePair(numbersIn(program), random);
}

function numbersIn(program: Program): numbers.NumberPlace[] {
  const bounds = loopBoundNames(program);
  const open = program.statements.filter((statement) => !isInWhile(statement));
  return open.flatMap((statement) => {
    const { tokens } = statement;
    const brackets = bracketsOf(tokens);
    return tokens.flatMap((token, i) => {
      const number = token.kind === 'number' ? numbers.readNumber(token.text) : null;
      const isBound = isLoopBound(tokens, brackets, i);
      if (number === null || !(isBound || isMagnitude(statement, brackets, i))) return [];
      const label = labelOf(tokens, brackets, i);
      const isLoopBoundHere = number.isInteger && (isBound || (label !== null && bounds.has(label)));
      const { start, end } = token;
      return [{ ...number, start, end, label, isLoopBound: isLoopBoundHere, scope: outerFunction(statement) }];
    });
  });
}

const bits = /^(&|\||\^|~|<<|>>)=?$/;

/** Whether a number is a quantity, not an index, a bit pattern, a key or part of a loop's own machinery. */
function isMagnitude(statement: Statement, brackets: readonly number[], i: number): boolean {
  const { tokens } = statement;
  if (keywordOf(statement) === 'for' || isInRange(tokens, brackets, i)) return false;
  const isNegative = tokens[i - 1]?.text === '-' && !isOperand(tokens[i - 2]);
  const before = tokens[isNegative ? i - 2 : i - 1]?.text ?? '';
  const after = tokens[i + 1]?.text ?? '';
  if (bits.test(before) || bits.test(after)) return false;
  const open = brackets[i]!;
  const isSubscript = tokens[open]?.text === '[' && isOperand(tokens[open - 1]);
  if (isSubscript) return !(/^[[:,]$/.test(before) && /^[\]:,]$/.test(after));
  return !(tokens[open]?.text === '{' && after === ':');
}

/** The name a number is stored or passed under: `name = 1`, `name: float = 1`, `f(name=1)`. */
function labelOf(tokens: readonly Token[], brackets: readonly number[], i: number): string | null {
  if (tokens[i - 1]?.text !== '=') return null;
  const isArgument = brackets[i] !== -1;
  const name = tokens[isArgument ? i - 2 : 0]!;
  const isWhole = isArgument ? /^[,)]$/.test(tokens[i + 1]!.text) : i === tokens.length - 1;
  return isWhole && (isArgument || /^[=:]$/.test(tokens[1]!.text)) && name.kind === 'name' ? name.text : null;
}
