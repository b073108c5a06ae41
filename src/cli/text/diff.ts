import type { Paint } from './paint.ts';

export function paintDiff(paint: Paint, diff: string): string {
  return diff
    .split('\n')
    .map((line) => {
      if (/^(diff |index |\+\+\+ |--- )/.test(line)) return paint.bold(line);
      if (line.startsWith('@@')) return paint.cyan(line);
      if (line.startsWith('+')) return paint.green(line);
      return line.startsWith('-') ? paint.red(line) : line;
    })
    .join('\n');
}

/** Lines that a unified diff adds and removes, by the path of the file after the change (before it, for a file that goes). */
export function diffStat(diff: string): { readonly path: string; readonly added: number; readonly removed: number }[] {
  return diff
    .split(/^(?=diff --git )/m)
    .filter((part) => part !== '')
    .map((part) => {
      const [head, ...hunks] = part.split(/^(?=@@ )/m);
      const [before, after] = [/^--- (.+)$/m, /^\+\+\+ (.+)$/m].map((line) => line.exec(head!)?.[1] ?? '');
      const lines = hunks.flatMap((hunk) => hunk.split('\n').slice(1));
      return {
        path: (after === '/dev/null' ? before! : after!).replace(/^[ab]\//, '').replace(/\t$/, ''),
        added: lines.filter((line) => line.startsWith('+')).length,
        removed: lines.filter((line) => line.startsWith('-')).length,
      };
    });
}
