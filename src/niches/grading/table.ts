import { existsSync, readFileSync } from 'node:fs';
import { ConfigInvalidError, describeError } from '../../core/errors.ts';
import { CsvError, parseCsv } from './csv.ts';
import { type Grade, gradeOf } from './grades.ts';

/** Which column holds what; `null`: the table has none. */
export interface Columns {
  readonly id: string;
  readonly problem: string;
  readonly response: string;
  readonly label: string;
  readonly guidelines: string | null;
  readonly reference: string | null;
  readonly group: string | null;
}

export interface TableOptions {
  readonly columns: Columns;
  /** Only rows that have one of these values in each of these columns; numbers as numbers, all else as text. */
  readonly where: Readonly<Record<string, readonly (string | number)[]>>;
  /** Words that stand for points, in lower case. */
  readonly words: Readonly<Record<string, Grade>>;
  /** How to get the table: said when it is missing. */
  readonly get?: string | undefined;
}

/** One answer of a student, and the grade that a human gave it. */
export interface Item {
  readonly id: string;
  readonly problem: string;
  /** What the student wrote; may be empty. */
  readonly response: string;
  readonly guidelines: string | null;
  readonly reference: string | null;
  /** Items of one group are about one problem. */
  readonly group: string | null;
  /** The label as the table has it. */
  readonly label: string;
  readonly grade: Grade;
}

/** One row: where it stands, and what it has in a column. */
interface Row {
  readonly line: number;
  /** The line that names the columns. */
  readonly namedIn: number;
  readonly names: readonly string[];
  value(column: string): string | undefined;
}

/**
 * Reads a table of items, `.csv` (RFC 4180) or `.jsonl` (an object a line), in the order of the file.
 * @throws {ConfigInvalidError} with file, line and what was expected.
 */
export function readTable(file: string, options: TableOptions): Item[] {
  const correct = { details: { next: 'correct the table, or say in niche.params what it holds' } };
  const wrong = (line: number, message: string) => new ConfigInvalidError(`${file}:${line}: ${message}`, correct);
  if (!existsSync(file)) {
    const next = options.get ?? 'put it there, or name another one in niche.params.table';
    throw new ConfigInvalidError(`the table ${file} does not exist`, { details: { next } });
  }
  const rows = readRows(file, wrong);
  if (rows.length === 0)
    throw new ConfigInvalidError(`${file} has no rows: expected one for each graded answer`, correct);
  const kept = rows.filter((row) => passes(row, options.where, wrong));
  if (kept.length === 0) {
    throw new ConfigInvalidError(
      `${file}: none of its ${rows.length} rows is what niche.params.where asks for`,
      correct,
    );
  }
  const lines = new Map<string, number>();
  return kept.map((row) => {
    const item = toItem(row, options, wrong);
    const before = lines.get(item.id);
    if (before !== undefined) {
      throw wrong(row.line, `${options.columns.id} ${JSON.stringify(item.id)} is that of line ${before} too`);
    }
    lines.set(item.id, row.line);
    return item;
  });
}

type Wrong = (line: number, message: string) => ConfigInvalidError;

function readRows(file: string, wrong: Wrong): Row[] {
  const text = textOf(file);
  if (/\.jsonl$/i.test(file)) return jsonRows(text, wrong);
  if (/\.csv$/i.test(file)) return csvRows(text, wrong);
  throw new ConfigInvalidError(`${file} is neither .csv nor .jsonl`);
}

function textOf(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (cause) {
    throw new ConfigInvalidError(`${file} cannot be read as UTF-8 text: ${describeError(cause)}`, { cause });
  }
}

function csvRows(text: string, wrong: Wrong): Row[] {
  const [header, ...records] = csvRecords(text, wrong);
  if (header === undefined) return [];
  const names = header.fields.map((name) => name.trim());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw wrong(header.line, `two columns are called ${JSON.stringify(twice)}`);
  return records.map(({ line, fields }) => {
    if (fields.length !== names.length) {
      throw wrong(line, `this row has ${fields.length} fields, and the header has ${names.length}`);
    }
    return { line, namedIn: header.line, names, value: (column) => fields[names.indexOf(column)] };
  });
}

function csvRecords(text: string, wrong: Wrong) {
  try {
    return parseCsv(text);
  } catch (error) {
    if (error instanceof CsvError) throw wrong(error.line, error.message);
    throw error;
  }
}

function jsonRows(text: string, wrong: Wrong): Row[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .flatMap((source, i): Row[] => {
      if (source.trim() === '') return [];
      const object = parsed(source);
      if (object === null) throw wrong(i + 1, 'expected a JSON object');
      const value = (column: string) => {
        const given = Object.hasOwn(object, column) ? object[column] : undefined;
        if (given === undefined || given === null) return undefined;
        if (typeof given === 'string' || typeof given === 'number') return String(given);
        throw wrong(i + 1, `${JSON.stringify(column)} is neither text nor a number`);
      };
      return [{ line: i + 1, namedIn: i + 1, names: Object.keys(object), value }];
    });
}

function parsed(source: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(source);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function passes(row: Row, where: TableOptions['where'], wrong: Wrong): boolean {
  return Object.entries(where).every(([column, values]) => {
    const found = plain(cell(row, column, 'niche.params.where', wrong));
    return values.some((value) => plain(String(value)) === found);
  });
}

/** A number however it is written, anything else without the blanks around it. */
function plain(text: string): string {
  const trimmed = text.trim();
  return /^-?\d+(\.\d*)?$/.test(trimmed) ? String(Number(trimmed)) : trimmed;
}

function cell(row: Row, column: string, setting: string, wrong: Wrong): string {
  const value = row.value(column);
  if (value !== undefined) return value;
  throw wrong(row.namedIn, `no column ${JSON.stringify(column)} (${setting}); there are: ${row.names.join(', ')}`);
}

function toItem(row: Row, { columns, words }: TableOptions, wrong: Wrong): Item {
  const text = (what: keyof Columns) => cell(row, columns[what]!, `niche.params.columns.${what}`, wrong);
  const optional = (what: keyof Columns) => (columns[what] === null ? null : text(what));
  for (const what of ['id', 'problem', 'label'] as const) {
    if (text(what).trim() === '') throw wrong(row.line, `${JSON.stringify(columns[what])} is empty`);
  }
  const label = text('label').trim();
  const grade = gradeOf(label, words);
  if (grade === null) {
    const known = ['0', '1', '6', '7', ...Object.keys(words)].join(', ');
    const name = JSON.stringify(columns.label);
    throw wrong(
      row.line,
      `${name} is ${JSON.stringify(label.slice(0, 80))}, which is no grade; expected one of ${known}`,
    );
  }
  return {
    ...{ id: text('id').trim(), problem: text('problem'), response: text('response'), label, grade },
    ...{
      guidelines: optional('guidelines'),
      reference: optional('reference'),
      group: optional('group')?.trim() ?? null,
    },
  };
}
