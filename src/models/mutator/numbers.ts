import type { RandomStream } from '../../core/random.ts';
import type { Change, Edit } from './edit.ts';

const maxInteger = 4_096;
const maxLoopBound = 4_000;

/** A number that may be changed. */
export interface NumberPlace {
  readonly start: number;
  readonly end: number;
  readonly raw: string;
  readonly value: number;
  readonly isInteger: boolean;
  /** It decides how long a program runs. */
  readonly isLoopBound: boolean;
  /** The name it is declared or stored under. */
  readonly label: string | null;
  /** The function it lies in, or `null` for the top level. */
  readonly scope: unknown;
}

/** @returns `null` for a spelling that means bits or digits, not a quantity, and for integers too large to be one. */
export function readNumber(raw: string): Pick<NumberPlace, 'raw' | 'value' | 'isInteger'> | null {
  const isInteger = /^\d+$/.test(raw);
  if (!isInteger && !/^\d*\.?\d+(e[+-]?\d+)?$/i.test(raw)) return null;
  const value = Number(raw);
  return isInteger && value > maxInteger ? null : { raw, value, isInteger };
}

/** Changes one number: floats by a log-normal factor, integers by small steps. */
export function perturbNumber(numbers: readonly NumberPlace[], random: RandomStream): Change | null {
  const chosen = pickWeighted(numbers, random);
  if (chosen === null) return null;
  const spread = random.pick([0.4, 0.8, 1.4]);
  return change('perturb-number', [scaled(chosen, Math.exp(spread * random.normal()), random)]);
}

/** Scales two numbers of one function, or of the top level, together or against each other. */
export function scalePair(numbers: readonly NumberPlace[], random: RandomStream): Change | null {
  const first = pickWeighted(numbers, random);
  if (first === null) return null;
  const second = pickWeighted(
    numbers.filter((n) => n !== first && n.scope === first.scope),
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

function scaled(number: NumberPlace, factor: number, random: RandomStream): { edit: Edit; note: string } {
  const { start, end, raw, label } = number;
  const text = number.isInteger ? integerText(number, factor, random) : floatText(number.value, factor);
  return { edit: { start, end, text }, note: `${label ?? raw}: ${raw} -> ${text}` };
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

/** Named constants are what an author meant to be tuned; a bare 0 or 1 seldom is. */
function weightOf({ label, isInteger, value }: NumberPlace): number {
  if (label !== null) return 8;
  return isInteger && value < 2 ? 0.05 : 1;
}

function pickWeighted(numbers: readonly NumberPlace[], random: RandomStream): NumberPlace | null {
  let left = random.next() * numbers.reduce((sum, n) => sum + weightOf(n), 0);
  for (const number of numbers) {
    left -= weightOf(number);
    if (left < 0) return number;
  }
  return numbers.at(-1) ?? null;
}
