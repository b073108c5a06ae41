import { pValue, type ScoreFormat } from '../format.ts';
import { type DotRow, type DotRowLayout, dotRow, rowHeight } from './dot-row.ts';
import { type Axis, linear, niceAxis } from './scale.ts';
import { boldWidth, ink, line, shortened, text, textWidth } from './svg.ts';

const width = 840;
const top = 22;
const longestGroup = 26;

/** A drawing of differences around a line at zero: one row per comparison, one dot per seed. */
export interface DifferenceDots {
  readonly width: number;
  readonly height: number;
  readonly body: string;
}

/** @returns `null` when there is nothing to compare. */
export function differenceDots(rows: readonly DotRow[], format: ScoreFormat, axisName: string): DifferenceDots | null {
  const values = rows.flatMap((r) => [...r.points.map((p) => p.value), ...Object.values(r.inference?.interval ?? {})]);
  if (values.length === 0) return null;
  const axis = niceAxis([0, ...values], 6);
  const layout = rowLayout(rows, axis, format);
  const { markup, bottom } = rowsOf(rows, layout, format);
  return { width, height: bottom + 44, body: [...scaleLines(axis, layout, bottom, axisName), ...markup].join('') };
}

function rowLayout(rows: readonly DotRow[], axis: Axis, format: ScoreFormat): DotRowLayout {
  const nameLength = Math.min(24, Math.max(...rows.map((r) => r.name.length)));
  const nameLeft = 12 + Math.max(...rows.map((r) => boldWidth(shortened(r.group, longestGroup)))) + 10;
  const left = nameLeft + textWidth('x'.repeat(nameLength)) + 14;
  const right = width - 30 - Math.max(...rows.map((r) => textWidth(rowWords(r, format))));
  return { nameLeft, left, right, nameLength, toX: linear(axis, left, right) };
}

function rowsOf(
  rows: readonly DotRow[],
  layout: DotRowLayout,
  format: ScoreFormat,
): { markup: string[]; bottom: number } {
  let y = top;
  const markup = rows.flatMap((row, i) => {
    const isFirst = rows[i - 1]?.group !== row.group;
    if (isFirst && i > 0) y += 8;
    const height = rowHeight(row, layout);
    const center = y + height / 2;
    y += height;
    return [
      isFirst ? text(shortened(row.group, longestGroup), 12, center + 4, { 'font-weight': 600 }) : '',
      text(shortened(row.name, layout.nameLength), layout.nameLeft, center + 4),
      dotRow(row, center, layout),
      text(rowWords(row, format), layout.right + 18, center + 4, {
        fill: row.points.length === 0 ? ink.muted : ink.text,
      }),
    ];
  });
  return { markup, bottom: y };
}

function scaleLines(axis: Axis, { left, right, toX }: DotRowLayout, bottom: number, name: string): string[] {
  const ticks = axis.ticks.flatMap((tick) => {
    const isZero = Math.abs(tick) < 1e-9 * (axis.high - axis.low);
    const stroke = isZero ? { stroke: ink.text, 'stroke-width': 1.2 } : { stroke: ink.line, 'stroke-width': 0.8 };
    return [
      line(toX(tick), top - 8, toX(tick), bottom + 4, { class: isZero ? 'zero' : undefined, ...stroke }),
      text(axis.label(tick), toX(tick), bottom + 18, { 'text-anchor': 'middle', fill: ink.muted }),
    ];
  });
  return [...ticks, text(name, (left + right) / 2, bottom + 36, { 'text-anchor': 'middle', fill: ink.muted })];
}

function rowWords({ points, inference }: DotRow, format: ScoreFormat): string {
  if (points.length === 0) return 'not compared';
  if (inference === null) return `n = ${points.length}`;
  const { low, high } = inference.interval;
  const isFloor = inference.p !== null && isAtFloor(inference.p, points.length);
  const p = inference.p === null ? '' : `, p ${pValue(inference.p)}${isFloor ? '‡' : ''}`;
  return `${format.signed(inference.mean)} [${format.signed(low)}, ${format.signed(high)}]${p}, n = ${points.length}`;
}

/** Whether p is the smallest that so many differences could have had. */
export function isAtFloor(p: number, n: number): boolean {
  return p === 2 ** (1 - n);
}

/** How to read such a figure, whatever it compares. */
export function dotWords(rows: readonly DotRow[]): string[] {
  const sizes = [...new Set(rows.map((r) => r.points.length))].sort((a, b) => a - b);
  const hasFloor = rows.some((r) => r.inference?.p != null && isAtFloor(r.inference.p, r.points.length));
  return [
    rows.some((r) => r.inference !== null)
      ? 'Tick and bar: mean and 95 % t-interval, drawn from 4 seeds on. p: exact two-sided sign-flip, not corrected here.'
      : 'Points only: 3 seeds or fewer carry no interval and no p.',
    ...(hasFloor ? ['‡ the smallest p possible at this n.'] : []),
    `Seeds per row: n = ${sizes.join(' or ')}.`,
  ];
}
