import type { RandomStream } from '../../../core/random.ts';
import type { Change } from '../edit.ts';
import { shorten, textOf } from './expressions.ts';
import { isInFunction, isLocked } from './locks.ts';
import type { Place, Program, SyntaxNode } from './source.ts';

/** Runs a statement twice. */
export function duplicateStatement(program: Program, random: RandomStream): Change | null {
  const place = pickStatement(program, random);
  if (place === null) return null;
  const text = wholeText(program, place.node);
  return {
    operator: 'duplicate-statement',
    note: shorten(textOf(program, place.node)),
    edits: [{ start: place.node.end, end: place.node.end, text: `\n${text}` }],
  };
}

export function deleteStatement(program: Program, random: RandomStream): Change | null {
  const place = pickStatement(program, random);
  if (place === null) return null;
  const { node } = place;
  const lineStart = node.start - indentOf(program, node).length;
  const isOwnLine = program.text[lineStart - 1] === '\n' && program.text[node.end] === '\n';
  const range = isOwnLine ? { start: lineStart - 1, end: node.end } : { start: node.start, end: node.end };
  return { operator: 'delete-statement', note: shorten(textOf(program, node)), edits: [{ ...range, text: '' }] };
}

/** Swaps a statement with the next one of its block. */
export function moveStatement(program: Program, random: RandomStream): Change | null {
  const place = pickStatement(program, random);
  const siblings = place?.parent?.node.body as SyntaxNode[] | undefined;
  const next = siblings?.[siblings.indexOf(place!.node) + 1];
  if (place === null || next === undefined) return null;
  return {
    operator: 'move-statement',
    note: `${shorten(textOf(program, place.node))} after ${shorten(textOf(program, next))}`,
    edits: [
      { start: place.node.start, end: place.node.end, text: textOf(program, next) },
      { start: next.start, end: next.end, text: textOf(program, place.node) },
    ],
  };
}

/** A statement in a function's block that declares nothing and does not leave the block. */
function pickStatement(program: Program, random: RandomStream): Place | null {
  const options = program.places.filter((place) => {
    if (place.field !== 'body' || place.parent?.node.type !== 'BlockStatement') return false;
    return /^(Expression|If|For|ForOf)Statement$/.test(place.node.type) && isInFunction(place) && !isLocked(place);
  });
  return options.length === 0 ? null : random.pick(options);
}

function wholeText(program: Program, node: SyntaxNode): string {
  return indentOf(program, node) + textOf(program, node);
}

function indentOf(program: Program, node: SyntaxNode): string {
  return /[ \t]*$/.exec(program.text.slice(0, node.start))![0];
}
