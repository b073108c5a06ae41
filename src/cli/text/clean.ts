import { stripVTControlCharacters } from 'node:util';

/**
 * Text of a candidate or a model as one harmless line: without escape
 * sequences, control and direction characters, and without line breaks.
 */
export function clean(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
}

/**
 * The same for a text of several lines: line feeds and tabs stay, and what a
 * terminal would obey becomes visible, so that nothing can hide in a diff.
 */
export function cleanLines(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (char) => {
    const code = char.codePointAt(0)!;
    if (code === 0x7f) return '␡';
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : '\ufffd';
  });
}
