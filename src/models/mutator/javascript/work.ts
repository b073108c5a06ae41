import { childrenOf, isFunction, isNode, type Program, type SyntaxNode } from './source.ts';

/** What a loop is taken for when its bound is not a number in the source. */
const unknownRounds = 26;

/**
 * A static estimate of how much a program does: syntax nodes passed, loops
 * multiplied by their bounds, calls of the file's own functions followed. Only
 * good for comparing two versions of one file.
 */
export function estimateWork(program: Program): number {
  const costs = new Map<string, number>();
  const costOf = (name: string): number => {
    const known = costs.get(name);
    if (known !== undefined) return known;
    costs.set(name, 1);
    const { value } = program.declarations.get(name)!;
    const cost = value === null ? 0 : walk(isFunction(value) ? (value.body as SyntaxNode) : value);
    costs.set(name, cost);
    return cost;
  };
  const walk = (node: SyntaxNode): number => {
    let inner = 1;
    for (const [field, child] of childrenOf(node)) inner += walk(child) * (isRepeated(node, field) ? rounds(node) : 1);
    return inner + calledCost(node);
  };
  const calledCost = (node: SyntaxNode): number => {
    const called = node.type === 'CallExpression' ? (node.callee as SyntaxNode) : null;
    const name = called?.type === 'Identifier' ? (called.name as string) : '';
    return program.declarations.get(name)?.kind === 'function' ? costOf(name) : 0;
  };
  const rounds = (node: SyntaxNode): number => (isNode(node.test) ? boundOf(program, node.test) : unknownRounds);
  return Math.max(1, ...[...program.declarations.keys()].map(costOf));
}

/** Names that stand in a loop's condition: numbers under these names decide how long a program runs. */
export function loopBoundNames(program: Program): Set<string> {
  const names = new Set<string>();
  for (const { node } of program.places) {
    if (!isLoop(node) || !isNode(node.test)) continue;
    for (const [, side] of childrenOf(node.test)) if (side.type === 'Identifier') names.add(side.name as string);
  }
  return names;
}

export function isLoop(node: SyntaxNode): boolean {
  return /^(For|ForOf|ForIn|While|DoWhile)Statement$/.test(node.type);
}

function isRepeated(node: SyntaxNode, field: string): boolean {
  if (isLoop(node)) return field !== 'init' && field !== 'right';
  // A function handed to a method (map, forEach, sort …) runs once for each item.
  const isMethodCall = node.type === 'CallExpression' && (node.callee as SyntaxNode).type === 'MemberExpression';
  return isMethodCall && field === 'arguments' && (node.arguments as SyntaxNode[]).some(isFunction);
}

function boundOf(program: Program, test: SyntaxNode): number {
  for (const side of [test.right, test.left]) {
    if (!isNode(side)) continue;
    const value = side.type === 'Identifier' ? program.declarations.get(side.name as string)?.value : side;
    if (value?.type === 'Literal' && typeof value.value === 'number') return Math.max(1, value.value);
  }
  return unknownRounds;
}
