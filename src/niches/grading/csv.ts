/** One record of a CSV file, and the line it begins in (from 1). */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/** What is wrong, and in which line (from 1). */
export class CsvError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.name = 'CsvError';
    this.line = line;
  }
}

// What an unquoted field runs up to; a quote in the middle of one is refused below.
const unquoted = /[^,\r\n]*/y;

/**
 * CSV as RFC 4180 has it: fields in quotes may hold commas, line breaks and doubled quotes, lines end in CRLF or LF, a
 * byte order mark at the start is none of the text. Empty lines are skipped, blanks are kept.
 *
 * @throws {CsvError} for a quote that never ends, text behind a closing quote, and a quote inside an unquoted field.
 */
export function parseCsv(source: string): CsvRecord[] {
  const text = source.replace(/^\uFEFF/, '');
  const records: CsvRecord[] = [];
  let at = 0;
  let line = 1;
  let begin = 1;
  let fields: string[] = [];
  const quotedField = () => {
    const opened = line;
    let value = '';
    for (;;) {
      const close = text.indexOf('"', at + 1);
      if (close === -1) throw new CsvError(opened, 'the quote that opens here never ends');
      const part = text.slice(at + 1, close);
      line += breaksIn(part);
      value += part;
      at = close + 1;
      if (text[at] !== '"') break;
      value += '"';
    }
    if (at < text.length && !',\r\n'.includes(text[at]!)) {
      throw new CsvError(line, 'there is text behind a closing quote; write a quote inside a field twice');
    }
    return value;
  };
  const plainField = () => {
    unquoted.lastIndex = at;
    const [value] = unquoted.exec(text)!;
    if (value.includes('"')) throw new CsvError(line, 'there is a quote in a field that is not quoted');
    at += value.length;
    return value;
  };
  while (at < text.length) {
    const isEmptyLine = fields.length === 0 && '\r\n'.includes(text[at]!);
    if (!isEmptyLine) fields.push(text[at] === '"' ? quotedField() : plainField());
    if (text[at] === ',') {
      at += 1;
      // A comma at the very end, or before a line break, has an empty field behind it.
      if (at < text.length && !'\r\n'.includes(text[at]!)) continue;
      fields.push('');
    }
    if (fields.length > 0) records.push({ line: begin, fields });
    fields = [];
    if (text.startsWith('\r\n', at)) at += 1;
    at += 1;
    line += 1;
    begin = line;
  }
  return records;
}

function breaksIn(text: string): number {
  return text.match(/\r\n|\r|\n/g)?.length ?? 0;
}
