const [quote, comma, lineFeed, carriageReturn] = [0x22, 0x2c, 0x0a, 0x0d];

/**
 * Columns of a CSV file with a header line (RFC 4180: quotes, doubled quotes,
 * line breaks inside quotes), in the order they were asked for. Only those
 * columns are decoded: the others may be long.
 * @returns a row of texts for each record, or what is wrong with the file.
 */
export function readColumns(bytes: Buffer, names: readonly string[]): readonly (readonly string[])[] | string {
  const reader = createReader(bytes);
  const header = reader.record(null);
  if (typeof header === 'string') return header;
  if (header === null) return 'is empty';
  header[0] = header[0]!.replace(/^\ufeff/, '');
  const wanted = names.map((name) => header.indexOf(name));
  const absent = names.filter((_, i) => wanted[i] === -1);
  if (absent.length > 0) return `has no column ${absent.map((name) => JSON.stringify(name)).join(' and ')}`;
  const rows: string[][] = [];
  const isWanted = new Set(wanted);
  for (;;) {
    const record = reader.record(isWanted);
    if (typeof record === 'string') return record;
    if (record === null) return rows;
    if (record.length === 1 && header.length > 1) continue;
    if (record.length !== header.length)
      return `record ${rows.length + 1} has ${record.length} fields, not ${header.length}`;
    rows.push(wanted.map((column) => record[column]!));
  }
}

function createReader(bytes: Buffer) {
  let at = 0;
  let isOpen = false;

  /** Moves behind the field at `at`. */
  const field = (decode: boolean): string | null => {
    if (bytes[at] !== quote) {
      const from = at;
      while (at < bytes.length && bytes[at] !== comma && bytes[at] !== lineFeed && bytes[at] !== carriageReturn)
        at += 1;
      return decode ? bytes.toString('utf8', from, at) : null;
    }
    const from = at + 1;
    let hasDoubled = false;
    for (let end = from; ; end += 2) {
      end = bytes.indexOf(quote, end);
      if (end === -1) {
        isOpen = true;
        at = bytes.length;
        return null;
      }
      if (bytes[end + 1] === quote) {
        hasDoubled = true;
        continue;
      }
      at = end + 1;
      const text = decode ? bytes.toString('utf8', from, end) : null;
      return text !== null && hasDoubled ? text.replaceAll('""', '"') : text;
    }
  };

  return {
    /** The next record; fields that are not wanted are empty. `null` at the end, a text for what is wrong. */
    record(wanted: ReadonlySet<number> | null): string[] | string | null {
      if (at >= bytes.length) return null;
      const fields: string[] = [];
      for (;;) {
        fields.push(field(wanted === null || wanted.has(fields.length)) ?? '');
        if (isOpen) return 'ends inside quotes';
        const next = bytes[at];
        at += 1;
        if (next === comma) continue;
        if (next === carriageReturn && bytes[at] === lineFeed) at += 1;
        else if (next !== undefined && next !== lineFeed && next !== carriageReturn)
          return 'has text behind a closing quote';
        return fields;
      }
    },
  };
}
