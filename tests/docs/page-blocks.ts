/** A block of commands on a page, and the output that the page shows below it; `null` where it shows none. */
export interface Commands {
  /** Of the first line of the block, from 1. */
  readonly line: number;
  readonly script: string;
  readonly shown: string | null;
}

/**
 * The fenced `sh` blocks of a Markdown page, in order, each with the `text` block that follows it.
 * @throws {Error} for a fence of another kind, which nothing would check.
 */
export function commandsOf(page: string): Commands[] {
  const found: Commands[] = [];
  for (const match of page.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)) {
    const [, kind, body] = match;
    const line = page.slice(0, match.index).split('\n').length + 1;
    if (kind === 'sh') found.push({ line, script: body!, shown: null });
    else if (kind === 'text' && found.at(-1)?.shown === null) found.push({ ...found.pop()!, shown: body! });
    else throw new Error(`line ${line - 1} begins a block ${JSON.stringify(kind)} that no test would check`);
  }
  return found;
}
