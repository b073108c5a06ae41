import { javascript } from './javascript/grammar.ts';
import { python } from './python/grammar.ts';
import { createLanguage, type Language } from './variation.ts';

const languages: readonly Language[] = [createLanguage(javascript), createLanguage(python)];

/** By a file's name; `null` for what is not varied. */
export function languageOf(path: string): Language | null {
  return languages.find(({ files }) => files.test(path)) ?? null;
}
