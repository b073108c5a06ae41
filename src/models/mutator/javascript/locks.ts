import { isFunction, isNode, namesIn, type Place, type Program, type SyntaxNode, upward } from './source.ts';

/**
 * Whether a place belongs to what makes a loop end: the head of a `for`
 * loop, or anything in a `while` loop. No operator touches those, so that a
 * variation cannot run for ever.
 */
export function isLocked(place: Place): boolean {
  for (const { parent, field } of upward(place)) {
    if (parent === null) return false;
    const { type } = parent.node;
    if (type === 'WhileStatement' || type === 'DoWhileStatement') return true;
    if (/^For(Of|In)?Statement$/.test(type) && field !== 'body') return true;
    if (type === 'ImportDeclaration' || type === 'ExportAllDeclaration') return true;
  }
  return false;
}

/** Names that a `for` loop counts with: assignments to them are part of the loop's machinery too. */
export function counterNames(program: Program): Set<string> {
  const names = new Set<string>();
  for (const { node } of program.places) {
    if (node.type !== 'ForStatement' || !isNode(node.init) || node.init.type !== 'VariableDeclaration') continue;
    for (const declarator of node.init.declarations as SyntaxNode[]) {
      for (const name of namesIn(declarator.id as SyntaxNode)) names.add(name);
    }
  }
  return names;
}

/** Whether a place lies inside a function, where code runs with values and not once at import. */
export function isInFunction(place: Place): boolean {
  for (const { node } of upward(place)) if (isFunction(node)) return true;
  return false;
}
