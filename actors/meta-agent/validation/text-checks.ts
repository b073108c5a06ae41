import { isUtf8 } from 'node:buffer';
import type { FileTree } from '../../../src/core/file-tree.ts';
import { type Finding, textIn } from './finding.ts';
import type { Dialect } from './sources.ts';

/** In one of the first two lines. @see PEP 263 */
const otherEncoding = /^(?:[ \t\f]*#?.*\n)?[ \t\f]*#.*?coding[:=]/;

/**
 * What can be seen without running anything: bytes that are no text, JSON
 * that does not parse, and marks that a shell would take for part of a command.
 */
export function checkText(path: string, dialect: Dialect, tree: FileTree): Finding | null {
  const { bytes } = tree.get(path)!;
  const text = textIn(bytes);
  const at = (offset: number | null, message: string): Finding => {
    return { stage: 'parse', subject: path, path, ...positionOf(text, offset), message };
  };
  const isDeclared = dialect === 'python' && otherEncoding.test(text);
  if (!isUtf8(bytes) && !isDeclared) return at(text.indexOf('\ufffd'), 'it is not UTF-8 text');
  if (dialect === 'json') return checkJson(text, at);
  if (dialect !== 'sh' && dialect !== 'bash') return null;
  if (text.includes('\0')) return at(text.indexOf('\0'), 'it holds a NUL byte');
  if (text.startsWith('\ufeff')) {
    return at(0, 'it starts with a byte-order mark, which a shell takes for part of the first command');
  }
  const carriageReturn = text.indexOf('\r\n');
  if (carriageReturn === -1) return null;
  return at(carriageReturn, 'its lines end with CR LF; a shell takes the CR for part of the command');
}

function checkJson(text: string, at: (offset: number | null, message: string) => Finding): Finding | null {
  const body = text.replace(/^\ufeff/, '');
  try {
    JSON.parse(body);
    return null;
  } catch (error) {
    const { message } = error as Error;
    const told = /at position (\d+)/.exec(message)?.[1];
    const end = body.trimEnd().length;
    if (told === undefined && !/^Unexpected end/.test(message)) return at(null, `SyntaxError: ${message}`);
    return at(Math.min(Number(told ?? end), end) + text.length - body.length, `SyntaxError: ${message}`);
  }
}

function positionOf(text: string, offset: number | null): { line: number; column: number } {
  if (offset === null) return { line: 0, column: 0 };
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: before.at(-1)!.length + 1 };
}
