import type { RandomStream } from '../../src/core/random.ts';

/**
 * Replaces characters and words by others that take as many bytes. The same
 * word becomes the same word throughout one file.
 */
export interface Scrambler {
  /** A name for a name: different names stay different, and none keeps its own. */
  name(name: string): string;
  /** Prose and string contents: words and numbers change, white space stays. */
  prose(text: string): string;
  /** A number literal of JavaScript, JSON and most other languages. */
  number(literal: string): string;
  random: RandomStream;
}

const lower = 'abcdefghijklmnopqrstuvwxyz';
const upper = lower.toUpperCase();

/**
 * @param reserved - Words that no name may become.
 * @param taken - The file's own names; new ones keep clear of them where they can.
 */
export function createScrambler(
  random: RandomStream,
  reserved: ReadonlySet<string>,
  taken: ReadonlySet<string> = new Set(),
): Scrambler {
  const names = new Map<string, string>();
  const words = new Map<string, string>();
  const used = new Set<string>();

  function newName(name: string): string {
    const isFree = (word: string) => word !== name && !reserved.has(word) && !used.has(word);
    const isBest = (word: string) => isFree(word) && !taken.has(word);
    for (let tries = 0; tries < 40; tries += 1) {
      const word = scrambleName(name, random);
      if (tries < 30 ? isBest(word) : isFree(word)) return word;
    }
    // Short names run out of chance before they run out of letters.
    const rest = random.shuffle([...lower, ...upper]).map((first) => first + name.slice(1));
    return rest.find(isBest) ?? rest.find(isFree) ?? scrambleName(name, random);
  }

  return {
    random,
    name(name) {
      const known = names.get(name);
      if (known !== undefined) return known;
      const made = newName(name);
      names.set(name, made);
      used.add(made);
      return made;
    },
    prose(text) {
      return text.replace(/[A-Za-z]+|[0-9]+|[\u0080-\u{10ffff}]/gu, (part) => {
        if (/^[0-9]/.test(part)) return scrambleDigits(part, random);
        const known = words.get(part) ?? differing(part, () => scrambleLetters(part, random));
        words.set(part, known);
        return known;
      });
    },
    number: (literal) => scrambleNumber(literal, random),
  };
}

function differing(original: string, make: () => string): string {
  for (let tries = 0; tries < 100; tries += 1) {
    const made = make();
    if (made !== original) return made;
  }
  return make();
}

function scrambleName(name: string, random: RandomStream): string {
  if (!/[\p{L}\p{N}]/u.test(name)) return [...name].map(() => random.pick([...lower])).join('');
  return scrambleLetters(name, random).replace(/[0-9]/g, () => String(random.int(10)));
}

function scrambleLetters(text: string, random: RandomStream): string {
  let out = '';
  for (const char of text) out += otherLetter(char, random);
  return out;
}

/** A letter of the same case and the same number of UTF-8 bytes; what is no letter and ASCII stays. */
function otherLetter(char: string, random: RandomStream): string {
  if (char >= 'a' && char <= 'z') return lower[random.int(26)]!;
  if (char >= 'A' && char <= 'Z') return upper[random.int(26)]!;
  const code = char.codePointAt(0)!;
  if (code < 0x80 || code === 0xfeff) return char;
  if (code < 0x800) return String.fromCodePoint(0xe0 + random.int(23));
  if (code < 0x10000) return String.fromCodePoint(0x4e00 + random.int(0x5000));
  return String.fromCodePoint(0x20000 + random.int(0x8000));
}

/** Digits of equal length; the first is neither zero nor what it was. */
function scrambleDigits(digits: string, random: RandomStream): string {
  const first = random.pick([...'123456789'].filter((d) => d !== digits[0]));
  return first + digits.slice(1).replace(/[0-9]/g, () => String(random.int(10)));
}

function scrambleNumber(literal: string, random: RandomStream): string {
  const based = /^(0[xXbBoO])([0-9a-fA-F_]+)(n?)$/.exec(literal);
  if (based !== null) return based[1]! + scrambleBased(based[1]![1]!, based[2]!, random) + based[3]!;
  let isFirst = true;
  return literal.replace(/[0-9]+/g, (digits) => {
    const made = isFirst ? scrambleDigits(digits, random) : digits.replace(/[0-9]/g, () => String(random.int(10)));
    isFirst = false;
    return made;
  });
}

const digitsOf: Record<string, string> = { x: '0123456789abcdef', o: '01234567', b: '01' };

function scrambleBased(base: string, digits: string, random: RandomStream): string {
  const set = [...digitsOf[base.toLowerCase()]!];
  return differing(digits, () => digits.replace(/[0-9a-fA-F]/g, () => random.pick(set)));
}
