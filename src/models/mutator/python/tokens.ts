export interface Token {
  readonly kind: 'name' | 'number' | 'string' | 'operator';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** One logical line: everything up to the line end that is not inside brackets or a string. */
export interface Line {
  readonly tokens: readonly Token[];
  /** Where the first physical line begins, and where the last one ends, without its line feed. */
  readonly start: number;
  readonly end: number;
  /** Columns before the first token. */
  readonly indent: number;
}

const notOperands = /^(and|assert|await|del|elif|else|for|if|in|is|lambda|not|or|raise|return|while|with|yield)$/;

/** Whether an operator behind it takes it for its left side: a value's name, a literal or a closing bracket. */
export function isOperand(token: Token | undefined): boolean {
  if (token?.kind === 'name') return !notOperands.test(token.text);
  return token !== undefined && (token.kind !== 'operator' || /^[)\]}]$/.test(token.text));
}

const blank = /[ \t\f]*/y;
const rest = /(?:#.*)?/y;
const word = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*/uy;
const number = /(?:0[xXoObB][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?[jJ]?)/y;
const stringStart = /([bfrtuBFRTU]{0,2})("""|'''|"|')/y;
const operator = /\*\*=|\/\/=|>>=|<<=|\.\.\.|[-+*/%@&|^!=<>:]=|->|\*\*|\/\/|<<|>>|[-+*/%@&|^~<>=()[\]{},:.;]/y;

/**
 * Python's source as logical lines of tokens, comments and empty lines left out.
 * @returns `null` where a bracket or a string does not close, or a character has no place in a program.
 */
export function tokenize(text: string): Line[] | null {
  const lines: Line[] = [];
  let at = 0;
  while (at < text.length) {
    const line = readLine(text, at);
    if (line === null) return null;
    if (line.tokens.length > 0) lines.push(line);
    at = line.end + 1;
  }
  return lines;
}

function readLine(text: string, start: number): Line | null {
  const tokens: Token[] = [];
  const brackets: string[] = [];
  let at = matchEnd(blank, text, start)!;
  const indent = at - start;
  for (;;) {
    at = matchEnd(rest, text, matchEnd(blank, text, at)!)!;
    const here = text[at];
    if (here === undefined || here === '\n' || here === '\r') {
      if (brackets.length === 0) return { tokens, start, end: text.startsWith('\r\n', at) ? at + 1 : at, indent };
      if (here === undefined) return null;
      at += 1;
    } else if (here === '\\' && /^\\\r?\n/.test(text.slice(at, at + 3))) {
      at = text.indexOf('\n', at) + 1;
    } else {
      const token = readToken(text, at);
      if (token === null) return null;
      if (token.kind === 'operator' && !balance(brackets, token.text)) return null;
      tokens.push(token);
      at = token.end;
    }
  }
}

function readToken(text: string, start: number): Token | null {
  const end = stringEnd(text, start);
  if (end === null) return null;
  if (end > start) return { kind: 'string', text: text.slice(start, end), start, end };
  for (const [kind, pattern] of [
    ['number', number],
    ['name', word],
    ['operator', operator],
  ] as const) {
    const found = matchEnd(pattern, text, start);
    if (found !== null) return { kind, text: text.slice(start, found), start, end: found };
  }
  return null;
}

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** Follows an opening or closing bracket; false for one that closes another. */
function balance(brackets: string[], text: string): boolean {
  const expected = closing[text];
  if (expected !== undefined) brackets.push(expected);
  return /^[)\]}]$/.test(text) ? brackets.pop() === text : true;
}

/** @returns where a string that begins here ends, `start` when none does, `null` when it has no end. */
function stringEnd(text: string, start: number): number | null {
  stringStart.lastIndex = start;
  const [opening, prefix = '', quote = ''] = stringStart.exec(text) ?? [];
  if (opening === undefined) return start;
  const isFormatted = /[ft]/i.test(prefix);
  for (let at = start + opening.length; at < text.length; at += 1) {
    if (text.startsWith(quote, at)) return at + quote.length;
    if (text[at] === '\\') at += 1;
    else if (text[at] === '\n' && quote.length === 1) return null;
    else if (isFormatted && text.startsWith('{{', at)) at += 1;
    else if (isFormatted && text[at] === '{') {
      const end = fieldEnd(text, at);
      if (end === null) return null;
      at = end;
    }
  }
  return null;
}

/** The brace that ends a field of an f-string, whose own strings may use the quotes around it. */
function fieldEnd(text: string, start: number): number | null {
  let depth = 0;
  let isFormat = false;
  for (let at = start; at < text.length; at += 1) {
    const char = text[at]!;
    if (/[([{]/.test(char)) depth += 1;
    else if (/[)\]}]/.test(char)) depth -= 1;
    else if (char === ':' && depth === 1) isFormat = true;
    else if (/["']/.test(char) && !isFormat) {
      const end = stringEnd(text, at);
      if (end === null) return null;
      at = end - 1;
    }
    if (depth === 0) return at;
  }
  return null;
}

/** Where a sticky pattern that matches at `at` ends. */
function matchEnd(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}
