import type { RandomStream } from '../../../core/random.ts';
import type { Change } from '../edit.ts';
import { isInFunction, isInWhile, keywordOf, type Program, type Statement } from './source.ts';
import { isOperand, type Token } from './tokens.ts';

type Operator = (program: Program, random: RandomStream) => Change | null;

const families = [
  ['+', '-', '*', '/'],
  ['<', '<=', '>', '>='],
  ['and', 'or'],
  ['+=', '-=', '*=', '/='],
];
const mathFamilies = [
  ['fabs', 'sqrt', 'exp', 'log1p', 'sin', 'cos', 'tanh'],
  ['floor', 'ceil', 'trunc'],
];

/** `a < b` to `a <= b`, `a + b` to `a * b`, `and` to `or`, `+=` to `-=`. */
export const swapOperator: Operator = (program, random) => {
  const options = places(program).filter(({ statement, i }) => {
    const token = statement.tokens[i]!;
    return familyOf(token) !== undefined && isOperand(statement.tokens[i - 1]);
  });
  if (options.length === 0) return null;
  const { statement, i } = random.pick(options);
  const token = statement.tokens[i]!;
  const next = random.pick(familyOf(token)!.filter((text) => text !== token.text));
  return rename('swap-operator', `${shorten(textOf(program, statement))}: ${token.text} -> ${next}`, token, next);
};

/** `min` to `max`, `math.sqrt` to `math.exp`: always one that takes as many arguments. */
export const replaceMathFunction: Operator = (program, random) => {
  const options = places(program).flatMap(({ statement: { tokens }, i }) => {
    const others = mathNames(tokens, i);
    return others.length === 0 ? [] : [{ token: tokens[i]!, others }];
  });
  if (options.length === 0) return null;
  const { token, others } = random.pick(options);
  const next = random.pick(others);
  return rename('replace-math-function', `${token.text} -> ${next}`, token, next);
};

/** The condition of an `if` or `elif`. */
export const negateCondition: Operator = (program, random) => {
  const options = editable(program).filter((s) => /^(if|elif)$/.test(keywordOf(s)) && s.tokens.at(-1)!.text === ':');
  if (options.length === 0) return null;
  const { tokens } = random.pick(options);
  const [start, end] = [tokens[1]!.start, tokens.at(-2)!.end];
  const condition = program.text.slice(start, end);
  return {
    operator: 'negate-condition',
    note: shorten(condition),
    edits: [{ start, end, text: `not (${condition})` }],
  };
};

export function textOf(program: Program, { tokens }: Statement): string {
  return program.text.slice(tokens[0]!.start, tokens.at(-1)!.end);
}

export function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length <= 60 ? line : `${line.slice(0, 57)}...`;
}

/** Statements in functions, but for the heads of loops and definitions, and for all of `while`. */
function editable(program: Program): Statement[] {
  return program.statements.filter(
    (s) => isInFunction(s) && !isInWhile(s) && !/^(for|def|class|import|from|@)$/.test(keywordOf(s)),
  );
}

function places(program: Program): { readonly statement: Statement; readonly i: number }[] {
  return editable(program).flatMap((statement) => statement.tokens.map((_, i) => ({ statement, i })));
}

function rename(operator: string, note: string, { start, end }: Token, text: string): Change {
  return { operator, note, edits: [{ start, end, text }] };
}

function familyOf({ kind, text }: Token): readonly string[] | undefined {
  return kind === 'string' ? undefined : families.find((family) => family.includes(text));
}

/** Functions that may stand where the token at `i` calls one. */
function mathNames(tokens: readonly Token[], i: number): string[] {
  const { text } = tokens[i]!;
  if (tokens[i + 1]?.text !== '(') return [];
  if (tokens[i - 1]?.text !== '.') return text === 'min' ? ['max'] : text === 'max' ? ['min'] : [];
  if (tokens[i - 2]?.text !== 'math') return [];
  return (mathFamilies.find((names) => names.includes(text)) ?? []).filter((name) => name !== text);
}
