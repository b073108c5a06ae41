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

/** The same for a text of several lines: line feeds and tabs stay. */
export function cleanLines(text: string): string {
  return stripVTControlCharacters(text).replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '');
}
