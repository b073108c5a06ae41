import { type Comment, type Options, parse, type Token, tokTypes } from 'acorn';
import type { RandomStream } from '../../src/core/random.ts';
import { shamStringBody } from './sham-text.ts';
import { createScrambler, type Scrambler } from './sham-words.ts';

type SourceType = 'module' | 'script';

interface Parsed {
  readonly sourceType: SourceType;
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
}

/** Names with a meaning of their own in some place; renaming them there would break the parse. */
const contextual = `as async await constructor from get let of set static using yield`.split(' ');
const reserved = new Set(
  `${contextual.join(' ')} arguments break case catch class const continue debugger default delete do else enum eval
  export extends false finally for function if implements import in instanceof interface new null package private
  protected public return super switch this throw true try typeof var void while with`.split(/\s+/),
);

/**
 * JavaScript that parses, has the length and the lines of the original, and
 * does nothing of use. When swapping operators breaks the parse, they stay;
 * when even that does not help, what is left are comment lines.
 * @returns `null` when the original is not JavaScript.
 */
export function shamJavaScript(text: string, random: RandomStream): string | null {
  const original = parseAs(text, 'module') ?? parseAs(text, 'script');
  if (original === null) return null;
  for (const swapsOperators of [true, false]) {
    const made = rewrite(text, original, random, swapsOperators);
    if (parseAs(made, original.sourceType) !== null) return made;
  }
  return commentLines(text, random);
}

function parseAs(text: string, sourceType: SourceType): Parsed | null {
  const tokens: Token[] = [];
  const comments: Comment[] = [];
  const options: Options = {
    ecmaVersion: 'latest',
    sourceType,
    allowHashBang: true,
    allowReturnOutsideFunction: sourceType === 'script',
    onToken: tokens,
    onComment: comments,
  };
  try {
    parse(text, options);
    return { sourceType, tokens, comments };
  } catch {
    return null;
  }
}

function rewrite(text: string, { tokens, comments }: Parsed, random: RandomStream, swapsOperators: boolean): string {
  const names = new Set(tokens.filter(isName).map(({ start, end }) => text.slice(start, end).replace('#', '')));
  const scrambler = createScrambler(random, reserved, names);
  const pieces: { start: number; end: number; text: string }[] = [];
  for (const { start, end } of comments) {
    const raw = text.slice(start, end);
    pieces.push({ start, end, text: raw.startsWith('#!') ? raw : scrambler.prose(raw) });
  }
  for (const [i, token] of tokens.entries()) {
    const raw = text.slice(token.start, token.end);
    const made = shamToken(token, raw, tokens.slice(Math.max(0, i - 2), i), scrambler);
    const swapped = made === raw && swapsOperators ? swapOperator(text, token, raw, tokens[i - 1], random) : made;
    pieces.push({ start: token.start, end: token.end, text: swapped });
  }
  return splice(text, pieces);
}

function splice(text: string, pieces: { start: number; end: number; text: string }[]): string {
  let out = '';
  let at = 0;
  for (const piece of pieces.sort((a, b) => a.start - b.start || a.end - b.end)) {
    out += text.slice(at, piece.start) + piece.text;
    at = piece.end;
  }
  return out + text.slice(at);
}

function isName({ type }: Token): boolean {
  return type === tokTypes.name || type === tokTypes.privateId;
}

function shamToken(token: Token, raw: string, before: readonly Token[], scrambler: Scrambler): string {
  switch (token.type) {
    case tokTypes.name:
      return isFixedName(raw, before) ? raw : scrambler.name(raw);
    case tokTypes.privateId:
      return raw.includes('\\') ? raw : `#${scrambler.name(raw.slice(1))}`;
    case tokTypes.num:
      return scrambler.number(raw);
    case tokTypes.string:
      return raw[0] + shamStringBody(raw.slice(1, -1), scrambler) + raw.at(-1);
    case tokTypes.template:
      return shamTemplate(raw, scrambler);
    case tokTypes.regexp:
      return shamRegExp(raw, scrambler);
    case tokTypes._true:
    case tokTypes._false:
    case tokTypes._null:
      // A name may stand wherever these may, and says less.
      return scrambler.name(raw);
    default:
      return raw;
  }
}

/** `new.target` and `import.meta`, contextual words outside of member access, and names spelled with escapes. */
function isFixedName(raw: string, before: readonly Token[]): boolean {
  if (raw.includes('\\')) return true;
  const [owner, dot] = before.length === 2 ? before : [undefined, before[0]];
  const isMember = dot?.type === tokTypes.dot || dot?.type === tokTypes.questionDot;
  if (!isMember) return contextual.includes(raw);
  return owner?.type === tokTypes._new || owner?.type === tokTypes._import;
}

/** Template text: `$`, `{` and back quotes keep their place, and none is made. */
function shamTemplate(raw: string, scrambler: Scrambler): string {
  return raw
    .split(/(\\(?:\r\n|[\s\S]))/)
    .map((part, i) => (i % 2 === 1 ? part : scrambler.prose(part)))
    .join('');
}

/** A pattern of letters as long as the original: structure cannot be kept without keeping meaning. */
function shamRegExp(raw: string, scrambler: Scrambler): string {
  const end = raw.lastIndexOf('/');
  const body = raw.slice(1, end).replace(/[^A-Za-z\u0080-\u{10ffff}]/gu, 'x');
  return `/${scrambler.prose(body)}${raw.slice(end)}`;
}

const operatorClasses = [
  ['+', '-', '*', '/', '<', '>'],
  ['<=', '>='],
  ['==', '!='],
  ['===', '!=='],
  ['+=', '-='],
];
const operatorChars = /[-+*/<>=!&|^~%?]/;

/** Another operator of the same class and length, where no neighbour could merge with it. */
function swapOperator(text: string, token: Token, raw: string, previous: Token | undefined, random: RandomStream) {
  const family = operatorClasses.find((members) => members.includes(raw));
  if (family === undefined || token.type === tokTypes.template) return raw;
  if (raw.length === 1 && (touchesOperator(text, token) || !endsOperand(previous))) return raw;
  return random.pick(family.filter((member) => member !== raw));
}

function touchesOperator(text: string, { start, end }: Token): boolean {
  return operatorChars.test(text[start - 1] ?? ' ') || operatorChars.test(text[end] ?? ' ');
}

/** Whether an operator after this token is a binary one. After `}` nobody knows without a tree. */
function endsOperand(previous: Token | undefined): boolean {
  if (previous === undefined) return false;
  const { type } = previous;
  const operands = [tokTypes.name, tokTypes.num, tokTypes.string, tokTypes.bracketR, tokTypes.parenR];
  return operands.includes(type) || type === tokTypes._this || type === tokTypes.backQuote;
}

/** The last resort: every line a comment of its own length. */
function commentLines(text: string, random: RandomStream): string {
  const scrambler = createScrambler(random, reserved);
  return text.replace(/[^\r\n\u2028\u2029]+/g, (line) => {
    if (line.length === 1) return ';'.padEnd(Buffer.byteLength(line), ';');
    return `//${scrambler.prose('x'.repeat(Buffer.byteLength(line) - 2))}`;
  });
}
