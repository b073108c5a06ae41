import { crc32 } from 'node:zlib';
import { MessageInvalidError, StorageFailedError } from '../../src/core/errors.ts';
import { sha256 } from '../../src/core/json.ts';
import type { Mark } from '../mark.ts';
import type { MarkIndex } from './mark-index.ts';
import { deepFreeze, parseMark } from './seal.ts';

/**
 * The log's format: JSON Lines, each either a mark, or ids and orders of marks
 * that compaction dropped.
 *
 *     {"v":2,"sum":"<8 hex digits>","mark":{…}}
 *     {"v":2,"sum":"<8 hex digits>","gone":[["<id>",<order>],…]}
 *
 * `sum` is the CRC-32 of the bodies (`{…}`, `[…]`) of all lines so far, this
 * one included: a line that was altered, removed, moved or repeated is noticed
 * at once or at the next one. Marks stand in ascending order; a number that
 * is missing belongs to a dropped mark or to an append that failed.
 *
 * A file may begin with lines of version 1, `{"v":1,"sum":"<16 hex
 * digits>","mark":{…}}`: `sum` is the start of the body's SHA-256, and `order`
 * the line's number less one.
 */
const heads = { 1: '{"v":1,"sum":"', 2: '{"v":2,"sum":"' } as const;
const sumDigits = { 1: 16, 2: 8 } as const;
const kinds = { mark: '","mark":', gone: '","gone":' } as const;

/** Lines to be written after what ends in the checksum `sum`. */
export interface Lines {
  readonly text: string;
  readonly sum: number;
}

export function markLines(marks: readonly Mark[], sum: number): Lines {
  let text = '';
  for (const mark of marks) {
    const body = JSON.stringify(mark);
    sum = crc32(body, sum);
    text += lineOf('mark', body, sum);
  }
  return { text, sum };
}

export function goneLine(gone: readonly (readonly [id: string, order: number])[], sum: number): Lines {
  const body = JSON.stringify(gone);
  const after = crc32(body, sum);
  return { text: lineOf('gone', body, after), sum: after };
}

function lineOf(kind: keyof typeof kinds, body: string, sum: number): string {
  return `${heads[2]}${digitsOf(sum)}${kinds[kind]}${body}}\n`;
}

const digitsOf = (sum: number) => sum.toString(16).padStart(sumDigits[2], '0');

/** Whether these are the sum's digits. Without making them: a tenth of the time of opening a large log. */
function says(line: string, at: number, sum: number): boolean {
  for (let i = 0; i < sumDigits[2]; i += 1) {
    const digit = (sum >>> (28 - 4 * i)) & 15;
    if (line.charCodeAt(at + i) !== (digit < 10 ? 48 : 87) + digit) return false;
  }
  return true;
}

/** Reads a log's lines into an index. */
export interface LineReader {
  /** @throws {StorageFailedError} naming the line that is damaged. */
  read(line: string): void;
  readonly sum: number;
}

/**
 * @param index - Empty; what was read is in it.
 * @param path - For messages.
 */
export function createLineReader(index: MarkIndex, path: string): LineReader {
  let number = 0;
  let sum = 0;

  const fail = (problem: string, cause?: unknown): never => {
    throw new StorageFailedError(`${path}: line ${number} ${problem}`, { details: { line: number }, cause });
  };
  const parse = (body: string): unknown => {
    try {
      return JSON.parse(body);
    } catch (cause) {
      return fail('does not hold JSON', cause);
    }
  };
  const checkNew = (id: string) => {
    if (index.get(id) !== null || index.gone.has(id)) fail('repeats the id of an earlier mark');
  };
  const addMark = (mark: Mark) => {
    checkNew(mark.id);
    if (mark.order < index.nextOrder) fail(`is out of order: it says ${mark.order}`);
    index.add(deepFreeze(mark));
  };
  const addOldMark = (body: string) => {
    const value = parse(body);
    let mark: Mark;
    try {
      mark = parseMark(value);
    } catch (cause) {
      if (!(cause instanceof MessageInvalidError)) throw cause;
      return fail('does not hold a mark', cause);
    }
    if (mark.order !== number - 1) fail(`is out of order: it says ${mark.order}`);
    addMark(mark);
  };

  return {
    get sum() {
      return sum;
    },
    read(line) {
      number += 1;
      const version = line.startsWith(heads[2]) ? 2 : line.startsWith(heads[1]) ? 1 : fail('is not a record');
      const sumStart = heads[version].length;
      const kindStart = sumStart + sumDigits[version];
      const kind = (['mark', 'gone'] as const).find((k) => line.startsWith(kinds[k], kindStart));
      if (kind === undefined || !line.endsWith('}')) return fail('is not a whole record');
      const body = line.slice(kindStart + kinds[kind].length, -1);
      sum = crc32(body, sum);
      const isRight =
        version === 2 ? says(line, sumStart, sum) : line.startsWith(sha256(body).slice(0, sumDigits[1]), sumStart);
      if (!isRight) fail('does not match its checksum');
      if (version === 1) return addOldMark(body);
      if (kind === 'mark') return addMark(parse(body) as Mark);
      for (const [id, order] of parse(body) as [string, number][]) {
        checkNew(id);
        index.addGone(id, order);
      }
    },
  };
}
