import type { PairedInference } from '../statistics/paired-inference.ts';
import type { Scale } from './scale.ts';
import { element, ink, line, short } from './svg.ts';
import { lineageHue, lineageStyle } from './visual-language.ts';

const dotRadius = 4;
const dotPitch = 2 * dotRadius;

/** Differences of one row, one per seed. */
export interface DotRow {
  /** What it is measured against, or which group it is of; rows of one follow each other. */
  readonly group: string;
  readonly name: string;
  /** Of the lineage: its hue and marker. */
  readonly index: number;
  readonly points: readonly { readonly seed: number; readonly value: number }[];
  readonly inference: Pick<PairedInference, 'mean' | 'interval' | 'p'> | null;
}

/** Where the rows draw, in px. */
export interface DotRowLayout {
  /** Where lineages are named; `left` is where the scale begins. */
  readonly nameLeft: number;
  readonly left: number;
  readonly right: number;
  /** Characters of a lineage's name that fit. */
  readonly nameLength: number;
  readonly toX: Scale;
}

/** Tall enough for the dots that would cover each other. */
export function rowHeight(row: DotRow, { toX }: DotRowLayout): number {
  const levels = stacked(row, toX).map((dot) => dot.level);
  return Math.max(30, 14 + (1 + Math.max(0, ...levels)) * dotPitch);
}

export function dotRow(row: DotRow, y: number, { left, right, toX }: DotRowLayout): string {
  const hue = lineageHue(row.index);
  const guide = line(left, y, right, y, { stroke: ink.line, 'stroke-width': 0.8, 'stroke-dasharray': '1 3' });
  const dots = stacked(row, toX).map(({ x, level, seed }) => {
    const offset = Math.ceil(level / 2) * dotPitch * (level % 2 === 1 ? 1 : -1);
    const d = lineageStyle(row.index).marker(short(x), short(y + offset), dotRadius - 0.5);
    const title = element('title', {}, `seed ${seed}`);
    return element('path', { class: 'gain', d, fill: hue, stroke: ink.ground, 'stroke-width': 1 }, title);
  });
  return [guide, intervalMark(row, y, hue, toX), ...dots].join('');
}

function intervalMark({ inference }: DotRow, y: number, hue: string, toX: Scale): string {
  if (inference === null) return '';
  const { interval, mean } = inference;
  const bar = { class: 'interval', stroke: hue, 'stroke-width': 5, 'stroke-opacity': 0.25 };
  const tick = { class: 'mean', stroke: hue, 'stroke-width': 2.5 };
  return line(toX(interval.low), y, toX(interval.high), y, bar) + line(toX(mean), y - 11, toX(mean), y + 11, tick);
}

interface StackedDot {
  readonly x: number;
  /** 0 on the row, then alternating below and above it. */
  readonly level: number;
  readonly seed: number;
}

/** Dots from left to right, each on the first level where it covers no other. */
function stacked({ points }: DotRow, toX: Scale): StackedDot[] {
  const placed: StackedDot[] = [];
  for (const { value, seed } of [...points].sort((a, b) => a.value - b.value)) {
    const x = toX(value);
    const taken = placed.filter((dot) => Math.abs(dot.x - x) < dotPitch).map((dot) => dot.level);
    let level = 0;
    while (taken.includes(level)) level += 1;
    placed.push({ x, level, seed });
  }
  return placed;
}
