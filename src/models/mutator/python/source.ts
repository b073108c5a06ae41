import type { Declaration, Outline } from '../grammar.ts';
import { type Line, type Token, tokenize } from './tokens.ts';

/** A logical line with the lines that belong to it by indentation. */
export interface Statement extends Line {
  readonly parent: Statement | null;
  readonly body: readonly Statement[];
}

export interface Program extends Outline {
  /** Every statement, in source order. */
  readonly statements: readonly Statement[];
}

/** @returns `null` when the text is certainly no Python program; only Python knows the rest. */
export function parseProgram(text: string): Program | null {
  const lines = tokenize(text);
  const statements = lines === null ? null : nest(lines, text);
  if (statements === null) return null;
  const top = statements.filter(({ parent }) => parent === null);
  const imports = top.filter(isImport);
  const isDocumented = top[0]?.tokens[0]?.kind === 'string';
  const guard = top.find(({ tokens }) => tokens[0]!.text === 'if' && tokens[1]?.text === '__name__');
  return {
    text,
    statements,
    declarations: new Map(top.flatMap((s) => declarationOf(s, text)).map((d) => [d.name, d])),
    importsEnd: (imports.at(-1) ?? (isDocumented ? top[0] : undefined))?.end ?? headEnd(text),
    functionsEnd: text.slice(0, guard?.start ?? text.length).trimEnd().length,
  };
}

/** A statement and all it stands above, without what follows it. */
export function blockEnd(statement: Statement): number {
  const last = statement.body.at(-1);
  return last === undefined ? statement.end : blockEnd(last);
}

/** The first word, past `async`. */
export function keywordOf({ tokens }: Line): string {
  return tokens[tokens[0]!.text === 'async' ? 1 : 0]?.text ?? '';
}

export function* upward(statement: Statement): Generator<Statement> {
  for (let at: Statement | null = statement; at !== null; at = at.parent) yield at;
}

/** The outermost function or class around a statement, itself included, or `null` at the top level. */
export function outerFunction(statement: Statement): Statement | null {
  return [...upward(statement)].findLast((s) => /^(def|class)$/.test(keywordOf(s))) ?? null;
}

/** Whether a statement lies inside a function, where code runs with values and not once at import. */
export function isInFunction(statement: Statement): boolean {
  return statement.parent !== null && [...upward(statement.parent)].some((s) => keywordOf(s) === 'def');
}

/** Whether a statement is or lies in a `while` loop: nothing in one is touched, so that a variation cannot run for ever. */
export function isInWhile(statement: Statement): boolean {
  return [...upward(statement)].some((s) => keywordOf(s) === 'while');
}

export function isImport(statement: Statement): boolean {
  return /^(import|from)$/.test(keywordOf(statement));
}

/** Where the brackets stand that each token is directly inside: the index of the opening one, or -1. */
export function bracketsOf(tokens: readonly Token[]): number[] {
  const open: number[] = [];
  return tokens.map(({ kind, text }, i) => {
    if (kind === 'operator' && /^[)\]}]$/.test(text)) open.pop();
    const around = open.at(-1) ?? -1;
    if (kind === 'operator' && /^[([{]$/.test(text)) open.push(i);
    return around;
  });
}

/** A longer line is a table; nothing here looks for the odd number in one. */
const maxLineTokens = 1_000;

interface Nested extends Statement {
  readonly body: Nested[];
}

function nest(lines: readonly Line[], text: string): Statement[] | null {
  const statements: Nested[] = [];
  let parents: Nested[] = [];
  let isBlockDue = false;
  for (const line of lines) {
    if (line.tokens.length > maxLineTokens) return null;
    if (/\t/.test(text.slice(line.start, line.start + line.indent))) return null;
    parents = parents.filter(({ indent }) => indent < line.indent);
    const parent = parents.at(-1) ?? null;
    const sibling = parent === null ? statements[0] : parent.body[0];
    // A block begins where one is due and nowhere else, and its lines stand below each other.
    if (isBlockDue !== (sibling === undefined && statements.length > 0)) return null;
    if (sibling === undefined ? parent === null && line.indent > 0 : sibling.indent !== line.indent) return null;
    const statement: Nested = { ...line, parent, body: [] };
    parent?.body.push(statement);
    statements.push(statement);
    isBlockDue = line.tokens.at(-1)!.text === ':';
    if (isBlockDue) parents.push(statement);
  }
  return isBlockDue ? null : statements;
}

function declarationOf(statement: Statement, text: string): Declaration[] {
  const { tokens } = statement;
  const name = tokens[tokens[0]!.text === 'async' ? 2 : 1]?.text;
  const place = () => ({ isExported: false, start: aboveOf(statement, text) });
  if (keywordOf(statement) === 'def' && name !== undefined) {
    const end = blockEnd(statement);
    return [{ ...place(), name, kind: 'function', isConstant: false, value: { start: statement.start, end }, end }];
  }
  const [first, second, ...value] = tokens;
  if (first?.kind !== 'name' || second?.text !== '=' || value.length === 0) return [];
  const [only, negated] = value;
  const isConstant =
    value.length === 1 ? only!.kind !== 'name' : value.length === 2 && only!.text === '-' && negated!.kind === 'number';
  const range = { start: only!.start, end: value.at(-1)!.end };
  return [{ ...place(), name: first.text, kind: 'variable', isConstant, value: range, end: statement.end }];
}

/** Where a statement starts when the decorators and comments right above it count as its own. */
function aboveOf({ start }: Statement, text: string): number {
  let at = start;
  for (;;) {
    const line = text.lastIndexOf('\n', at - 2) + 1;
    if (at === 0 || !/^(@|#(?!!))/.test(text.slice(line, at))) return at;
    at = line;
  }
}

/** The end of the comments that a file begins with, such as `#!`. */
function headEnd(text: string): number {
  return /^(#.*(\n|$))*/.exec(text)![0].trimEnd().length;
}
