import type { RandomStream } from '../../core/random.ts';
import type { Change, Edit } from './edit.ts';
import { isLocked } from './locks.ts';
import { outerFunction, type Place, type Program } from './source.ts';
import { isLoop, loopBoundNames } from './work.ts';

const maxInteger = 4_096;
const maxLoopBound = 4_000;

interface NumberPlace {
  readonly place: Place;
  readonly value: number;
  readonly isInteger: boolean;
  readonly isLoopBound: boolean;
  readonly weight: number;
}

/** Changes one number: floats by a log-normal factor, integers by small steps. */
export function perturbNumber(program: Program, random: RandomStream): Change | null {
  const chosen = pickWeighted(numbersIn(program), random);
  if (chosen === null) return null;
  const spread = random.pick([0.4, 0.8, 1.4]);
  return change('perturb-number', [scaled(chosen, Math.exp(spread * random.normal()), random)]);
}

/** Scales two numbers of one function, or of the top level, together or against each other. */
export function scalePair(program: Program, random: RandomStream): Change | null {
  const all = numbersIn(program);
  const first = pickWeighted(all, random);
  if (first === null) return null;
  const around = outerFunction(first.place);
  const second = pickWeighted(
    all.filter((n) => n !== first && outerFunction(n.place) === around),
    random,
  );
  if (second === null) return null;
  const factor = Math.exp(0.5 * random.normal());
  return change('scale-pair', [
    scaled(first, factor, random),
    scaled(second, random.pick([factor, 1 / factor]), random),
  ]);
}

function change(operator: string, parts: readonly { edit: Edit; note: string }[]): Change {
  return { operator, note: parts.map((p) => p.note).join(', '), edits: parts.map((p) => p.edit) };
}

function numbersIn(program: Program): NumberPlace[] {
  const bounds = loopBoundNames(program);
  return program.places.flatMap((place) => {
    const { value, raw } = place.node as unknown as { value?: unknown; raw?: string };
    if (place.node.type !== 'Literal' || typeof value !== 'number' || raw === undefined) return [];
    const isInteger = /^\d+$/.test(raw);
    if (!isMagnitude(place, value, raw, isInteger)) return [];
    const name = labelOf(place);
    const isLoopBound = isInteger && ((name !== null && bounds.has(name)) || isInLoopTest(place));
    // Named constants are what an author meant to be tuned; a bare 0 or 1 seldom is.
    const weight = name !== null ? 8 : isInteger && value < 2 ? 0.05 : 1;
    return [{ place, value, isInteger, isLoopBound, weight }];
  });
}

/** Whether a literal is a quantity, not an index, a bit pattern, a key or part of a loop's own machinery. */
function isMagnitude(place: Place, value: number, raw: string, isInteger: boolean): boolean {
  if (!isInteger && !/^\d*\.?\d+(e[+-]?\d+)?$/i.test(raw)) return false;
  if (isInteger && value > maxInteger) return false;
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

function scaled(number: NumberPlace, factor: number, random: RandomStream): { edit: Edit; note: string } {
  const { node } = number.place;
  const text = number.isInteger ? integerText(number, factor, random) : floatText(number.value, factor);
  const label = labelOf(number.place) ?? String(node.raw);
  return { edit: { start: node.start, end: node.end, text }, note: `${label}: ${node.raw} -> ${text}` };
}

function integerText({ value, isLoopBound }: NumberPlace, factor: number, random: RandomStream): string {
  const moved = Math.round(value * factor);
  const step = moved === value ? value + random.pick([-1, 1]) : moved;
  const least = isLoopBound ? 1 : 0;
  const most = Math.min(isLoopBound ? maxLoopBound : maxInteger, Math.max(value + 1, Math.floor(value * 1.5)));
  return String(Math.min(most, Math.max(least, step)));
}

/** At most 6 significant digits, and still a float to the next reader. */
function floatText(value: number, factor: number): string {
  const next = value === 0 ? 0.01 * factor : value * factor;
  const text = String(Number(next.toPrecision(4)));
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function pickWeighted(numbers: readonly NumberPlace[], random: RandomStream): NumberPlace | null {
  let left = random.next() * numbers.reduce((sum, n) => sum + n.weight, 0);
  for (const number of numbers) {
    left -= number.weight;
    if (left < 0) return number;
  }
  return numbers.at(-1) ?? null;
}
