import type { Grammar } from '../grammar.ts';
import {
  combineExpressions,
  negateCondition,
  replaceExpression,
  replaceMathFunction,
  swapOperator,
  wrapCondition,
} from './expressions.ts';
import { unresolvedNames } from './names.ts';
import { perturbNumber, scalePair } from './numeric.ts';
import { type Program, parseProgram } from './source.ts';
import { deleteStatement, duplicateStatement, moveStatement } from './statements.ts';
import { estimateWork } from './work.ts';

export const javascript: Grammar<Program> = {
  files: /\.m?js$/,
  parse: parseProgram,
  unresolvedNames,
  estimateWork,
  maxWork: 1_200_000_000,
  computation,
  functionGap: '\n\n',
  numeric: [
    [perturbNumber, 4],
    [scalePair, 1],
  ],
  structural: [
    [combineExpressions, 4],
    [replaceExpression, 2],
    [swapOperator, 1.5],
    [duplicateStatement, 3],
    [deleteStatement, 1],
    [wrapCondition, 1],
    [replaceMathFunction, 1],
    [negateCondition, 0.5],
    [moveStatement, 0.5],
  ],
};

function computation(program: Program): number {
  const operators = program.places.map(({ node }) => String(node.operator ?? ''));
  const sums = operators.filter((operator) => /^([-+*/%]|\*\*|[<>]=?)$/.test(operator)).length;
  return sums - 2 * operators.filter((operator) => /^(&|\||\^|~|<<|>>>?)=?$/.test(operator)).length;
}
