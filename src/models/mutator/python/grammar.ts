import type { Grammar } from '../grammar.ts';
import { unresolvedNames } from './names.ts';
import { perturbNumber, scalePair } from './numeric.ts';
import { negateCondition, replaceMathFunction, swapOperator } from './operators.ts';
import { type Program, parseProgram } from './source.ts';
import { deleteStatement, duplicateStatement } from './statements.ts';
import { estimateWork } from './work.ts';

export const python: Grammar<Program> = {
  files: /\.py$/,
  parse: parseProgram,
  unresolvedNames,
  estimateWork,
  // Some five seconds; Python takes longer for the same work than JavaScript.
  maxWork: 1_000_000_000,
  computation,
  functionGap: '\n\n\n',
  numeric: [
    [perturbNumber, 4],
    [scalePair, 1],
  ],
  structural: [
    [swapOperator, 3],
    [duplicateStatement, 3],
    [deleteStatement, 1],
    [replaceMathFunction, 1],
    [negateCondition, 0.5],
  ],
};

function computation({ statements }: Program): number {
  const operators = statements.flatMap(({ tokens }) => tokens).filter(({ kind }) => kind === 'operator');
  const sums = operators.filter(({ text }) => /^([-+*/%]|\*\*|\/\/|[<>]=?)$/.test(text)).length;
  return sums - 2 * operators.filter(({ text }) => /^(&|\||\^|~|<<|>>)=?$/.test(text)).length;
}
