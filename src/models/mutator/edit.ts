/** Replaces the characters from `start` up to `end`. Edits of one change do not overlap. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** One variation of one file, before it is known to be any good. */
export interface Change {
  readonly operator: string;
  /** For people: what was done to what. */
  readonly note: string;
  readonly edits: readonly Edit[];
}

export function applyEdits(text: string, edits: readonly Edit[]): string {
  return [...edits]
    .sort((a, b) => b.start - a.start || b.end - a.end)
    .reduce((out, edit) => out.slice(0, edit.start) + edit.text + out.slice(edit.end), text);
}

/**
 * The smallest run of whole lines that occurs once in `before` and whose
 * replacement gives `after`; `null` when that would be most of the file.
 */
export function smallestReplacement(
  before: string,
  after: string,
): { readonly old: string; readonly new: string } | null {
  const a = before.split('\n');
  const b = after.split('\n');
  const shorter = Math.min(a.length, b.length);
  let head = 0;
  while (head < shorter && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  while (a.length - head - tail <= a.length * 0.6) {
    const old = a.slice(head, a.length - tail).join('\n');
    const next = b.slice(head, b.length - tail);
    if (old !== '' && next.length > 0 && before.split(old).length === 2) return { old, new: next.join('\n') };
    if (head === 0 && tail === 0) return null;
    if (head > 0 && (tail === 0 || (head + tail) % 2 === 0)) head -= 1;
    else tail -= 1;
  }
  return null;
}
