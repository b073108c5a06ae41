import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface SourceFile {
  /** From the root of the repository, with `/` between segments. */
  readonly path: string;
  readonly text: string;
}

const skipped = new Set(['.git', 'node_modules', 'dist', 'coverage', 'runs']);

/** Every file below the given folders that a check should read; generated and installed ones left out. */
export function filesBelow(folders: readonly string[], wanted: (path: string) => boolean): SourceFile[] {
  return folders
    .flatMap((folder) => walk(join(root, folder)))
    .flatMap((file) => {
      const path = relative(root, file).replaceAll('\\', '/');
      return wanted(path) ? [{ path, text: readFileSync(file, 'utf8') }] : [];
    });
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return walk(path);
    return entry.isFile() ? [path] : [];
  });
}

/** What each import, re-export, dynamic import and type import of a file names. */
export function importsOf(file: SourceFile): string[] {
  const code = codeOf(file.text);
  const found = code.matchAll(/(?<![.\w$])(?:from|(?:import|require)\s*\(|import)\s*(['"])( *)\1/g);
  return [...found].map((match) => {
    const end = match.index + match[0].length - 1;
    return file.text.slice(end - match[2]!.length, end);
  });
}

/** A relative import as a path from the root; any other specifier as it is. */
export function resolveImport(importer: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return posix.normalize(posix.join(posix.dirname(importer), specifier));
}

/**
 * The code of a source text: comments, regular expressions and what stands
 * between quotes become blanks of the same length, so that positions and line
 * numbers stay. Code inside a template's `${}` stays code.
 */
export function codeOf(text: string): string {
  return text.replace(lexeme, (match, ...groups) => {
    const { template, regex } = groups.at(-1) as Record<string, string | undefined>;
    if (template !== undefined) return blankTemplate(match);
    if (/^['"]/.test(match)) return match[0] + blank(match.slice(1, -1)) + match[0];
    return regex === undefined ? blank(match) : match.slice(0, -regex.length) + blank(regex);
  });
}

const nested = '(?:[^`\\\\$]|\\\\[^]|\\$(?!\\{)|\\$\\{(?:[^{}`]|\\{[^{}`]*\\}|`[^`]*`)*\\})*';
const lexeme = new RegExp(
  [
    String.raw`\/\*[^]*?\*\/|\/\/[^\n]*`,
    String.raw`'(?:\\[^]|[^'\\\n])*'|"(?:\\[^]|[^"\\\n])*"`,
    `(?<template>\`${nested}\`)`,
    String.raw`(?:[(,=:[!&|?{};+]|=>|return)[ \t]*(?<regex>\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*)`,
  ].join('|'),
  'g',
);

function blankTemplate(template: string): string {
  const parts = template.slice(1, -1).split(/(\$\{(?:[^{}`]|\{[^{}`]*\}|`[^`]*`)*\})/);
  return `\`${parts.map((part, i) => (i % 2 === 1 ? `\${${codeOf(part.slice(2, -1))}}` : blank(part))).join('')}\``;
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}
