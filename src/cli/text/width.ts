const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;
const graphemes = new Intl.Segmenter();

/** Columns that a text takes in a terminal; colors take none. */
export function displayWidth(text: string): number {
  const shown = text.replace(/\x1b\[[\d;]*m/g, '');
  if (/^[\x20-\x7e]*$/.test(shown)) return shown.length;
  return [...graphemes.segment(shown)].reduce((sum, s) => sum + widthOf(s.segment), 0);
}

function widthOf(grapheme: string): number {
  if (/^[\p{Mn}\p{Me}]+$/u.test(grapheme)) return 0;
  return wide.test(grapheme) ? 2 : 1;
}

/** A text cut to `width` columns, the cut marked by `…`. Colors stay whole and are ended. */
export function crop(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (width <= 0) return '';
  let shown = '';
  let used = 0;
  let isColored = false;
  for (const part of text.split(/(\x1b\[[\d;]*m)/)) {
    if (part.startsWith('\x1b[')) {
      shown += part;
      isColored = true;
      continue;
    }
    for (const { segment } of graphemes.segment(part)) {
      if (used + widthOf(segment) > width - 1) return `${shown}…${isColored ? '\x1b[0m' : ''}`;
      shown += segment;
      used += widthOf(segment);
    }
  }
  return shown;
}

/** Filled up with blanks on the right to `width` columns. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

/** Filled up with blanks on the left to `width` columns. */
export function padLeft(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - displayWidth(text))) + text;
}

/** Rows of cells as lines, columns as wide as their widest cell. Trailing blanks are dropped. */
export function columns(rows: readonly (readonly string[])[], rightAligned: readonly number[] = []): string[] {
  const count = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const widths = Array.from({ length: count }, (_, i) =>
    rows.reduce((widest, row) => Math.max(widest, displayWidth(row[i] ?? '')), 0),
  );
  return rows.map((row) =>
    row
      .map((cell, i) => (rightAligned.includes(i) ? padLeft(cell, widths[i]!) : pad(cell, widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}
