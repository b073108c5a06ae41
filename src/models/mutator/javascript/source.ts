import { type Comment, type Node, parse } from 'acorn';
import type { Declaration, Outline } from '../grammar.ts';

/** A syntax node as walked here: fields are read by name and checked where they are used. */
export interface SyntaxNode extends Node {
  readonly [field: string]: unknown;
}

/** A node together with the way that leads to it. */
export interface Place {
  readonly node: SyntaxNode;
  readonly parent: Place | null;
  /** The parent's field that holds the node. */
  readonly field: string;
}

/** A top-level declaration whose value can be walked. */
interface SyntaxDeclaration extends Declaration {
  readonly value: SyntaxNode | null;
}

export interface Program extends Outline {
  /** Every node, in source order of their starts. */
  readonly places: readonly Place[];
  readonly declarations: ReadonlyMap<string, SyntaxDeclaration>;
}

/** @returns `null` when the text is not an ECMAScript module. */
export function parseProgram(text: string): Program | null {
  const comments: Comment[] = [];
  let root: SyntaxNode;
  try {
    root = parse(text, {
      ecmaVersion: 2024,
      sourceType: 'module',
      allowHashBang: true,
      onComment: comments,
    }) as unknown as SyntaxNode;
  } catch {
    return null;
  }
  const places: Place[] = [];
  collect({ node: root, parent: null, field: '' }, places);
  const statements = root.body as SyntaxNode[];
  const imports = statements.filter((s) => s.type === 'ImportDeclaration');
  return {
    text,
    places,
    declarations: new Map(statements.flatMap((s) => declarationsOf(s, text, comments)).map((d) => [d.name, d])),
    importsEnd: imports.at(-1)?.end ?? 0,
    functionsEnd: text.trimEnd().length,
  };
}

/** The nodes directly inside a node, with the field that holds each. */
export function* childrenOf(node: SyntaxNode): Generator<readonly [field: string, child: SyntaxNode]> {
  for (const [field, value] of Object.entries(node)) {
    for (const item of Array.isArray(value) ? value : [value]) if (isNode(item)) yield [field, item];
  }
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

/** The way up: the place itself, its parent, and so on. */
export function* upward(place: Place): Generator<Place> {
  for (let at: Place | null = place; at !== null; at = at.parent) yield at;
}

export function isFunction(node: SyntaxNode): boolean {
  return /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type);
}

/** The outermost function around a place, or `null` at the top level. */
export function outerFunction(place: Place): SyntaxNode | null {
  let outermost: SyntaxNode | null = null;
  for (const { node } of upward(place)) if (isFunction(node)) outermost = node;
  return outermost;
}

/** All names that a pattern declares. */
export function namesIn(pattern: SyntaxNode | null): string[] {
  if (pattern === null) return [];
  if (pattern.type === 'Identifier') return [pattern.name as string];
  if (pattern.type === 'AssignmentPattern') return namesIn(pattern.left as SyntaxNode);
  if (pattern.type === 'Property') return namesIn(pattern.value as SyntaxNode);
  return [...childrenOf(pattern)].flatMap(([, child]) => namesIn(child));
}

function collect(place: Place, into: Place[]): void {
  into.push(place);
  for (const [field, node] of childrenOf(place.node)) collect({ node, parent: place, field }, into);
}

function declarationsOf(statement: SyntaxNode, text: string, comments: readonly Comment[]): SyntaxDeclaration[] {
  const isExported = statement.type === 'ExportNamedDeclaration';
  const inner = isExported ? (statement.declaration as SyntaxNode | null) : statement;
  if (inner === null) return [];
  const range = { start: withComment(statement, text, comments), end: statement.end, isExported };
  if (inner.type === 'FunctionDeclaration') {
    return [{ ...range, name: namesIn(inner.id as SyntaxNode)[0]!, value: inner, kind: 'function', isConstant: false }];
  }
  const declarators = inner.type === 'VariableDeclaration' ? (inner.declarations as SyntaxNode[]) : [];
  // A statement that declares several names cannot be taken over one name at a time.
  const [only] = declarators;
  if (only === undefined || declarators.length > 1 || (only.id as SyntaxNode).type !== 'Identifier') return [];
  const value = (only.init ?? null) as SyntaxNode | null;
  return [
    {
      ...range,
      name: namesIn(only.id as SyntaxNode)[0]!,
      value,
      kind: 'variable',
      isConstant: value?.type === 'Literal',
    },
  ];
}

/** Where a statement starts when the comment right above it counts as its own. */
function withComment(statement: SyntaxNode, text: string, comments: readonly Comment[]): number {
  const above = comments.findLast((c) => c.end <= statement.start);
  return above !== undefined && /^[ \t]*\n[ \t]*$/.test(text.slice(above.end, statement.start))
    ? above.start
    : statement.start;
}
