import type { RandomStream } from '../../../core/random.ts';
import type { Change } from '../edit.ts';
import { boundIn } from './names.ts';
import { shorten, textOf } from './operators.ts';
import { blockEnd, isInWhile, keywordOf, type Program, type Statement, upward } from './source.ts';

/** A statement with all that belongs to it, as whole lines: `start` of the first, `end` of the last without its line feed. */
interface Unit {
  readonly statement: Statement;
  readonly start: number;
  readonly end: number;
  /** Whether nothing else stands in its block. */
  readonly isAlone: boolean;
}

/** Runs a statement twice. */
export function duplicateStatement(program: Program, random: RandomStream): Change | null {
  const unit = pickUnit(program, random);
  if (unit === null) return null;
  const { start, end } = unit;
  const text = `\n${program.text.slice(start, end)}`;
  return change('duplicate-statement', program, unit, { start: end, end, text });
}

/** Deletes a statement, or leaves a `pass` where a block would become empty. */
export function deleteStatement(program: Program, random: RandomStream): Change | null {
  const unit = pickUnit(program, random);
  if (unit === null) return null;
  const { start, end, isAlone, statement } = unit;
  const range = isAlone
    ? { start, end, text: `${' '.repeat(statement.indent)}pass` }
    : { start: start - 1, end, text: '' };
  return change('delete-statement', program, unit, range);
}

function change(operator: string, program: Program, { statement }: Unit, edit: Change['edits'][number]): Change {
  return { operator, note: shorten(textOf(program, statement)), edits: [edit] };
}

function pickUnit(program: Program, random: RandomStream): Unit | null {
  const options = repeatable(program);
  return options.length === 0 ? null : unitOf(random.pick(options));
}

const compound = /^(if|for)$/;
const clause = /^(elif|else)$/;
const fixed =
  /^(return|break|continue|pass|raise|import|from|global|nonlocal|def|class|del|assert|yield|with|try|except|finally|while|match|case|await|async|elif|else|@)$/;

/** Statements in functions that declare nothing new there and do not leave their block. */
function repeatable(program: Program): Statement[] {
  const declared = new Map<Statement, Set<string>>();
  return program.statements.filter((statement) => {
    const around = [...upward(statement)].slice(1).find((s) => keywordOf(s) === 'def');
    if (around === undefined) return false;
    const known = declared.get(around) ?? new Set(boundIn(around));
    declared.set(around, known);
    const names = boundIn(statement);
    const isNew = names.some((name) => !known.has(name));
    for (const name of names) known.add(name);
    const { kind, text } = statement.tokens[0]!;
    if (isInWhile(statement) || fixed.test(text) || kind === 'string') return false;
    return compound.test(text) ? statement.body.length > 0 : !isNew;
  });
}

function unitOf(statement: Statement): Unit {
  const siblings = statement.parent!.body;
  const at = siblings.indexOf(statement);
  let last = at;
  while (siblings[last + 1] !== undefined && clause.test(keywordOf(siblings[last + 1]!))) last += 1;
  const end = blockEnd(siblings[last]!);
  return { statement, start: statement.start, end, isAlone: at === 0 && last === siblings.length - 1 };
}
