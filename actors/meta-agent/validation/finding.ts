import type { FileTree } from '../../../src/core/file-tree.ts';

export type Stage = 'policy' | 'parse' | 'compile' | 'import';

/** One thing that keeps a candidate from being run. Texts may be a candidate's own: hostile until worded. */
export interface Finding {
  readonly stage: Stage;
  /** The file that was being looked at. */
  readonly subject: string;
  /** The file that the problem is in; not `subject` when an import fails further down. */
  readonly path: string;
  /** From 1; 0 where unknown. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

const stages: readonly Stage[] = ['policy', 'parse', 'compile', 'import'];
const maxMessageChars = 200;
const maxLineChars = 100;
const maxOthers = 5;

/**
 * What is wrong, for whoever wrote the files: the first finding in full, with
 * its line and a caret, the others by place. The same text for the same
 * findings, in any order, and harmless for a terminal.
 */
export function wordFindings(findings: readonly Finding[], tree: FileTree): string {
  const [first, ...rest] = [...findings].sort(inOrder) as [Finding, ...Finding[]];
  const message = visible(first.message).replace(/ +/g, ' ').trim();
  const lines = [`${placeOf(first)}: ${clip(message, maxMessageChars)}`];
  const source = sourceLine(tree, first);
  if (source !== null) lines.push(...withCaret(source, first.column));
  const isFirstOf = ({ path }: Finding, i: number) => rest.findIndex((f) => f.path === path) === i;
  const others = rest.filter((f, i) => f.path !== first.path && isFirstOf(f, i)).map(placeOf);
  if (others.length > 0) {
    const more = others.length > maxOthers ? `, and ${others.length - maxOthers} more` : '';
    lines.push(`also: ${others.slice(0, maxOthers).join(', ')}${more}`);
  }
  return lines.join('\n');
}

function inOrder(a: Finding, b: Finding): number {
  const byText = (x: string, y: string) => (x < y ? -1 : x > y ? 1 : 0);
  const lineOf = ({ line }: Finding) => (line === 0 ? Number.MAX_SAFE_INTEGER : line);
  return stages.indexOf(a.stage) - stages.indexOf(b.stage) || byText(a.path, b.path) || lineOf(a) - lineOf(b);
}

function placeOf({ stage, subject, path, line, column }: Finding): string {
  const numbers = line === 0 ? [] : column === 0 ? [line] : [line, column];
  const what = stage === 'import' && subject !== path ? `import of ${visible(subject)}` : stage;
  return `${[clip(visible(path), maxLineChars), ...numbers].join(':')} (${what})`;
}

function sourceLine(tree: FileTree, { path, line }: Finding): string | null {
  const file = tree.get(path);
  return file === undefined ? null : (linesOf(textIn(file.bytes))[line - 1] ?? null);
}

/** Bytes as UTF-8 text, whatever they are. */
export function textIn(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** Lines as every language here counts them. */
export function linesOf(text: string): string[] {
  return text.split(/\r\n|[\n\r]/);
}

/** The part of a long line around the column, and a caret below it. */
function withCaret(source: string, column: number): string[] {
  const start = Math.max(0, Math.min(column - 1, source.length) - maxLineChars / 2);
  const shown = visible(source.slice(start, start + maxLineChars)).trimEnd();
  if (shown.trim() === '') return [];
  return column === 0 ? [`  ${shown}`] : [`  ${shown}`, `  ${' '.repeat(Math.min(column - 1 - start, shown.length))}^`];
}

/** One harmless line: what a terminal would obey becomes visible, character by character, so that columns stay. */
function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (char) => (/\s/.test(char) ? ' ' : '\ufffd'));
}

function clip(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}
