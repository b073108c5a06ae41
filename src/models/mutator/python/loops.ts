import { bracketsOf, type Program } from './source.ts';
import type { Token } from './tokens.ts';

/** Whether a token is the whole of what a `range` ends at: its only argument, or its second. */
export function isLoopBound(tokens: readonly Token[], brackets: readonly number[], i: number): boolean {
  const open = brackets[i]!;
  if (!isRange(tokens, open)) return false;
  const commas = tokens.slice(open, i).filter(({ text }, j) => text === ',' && brackets[open + j] === open).length;
  const [before, after] = [tokens[i - 1]!.text, tokens[i + 1]?.text ?? ''];
  return commas === 0 ? before === '(' && after === ')' : commas === 1 && before === ',' && /^[,)]$/.test(after);
}

/** Whether a token lies anywhere between the brackets of a `range`. */
export function isInRange(tokens: readonly Token[], brackets: readonly number[], i: number): boolean {
  for (let open = brackets[i]!; open !== -1; open = brackets[open]!) if (isRange(tokens, open)) return true;
  return false;
}

/** Names that say how far a `range` goes: numbers under these names decide how long a program runs. */
export function loopBoundNames({ statements }: Program): Set<string> {
  return new Set(
    statements.flatMap(({ tokens }) => {
      const brackets = bracketsOf(tokens);
      return tokens.flatMap(({ kind, text }, i) => (kind === 'name' && isLoopBound(tokens, brackets, i) ? [text] : []));
    }),
  );
}

function isRange(tokens: readonly Token[], open: number): boolean {
  return tokens[open]?.text === '(' && tokens[open - 1]?.text === 'range';
}
