import { bracketsOf, keywordOf, type Program, type Statement } from './source.ts';
import type { Token } from './tokens.ts';

const keywords = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from ' +
    'global if import in is lambda nonlocal not or pass raise return try while with yield'
  ).split(' '),
);
/** Names of the language that a variation may bring in. */
const builtins = (
  'abs all any bool dict divmod enumerate filter float int len list map max min pow range reversed round set ' +
  'sorted sum tuple zip'
).split(' ');

/**
 * The names that a program uses and declares in no scope. Compare two
 * programs, and see whether an edit has cut a name off.
 */
export function unresolvedNames(program: Program): Set<string> {
  const bound = new Set([...builtins, ...program.statements.flatMap(boundIn)]);
  return new Set(program.statements.flatMap(usedIn).filter((name) => !bound.has(name)));
}

/** The names that a statement declares: targets, parameters, loop variables, imports. */
export function boundIn(statement: Statement): string[] {
  const { tokens } = statement;
  const brackets = bracketsOf(tokens);
  const isDeclaring = /^(import|from|global|nonlocal)$/.test(keywordOf(statement));
  const assignment = tokens.findLastIndex(({ text }, i) => text === '=' && brackets[i] === -1);
  const isBound = (i: number): boolean => {
    const [before, after] = [tokens[i - 1]?.text ?? '', tokens[i + 1]?.text ?? ''];
    if (isDeclaring || /^(def|class|as)$/.test(before) || after === ':=') return true;
    // A target that is looked into, as in `a[i] = 1`, is used and not declared.
    if (i < assignment && brackets[i]! <= 0) return !/^[[.(]$/.test(after);
    if (isBetween(tokens, i, 'for', 'in') || isBetween(tokens, i, 'lambda', ':')) return true;
    return keywordOf(statement) === 'def' && /^([(,]|\*\*?)$/.test(before) && brackets[brackets[i]!] === -1;
  };
  return tokens.flatMap((token, i) => (isName(tokens, i) && isBound(i) ? [token.text] : []));
}

function usedIn(statement: Statement): string[] {
  if (/^(import|from)$/.test(keywordOf(statement))) return [];
  const { tokens } = statement;
  const brackets = bracketsOf(tokens);
  const isArgument = (i: number) => tokens[i + 1]?.text === '=' && brackets[i] !== -1;
  return tokens.flatMap((token, i) => (isName(tokens, i) && !isArgument(i) ? [token.text] : []));
}

/** Whether a token names a variable, and not a field or a part of the language. */
function isName(tokens: readonly Token[], i: number): boolean {
  const { kind, text } = tokens[i]!;
  return kind === 'name' && !keywords.has(text) && tokens[i - 1]?.text !== '.';
}

function isBetween(tokens: readonly Token[], i: number, from: string, to: string): boolean {
  return tokens.slice(0, i).findLast(({ text }) => text === from || text === to)?.text === from;
}
