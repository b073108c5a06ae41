import type { RandomStream } from '../../../core/random.ts';
import type { Change } from '../edit.ts';
import { counterNames, isInFunction, isLocked } from './locks.ts';
import { outerFunction, type Place, type Program, type SyntaxNode } from './source.ts';

type Operator = (program: Program, random: RandomStream) => Change | null;

const arithmetic = ['+', '-', '*', '/'];
const relations = ['<', '<=', '>', '>='];
const families = [arithmetic, relations, ['&&', '||'], ['+=', '-=', '*=', '/=']];
const mathFamilies = [
  ['min', 'max', 'hypot', 'atan2', 'pow'],
  ['abs', 'sqrt', 'cbrt', 'exp', 'log1p', 'sin', 'cos', 'tanh'],
  ['floor', 'ceil', 'round', 'trunc'],
];
const maxPartLength = 120;

/** `a < b` to `a <= b`, `a + b` to `a * b`, `&&` to `||`, `+=` to `-=`. */
export const swapOperator: Operator = (program, random) => {
  const counters = counterNames(program);
  const options = editable(program).filter(({ node }) => {
    const target = node.type === 'AssignmentExpression' ? (node.left as SyntaxNode) : null;
    return familyOf(node.operator) !== undefined && !counters.has(String(target?.name));
  });
  if (options.length === 0) return null;
  const { node } = random.pick(options);
  const left = node.left as SyntaxNode;
  const old = node.operator as string;
  const next = random.pick(familyOf(old)!.filter((o) => o !== old));
  const start = program.text.indexOf(old, left.end);
  return {
    operator: 'swap-operator',
    note: `${shorten(textOf(program, node))}: ${old} -> ${next}`,
    edits: [{ start, end: start + old.length, text: next }],
  };
};

/** A numeric expression becomes a copy of another one of the same function. */
export const replaceExpression: Operator = (program, random) => {
  const pair = twoNumbers(program, random);
  if (pair === null) return null;
  const [target, source] = pair;
  return rewrite('replace-expression', program, target, inParentheses(program, source));
};

/** A numeric expression is combined with another one of the same function: `a` becomes `a * b`, `Math.min(a, b)` … */
export const combineExpressions: Operator = (program, random) => {
  const pair = twoNumbers(program, random);
  if (pair === null) return null;
  const [a, b] = pair.map((place) => inParentheses(program, place)) as [string, string];
  const forms = [`(${a} * ${b})`, `(${a} + ${b})`, `(${a} - ${b})`, `Math.min(${a}, ${b})`, `Math.max(${a}, ${b})`];
  return rewrite('combine-expressions', program, pair[0], random.pick([`(${a} * ${a})`, ...forms]));
};

/** `Math.min` to `Math.max`, `Math.sqrt` to `Math.cbrt`: always one that takes as many arguments. */
export const replaceMathFunction: Operator = (program, random) => {
  const options = editable(program).filter((place) => mathFamilyOf(place.node) !== undefined);
  if (options.length === 0) return null;
  const { node } = random.pick(options);
  const property = (node.callee as SyntaxNode).property as SyntaxNode;
  const next = random.pick(mathFamilyOf(node)!.filter((name) => name !== property.name));
  return {
    operator: 'replace-math-function',
    note: `Math.${property.name} -> Math.${next}`,
    edits: [{ start: property.start, end: property.end, text: next }],
  };
};

export const negateCondition: Operator = (program, random) => {
  const options = conditions(program);
  if (options.length === 0) return null;
  const place = random.pick(options);
  return rewrite('negate-condition', program, place, `!(${textOf(program, place.node)})`);
};

/** A condition is narrowed or widened by another one of the same function. */
export const wrapCondition: Operator = (program, random) => {
  const options = conditions(program);
  if (options.length === 0) return null;
  const place = random.pick(options);
  const around = outerFunction(place);
  const others = editable(program).filter((p) => p !== place && isBoolean(p.node) && outerFunction(p) === around);
  if (others.length === 0) return null;
  const other = textOf(program, random.pick(others).node);
  const text = `(${textOf(program, place.node)}) ${random.pick(['&&', '||'])} (${other})`;
  return other.length > maxPartLength ? null : rewrite('wrap-condition', program, place, text);
};

