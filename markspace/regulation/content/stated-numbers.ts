import type { Json } from '../../../src/core/json.ts';
import { isScoreAt, outcomeWords, scoreTalk, wordsOf } from './score-words.ts';

/** A number as somebody wrote it. */
export interface StatedNumber {
  readonly value: number;
  /** Digits after the point: how it was rounded. */
  readonly decimals: number;
  readonly scale: 'plain' | 'percent' | 'ratio';
}

/** A number, alone or with a sign that says how to read it: `0.93`, `"93 %"`, `"9/10"`. */
export function numberIn(value: Json): StatedNumber | null {
  if (typeof value === 'number') return plain(String(value));
  if (typeof value !== 'string') return null;
  const tokens = tokensOf(value);
  return tokens.length === 1 && typeof tokens[0] === 'object' ? tokens[0] : null;
}

/** Words a score's name may be away from its number: before it, and after it. */
const reachBefore = 6;
const reachAfter = 2;

/**
 * Numbers that a text presents as scores: after a score's name, as in
 * "accuracy rose to 0.93", or right before one, as in "93 % accuracy"; shares
 * also beside an outcome, as in "solved 48 of 50".
 * @param isNamed - The text stands under a score's name: every number in it counts.
 */
export function claimsInProse(text: string, isNamed = false): readonly StatedNumber[] {
  const normal = text.normalize('NFKC');
  if (!/\d/.test(normal) || !(isNamed || scoreTalk.test(normal))) return [];
  return normal
    .split(/(?<=[^\d\s])[.!?](?=\s|$)|[;\n]/u)
    .filter((sentence) => /\d/.test(sentence))
    .flatMap((sentence) => claimsInSentence(tokensOf(sentence), isNamed));
}

type Token = string | StatedNumber;

function claimsInSentence(tokens: readonly Token[], isNamed: boolean): StatedNumber[] {
  const words = tokens.map((token) => (typeof token === 'string' ? token : null));
  const isNear = (i: number, before: number, after: number, test: (at: number) => boolean) => {
    for (let at = Math.max(0, i - before); at <= i + after; at += 1) if (at !== i && test(at)) return true;
    return false;
  };
  return tokens.filter((token, i): token is StatedNumber => {
    if (typeof token === 'string') return false;
    if (isNamed || isNear(i, reachBefore, 0, (at) => isScoreAt(words, at))) return true;
    const isShare = token.scale !== 'plain';
    if (isShare && isNear(i, reachBefore, reachBefore, (at) => outcomeWords.has(words[at] ?? ''))) return true;
    // "2 runs improve accuracy" is no claim; "0.93 accuracy" is.
    return (isShare || token.decimals > 0) && isNear(i, 0, reachAfter, (at) => isScoreAt(words, at));
  });
}

const digits = String.raw`(?:\d+(?:[.,]\d+)?|\.\d+)(?:e[+-]?\d+)?`;
const number = new RegExp(
  String.raw`(?<![\w.])-?(${digits})(?:\s*(%|percent\b|per cent\b)|\s*(?:/|out of|of)\s*(${digits}))?`,
  'giu',
);

/** A text's words and numbers in order. */
function tokensOf(text: string): Token[] {
  const normal = text.normalize('NFKC').replaceAll('\u2212', '-');
  const tokens: Token[] = [];
  let end = 0;
  for (const match of normal.matchAll(number)) {
    tokens.push(...wordsOf(normal.slice(end, match.index)));
    end = match.index + match[0].length;
    tokens.push(statedBy(match));
  }
  tokens.push(...wordsOf(normal.slice(end)));
  return tokens;
}

function statedBy([text, first, percent, of]: RegExpMatchArray): StatedNumber {
  const sign = text.startsWith('-') ? '-' : '';
  const stated = plain(`${sign}${first!.replace(',', '.')}`);
  if (percent !== undefined) return { ...stated, scale: 'percent' };
  const total = of === undefined ? 0 : Number(of.replace(',', '.'));
  // "48 of 50" is exact: it is not rounded to anything.
  return total === 0 ? stated : { value: stated.value / total, decimals: 0, scale: 'ratio' };
}

function plain(text: string): StatedNumber {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const places = (mantissa.split('.')[1] ?? '').length - Number(exponent);
  return { value: Number(text), decimals: Math.max(0, places), scale: 'plain' };
}
