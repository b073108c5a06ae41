import { StorageFailedError } from '../src/core/errors.ts';
import { sha256 } from '../src/core/json.ts';
import type { Mark } from './mark.ts';
import { deepFreeze, parseMark } from './mark-index.ts';

/**
 * The log's format: JSON Lines, one mark a line.
 *
 *     {"v":1,"sum":"<16 hex digits>","mark":{…}}
 *
 * `sum` is the start of the SHA-256 of the mark's own bytes on that line. The
 * mark's `order` is the line's number less one, so a line that was removed or
 * moved is noticed too.
 */
const head = '{"v":1,"sum":"';
const neck = '","mark":';
const sumDigits = 16;
const bodyStart = head.length + sumDigits + neck.length;
const newline = 0x0a;

export function encodeRecord(mark: Mark): string {
  const body = JSON.stringify(mark);
  return `${head}${sumOf(body)}${neck}${body}}\n`;
}

export interface ReadLog {
  readonly marks: readonly Mark[];
  /** Bytes that hold whole records; what follows is a torn tail. */
  readonly wholeBytes: number;
}

/**
 * Reads whole records. A last line without its newline was never acknowledged
 * and is left out; any other damage is an error, because leaving it out would
 * lose an acknowledged mark in silence.
 * @throws {StorageFailedError} naming the line that is damaged.
 */
export function readLog(data: Buffer, path: string): ReadLog {
  const marks: Mark[] = [];
  const ids = new Set<string>();
  let start = 0;
  for (let end = data.indexOf(newline); end !== -1; end = data.indexOf(newline, start)) {
    const mark = decodeRecord(data.toString('utf8', start, end), path, marks.length);
    if (ids.has(mark.id)) throw damaged(path, marks.length, 'repeats the id of an earlier mark');
    ids.add(mark.id);
    marks.push(mark);
    start = end + 1;
  }
  return { marks, wholeBytes: start };
}

function decodeRecord(line: string, path: string, order: number): Mark {
  const isShaped = line.startsWith(head) && line.startsWith(neck, bodyStart - neck.length) && line.endsWith('}');
  if (!isShaped) throw damaged(path, order, 'is not a mark record of version 1');
  const body = line.slice(bodyStart, -1);
  if (line.slice(head.length, head.length + sumDigits) !== sumOf(body)) {
    throw damaged(path, order, 'does not match its checksum');
  }
  const mark = parseBody(body, path, order);
  if (mark.order !== order) throw damaged(path, order, `is out of order: it says ${mark.order}`);
  return deepFreeze(mark);
}

function parseBody(body: string, path: string, order: number): Mark {
  try {
    return parseMark(JSON.parse(body));
  } catch (cause) {
    throw damaged(path, order, 'does not hold a mark', cause);
  }
}

function damaged(path: string, order: number, problem: string, cause?: unknown): StorageFailedError {
  const line = order + 1;
  return new StorageFailedError(`${path}: line ${line} ${problem}`, { details: { line }, cause });
}

function sumOf(body: string): string {
  return sha256(body).slice(0, sumDigits);
}