export function textOf(program: Program, node: SyntaxNode): string {
  return program.text.slice(node.start, node.end);
}

export function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length <= 60 ? line : `${line.slice(0, 57)}...`;
}

function rewrite(operator: string, program: Program, { node }: Place, text: string): Change {
  const note = `${shorten(textOf(program, node))} -> ${shorten(text)}`;
  return { operator, note, edits: [{ start: node.start, end: node.end, text }] };
}

function editable(program: Program): Place[] {
  return program.places.filter((place) => isInFunction(place) && !isLocked(place));
}

function twoNumbers(program: Program, random: RandomStream): [Place, Place] | null {
  const numbers = editable(program).filter(
    (place) => isNumber(place) && place.node.end - place.node.start <= maxPartLength,
  );
  if (numbers.length === 0) return null;
  const target = random.pick(numbers);
  const around = outerFunction(target);
  const text = textOf(program, target.node);
  const others = numbers.filter((p) => outerFunction(p) === around && textOf(program, p.node) !== text);
  return others.length === 0 ? null : [target, random.pick(others)];
}

/** Whether the place is one where only a number makes sense: kind is known by position, not by type. */
function isNumber({ node, parent, field }: Place): boolean {
  if (parent === null || !isExpression(node)) return false;
  const around = parent.node;
  if (around.type === 'BinaryExpression') return isArithmetic(around) || relations.includes(around.operator as string);
  if (field === 'arguments') return isMathCall(around);
  const isWholeValue = field === 'init' || field === 'argument' || (field === 'right' && 'operator' in around);
  return isWholeValue && (isArithmetic(node) || isMathCall(node));
}

function isExpression(node: SyntaxNode): boolean {
  if (node.type === 'Literal') return typeof node.value === 'number';
  return /^(Identifier|MemberExpression|BinaryExpression|CallExpression|UnaryExpression|ConditionalExpression)$/.test(
    node.type,
  );
}

function isArithmetic(node: SyntaxNode): boolean {
  return node.type === 'BinaryExpression' && [...arithmetic, '%', '**'].includes(node.operator as string);
}

function isMathCall(node: SyntaxNode): boolean {
  const callee = node.type === 'CallExpression' ? (node.callee as SyntaxNode) : null;
  return callee?.type === 'MemberExpression' && (callee.object as SyntaxNode).name === 'Math';
}

function isBoolean(node: SyntaxNode): boolean {
  return (
    node.type === 'LogicalExpression' ||
    (node.type === 'BinaryExpression' && /^([<>]=?|[!=]==?)$/.test(String(node.operator)))
  );
}

function conditions(program: Program): Place[] {
  return editable(program).filter((place) => {
    const isTest = place.field === 'test' && /^(If|Conditional)/.test(place.parent?.node.type ?? '');
    return isTest || isBoolean(place.node);
  });
}

function familyOf(operator: unknown): readonly string[] | undefined {
  return families.find((family) => family.includes(operator as string));
}

function mathFamilyOf(node: SyntaxNode): readonly string[] | undefined {
  if (!isMathCall(node)) return undefined;
  const name = ((node.callee as SyntaxNode).property as SyntaxNode).name as string;
  const arity = (node.arguments as SyntaxNode[]).length;
  const family = mathFamilies.find((names) => names.includes(name));
  // atan2 and pow take two arguments, min, max and hypot any number.
  return family === mathFamilies[0] && arity !== 2 ? ['min', 'max', 'hypot'] : family;
}

function inParentheses(program: Program, { node }: Place): string {
  const text = textOf(program, node);
  return /^(Identifier|MemberExpression|CallExpression|Literal)$/.test(node.type) ? text : `(${text})`;
}
