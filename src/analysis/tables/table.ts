import type { LineageOutcome } from '../lineage-outcome.ts';
/** One column of a table that is printed twice: for people in Markdown, for programs in CSV. */
export interface Column<Row> {
  readonly title: string;
  /** Header in the CSV file. */
  readonly key: string;
  /** Text for people: what is missing is written out in words. */
  show(row: Row): string;
  /** Full precision for programs; `null` becomes `NA`. */
  raw(row: Row): string | number | null;
}

/** A column whose value stands for itself; `title` is the key with spaces. */
export function column<Row>(
  key: string,
  raw: (row: Row) => string | number | null,
  show: (row: Row) => string = (row) => String(raw(row) ?? 'not measured'),
): Column<Row> {
  return { title: key.replaceAll('_', ' '), key, show, raw };
}

/** The seed of a row's run; "none" where another system named none. */
export function seedColumn<Row>(of: (row: Row) => LineageOutcome): Column<Row> {
  const seed = (row: Row) => (of(row).isSeeded ? of(row).seed : null);
  return column('seed', seed, (row) => String(seed(row) ?? 'none'));
}

/** A column of measured numbers: what is `null` is written "not measured". */
export function measuredColumn<Row>(
  key: string,
  raw: (row: Row) => number | null,
  write: (value: number) => string,
): Column<Row> {
  const words = (value: number | null) => (value === null ? 'not measured' : write(value));
  return column(key, raw, (row) => words(raw(row)));
}

/** A table as people read it. */
export interface Cells {
  readonly titles: readonly string[];
  readonly isNumeric: readonly boolean[];
  readonly rows: readonly (readonly string[])[];
}

export function cellsOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Cells {
  return {
    titles: columns.map((c) => c.title),
    isNumeric: columns.map((c) => rows.some((row) => typeof c.raw(row) === 'number')),
    rows: rows.map((row) => columns.map((c) => c.show(row))),
  };
}

export function markdownTable({ titles, isNumeric, rows }: Cells): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(titles.map(plain)),
    line(isNumeric.map((is) => (is ? '---:' : '---'))),
    ...rows.map((row) => line(row.map(plain))),
  ].join('\n');
}

/** The rows as objects, keyed and at full precision as in the CSV file. */
export function rowObjects<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): Record<string, string | number | null>[] {
  return rows.map((row) => Object.fromEntries(columns.map((c) => [c.key, c.raw(row)])));
}

/** RFC 4180, LF line ends. */
export function csvTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [columns.map((c) => c.key), ...rows.map((row) => columns.map((c) => csvCell(c.raw(row))))];
  return `${lines.map((cells) => cells.join(',')).join('\n')}\n`;
}

function csvCell(value: string | number | null): string {
  if (value === null) return 'NA';
  if (typeof value === 'number') return String(value);
  // A spreadsheet runs a cell that starts like a formula.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Text that Markdown and HTML show as it is: one line, nothing in it is markup. */
export function plain(text: string): string {
  return escapeMarkdown(text).trim();
}

/** The same with its spaces, to stand between other text. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, ' ')
    .replace(/[\\`*_[\]<>|~#!&]/g, (c) => (c === '<' ? '&lt;' : c === '>' ? '&gt;' : c === '&' ? '&amp;' : `\\${c}`));
}

/** A fenced block that its content cannot close. */
export function fenced(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return `${fence}sh\n${text}\n${fence}`;
}
