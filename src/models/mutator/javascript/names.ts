import { isFunction, isNode, namesIn, type Place, type Program, type SyntaxNode, upward } from './source.ts';

/** Where a name begins to be usable in its scope; function declarations, imports and parameters at once. */
type Scope = ReadonlyMap<string, number>;

/**
 * The names that a program uses and does not declare in reach, or uses before
 * they are declared. Globals are among them: compare two programs, and see
 * whether an edit has cut a name off from its declaration.
 */
export function unresolvedNames(program: Program): Set<string> {
  const scopes = new Map<SyntaxNode, Map<string, number>>();
  for (const place of program.places) declare(place, scopes);
  const missing = new Set<string>();
  for (const place of program.places) {
    if (!isReference(place)) continue;
    const problem = lookUp(place, scopes);
    if (problem !== null) missing.add(problem);
  }
  return missing;
}

function lookUp(place: Place, scopes: ReadonlyMap<SyntaxNode, Scope>): string | null {
  const name = place.node.name as string;
  let isSameFunction = true;
  for (const { node } of upward(place)) {
    const usableFrom = scopes.get(node)?.get(name);
    if (usableFrom !== undefined) return isSameFunction && place.node.start < usableFrom ? `early ${name}` : null;
    if (isFunction(node)) isSameFunction = false;
  }
  return name;
}

function declare(place: Place, scopes: Map<SyntaxNode, Map<string, number>>): void {
  const { node } = place;
  const add = (scope: SyntaxNode, names: readonly string[], usableFrom: number) => {
    const known = scopes.get(scope) ?? new Map<string, number>();
    for (const name of names) known.set(name, usableFrom);
    scopes.set(scope, known);
  };
  if (isFunction(node)) {
    add(node, (node.params as SyntaxNode[]).flatMap(namesIn), 0);
    if (isNode(node.id)) add(node.type === 'FunctionDeclaration' ? scopeAround(place) : node, namesIn(node.id), 0);
  } else if (node.type === 'VariableDeclarator') add(scopeAround(place), namesIn(node.id as SyntaxNode), node.end);
  else if (node.type === 'ClassDeclaration') add(scopeAround(place), namesIn(node.id as SyntaxNode), node.end);
  else if (/^Import(Default|Namespace)?Specifier$/.test(node.type)) {
    add(scopeAround(place), namesIn(node.local as SyntaxNode), 0);
  } else if (node.type === 'CatchClause') add(node, namesIn(node.param as SyntaxNode | null), 0);
}

function scopeAround(place: Place): SyntaxNode {
  const scope = [...upward(place)].slice(1).find(({ node }) => {
    return isFunction(node) || /^(Program|BlockStatement|StaticBlock|SwitchStatement|For.*Statement)$/.test(node.type);
  });
  return scope!.node;
}

/** Whether an identifier reads or writes a variable, as opposed to naming a field, a label or a declaration. */
function isReference({ node, parent, field }: Place): boolean {
  if (node.type !== 'Identifier' || parent === null) return false;
  const around = parent.node;
  if (field === 'property' || field === 'key') return around.computed === true;
  if (field === 'label' || field === 'exported' || field === 'imported') return false;
  if (field === 'value' && around.type === 'Property') return !isPattern(parent);
  return !isPattern({ node, parent, field });
}

/** Whether a place declares names: in a parameter list, a declarator's left side, an import, a catch. */
function isPattern(place: Place): boolean {
  for (const { parent, field } of upward(place)) {
    if (parent === null) return false;
    if (field === 'params' || field === 'id' || field === 'param' || field === 'local') return true;
    const isInside = /^(Array|Object|Assignment)Pattern$|^RestElement$|^Property$/.test(parent.node.type);
    if (!isInside || (parent.node.type === 'AssignmentPattern' && field === 'right')) return false;
  }
  return false;
}
