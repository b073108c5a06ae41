/** Defined once by the shell that reads the line: a line cannot hold a line feed. */
export const lineFeedVariable = `n='\n'`;

/** A word that a POSIX shell reads back byte for byte, on one line. There must be no NUL in it. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`).replaceAll('\n', `'"$n"'`)}'`;
}

/** A name as a pattern that matches nothing but itself, for `find -path` and `tar --exclude`. */
export function literalPattern(name: string): string {
  return name.replaceAll(/[*?[\]\\]/g, '\\$&');
}
