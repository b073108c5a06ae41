import type { RandomStream } from '../../src/core/random.ts';
import { createScrambler, type Scrambler } from './sham-words.ts';

/** Words that make code look like code in languages this project has no parser for. */
const keywords = new Set(
  `abstract and as assert async await begin bool break case catch class const continue def default defer del do done
  echo elif else elsif end enum esac except export extends fi final finally fn for from func function global go goto if
  impl implements import in include int interface is lambda let local loop match mod module mut namespace new nil none
  nonlocal not null of or package pass private protected pub public raise record return self static struct super switch
  then this throw throws trait true false try type typedef union unless unsafe until use using val var void when where
  while with yield None True False`.split(/\s+/),
);

const codeEndings = /\.(?:[cm]?tsx?|jsx|py|sh|bash|rb|go|rs|java|kt|c|h|cc|cpp|hpp|lua|pl|php|swift|r|sql)$/i;

/** Prose, configuration, and code without a parser: words and numbers change; in code, keywords stay. */
export function shamText(text: string, path: string, random: RandomStream): string {
  const scrambler = createScrambler(random, new Set());
  if (!codeEndings.test(path)) return scrambler.prose(text);
  return text
    .split(/([A-Za-z]+)/)
    .map((part) => (keywords.has(part) ? part : scrambler.prose(part)))
    .join('');
}

/** Bytes that are not text: every one changes at random, line ends stay. */
export function shamBinary(bytes: Uint8Array, random: RandomStream): Uint8Array {
  return bytes.map((byte) => {
    if (byte === 0x0a || byte === 0x0d) return byte;
    const made = random.int(256);
    return made === 0x0a || made === 0x0d ? 0 : made;
  });
}

const jsonToken = /"(?:[^"\\]|\\.)*"(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|null/gs;

/** JSON stays JSON: nesting is kept, keys and values are not. @returns `null` when the text is not JSON. */
export function shamJson(text: string, random: RandomStream): string | null {
  if (!isJson(text)) return null;
  const scrambler = createScrambler(random, new Set());
  const made = text.replace(jsonToken, (token, colon: string | undefined) => {
    if (token === 'true') return 'null';
    if (token === 'null') return 'true';
    if (!token.startsWith('"')) return scrambler.number(token);
    const after = colon ?? '';
    return `"${shamStringBody(token.slice(1, -1 - after.length), scrambler)}"${after}`;
  });
  return isJson(made) ? made : null;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const escapeSequence = /(\\(?:u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\r\n|[\s\S]))/u;
const punctuation = '!#%&()*+,-./:;<=>?@[]^_|~';

/** The inside of a quoted text: words, numbers and harmless punctuation change, escapes stay. */
export function shamStringBody(body: string, scrambler: Scrambler): string {
  return body
    .split(escapeSequence)
    .map((part, i) => (i % 2 === 1 ? part : shamPlain(part, scrambler)))
    .join('');
}

function shamPlain(part: string, scrambler: Scrambler): string {
  return scrambler.prose(part).replace(/[!#%&()*+,\-./:;<=>?@[\]^_|~]/g, (char) => {
    return scrambler.random.pick([...punctuation].filter((p) => p !== char));
  });
}
