/**
 * Source text of any language as a row of token hashes: words (letters,
 * digits, `_`, `$` and everything beyond ASCII) and single punctuation marks.
 *
 * Left out is what changes when a file is shown rather than changed: white
 * space, line numbers before a line, and the backslashes and `\n` of a text
 * inside JSON.
 */
export interface Tokens {
  readonly hashes: Uint32Array;
  /** Whether the token at the same place is a word. */
  readonly isWord: Uint8Array;
  /** Where each line ends, as a count of tokens; lines without a token are left out. */
  readonly lineEnds: Uint32Array;
}

const backslash = 0x5c;
const lineFeed = 0x0a;

export function tokenize(text: string): Tokens {
  const hashes = new Uint32Array(text.length);
  const isWord = new Uint8Array(text.length);
  const lineEnds: number[] = [];
  let count = 0;
  let at = lineNumberEnd(text, 0);
  const endLine = () => {
    if (count > (lineEnds.at(-1) ?? 0)) lineEnds.push(count);
  };
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === lineFeed) {
      endLine();
      at = lineNumberEnd(text, at + 1);
    } else if (code === backslash) {
      const escaped = escapeEnd(text, at);
      if (text.charCodeAt(escaped - 1) === 0x6e) {
        endLine();
        at = lineNumberEnd(text, escaped);
      } else at = escaped;
    } else if (isWordCode(code)) {
      let hash = 0x811c9dc5; // FNV-1a
      for (let c = code; at < text.length && isWordCode(c); c = text.charCodeAt(++at)) {
        hash = Math.imul(hash ^ c, 0x01000193);
      }
      isWord[count] = 1;
      hashes[count++] = hash;
    } else {
      if (code > 0x20) hashes[count++] = Math.imul(code ^ 0x5bd1e995, 0x01000193);
      at += 1;
    }
  }
  endLine();
  return {
    hashes: hashes.subarray(0, count),
    isWord: isWord.subarray(0, count),
    lineEnds: Uint32Array.from(lineEnds),
  };
}

/** After any number of backslashes and, when it is one, the letter of a white-space escape. */
function escapeEnd(text: string, at: number): number {
  while (text.charCodeAt(at) === backslash) at += 1;
  const letter = text[at];
  return letter === 'n' || letter === 't' || letter === 'r' ? at + 1 : at;
}

/** After a line number as editors and `cat -n` print it (`  12\t`, `12: `, `12| `), or `at` itself. */
function lineNumberEnd(text: string, at: number): number {
  let i = at;
  while (text.charCodeAt(i) === 0x20) i += 1;
  const digits = i;
  while (text.charCodeAt(i) >= 0x30 && text.charCodeAt(i) <= 0x39) i += 1;
  if (i === digits) return at;
  const mark = text.charAt(i);
  const isNumber = mark === '\t' || mark === '|' || (mark === ':' && text.charAt(i + 1) === ' ');
  if (isNumber) return i + 1;
  return mark === '\\' && text.charAt(i + 1) === 't' ? i + 2 : at;
}

function isWordCode(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x5f ||
    code === 0x24 ||
    code > 0xa0
  );
}
