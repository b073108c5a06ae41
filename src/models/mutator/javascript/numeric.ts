import type { RandomStream } from '../../../core/random.ts';
import type { Change } from '../edit.ts';
import * as numbers from '../numbers.ts';
import { isLocked } from './locks.ts';
import { outerFunction, type Place, type Program } from './source.ts';
import { isLoop, loopBoundNames } from './work.ts';

export function perturbNumber(program: Program, random: RandomStream): Change | null {
  return numbers.perturbNumber(numbersIn(program), random);
}

export function scalePair(program: Program, random: RandomStream): Change | null {
  return numbers.scalePair(numbersIn(program), random);
}

function numbersIn(program: Program): numbers.NumberPlace[] {
  const bounds = loopBoundNames(program);
  return program.places.flatMap((place) => {
    const { value, raw } = place.node as unknown as { value?: unknown; raw?: string };
    if (place.node.type !== 'Literal' || typeof value !== 'number' || raw === undefined) return [];
    const number = numbers.readNumber(raw);
    if (number === null || !isMagnitude(place)) return [];
    const label = labelOf(place);
    const isLoopBound = number.isInteger && ((label !== null && bounds.has(label)) || isInLoopTest(place));
    const { start, end } = place.node;
    return [{ ...number, start, end, label, isLoopBound, scope: outerFunction(place) }];
  });
}

/** Whether a literal is a quantity, not an index, a bit pattern, a key or part of a loop's own machinery. */
function isMagnitude(place: Place): boolean {
  if (isLocked(place) && !isInLoopTest(place)) return false;
  const around = place.parent!.node;
  const isIndexOrKey = place.field === 'property' || place.field === 'key';
  return !isIndexOrKey && !/^(&|\||\^|~|<<|>>>?)=?$/.test(String(around.operator ?? ''));
}

/** The literal stands directly in the test of a `for` loop, which may be shortened or lengthened within bounds. */
function isInLoopTest({ parent }: Place): boolean {
  return (
    parent?.field === 'test' &&
    parent.parent !== null &&
    parent.parent.node.type === 'ForStatement' &&
    isLoop(parent.parent.node)
  );
}

/** The name a number is declared or stored under: `const name = 1`, `{ name: 1 }`. */
function labelOf({ parent, field }: Place): string | null {
  const around = parent?.node;
  if (around?.type === 'VariableDeclarator' && field === 'init') return (around.id as { name?: string }).name ?? null;
  if (around?.type === 'Property' && field === 'value') return (around.key as { name?: string }).name ?? null;
  return null;
}
