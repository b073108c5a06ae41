import { counted, pValue, type ScoreFormat, scoreFormat } from '../format.ts';
import { type LineageOutcome, lineageIds } from '../lineage-outcome.ts';
import { isUneven, type TransferGain } from '../transfer.ts';
import type { Figure } from './figure.ts';
import { type Axis, linear, niceAxis } from './scale.ts';
import { boldWidth, ink, line, shortened, text, textWidth } from './svg.ts';
import { type GainRowLayout, gainRow, rowHeight } from './transfer-row.ts';

const width = 840;
const top = 22;

/**
 * Transfer gain: one row per control and lineage, one dot per seed, a line at
 * zero; mean and 95 % t-interval only from four seeds on.
 * @returns `null` when no seed has both a paired run and a control.
 */
export function transferDots(gains: readonly TransferGain[], outcomes: readonly LineageOutcome[]): Figure | null {
  const values = gains.flatMap((g) => [...g.points.map((p) => p.gain), ...Object.values(g.inference?.interval ?? {})]);
  if (values.length === 0) return null;
  const axis = niceAxis([0, ...values], 6);
  const format = scoreFormat(outcomes);
  const lineages = lineageIds(outcomes);
  const layout = rowLayout(gains, axis, lineages, format);
  const { markup, bottom } = rowsOf(gains, layout, lineages, format);
  return {
    title: 'Transfer gain, paired minus control',
    caption: transferCaption(gains),
    ...{ width, height: bottom + 44 },
    body: [...scaleLines(axis, layout, bottom), ...markup].join(''),
  };
}

function rowLayout(
  gains: readonly TransferGain[],
  axis: Axis,
  lineages: readonly string[],
  format: ScoreFormat,
): GainRowLayout {
  const nameLength = Math.min(20, Math.max(...lineages.map((l) => l.length)));
  const nameLeft = 12 + Math.max(...gains.map((g) => boldWidth(`minus ${g.control}`))) + 10;
  const left = nameLeft + textWidth('x'.repeat(nameLength)) + 14;
  const right = width - 30 - Math.max(...gains.map((g) => textWidth(rowWords(g, format))));
  return { nameLeft, left, right, nameLength, toX: linear(axis, left, right) };
}

function rowsOf(
  gains: readonly TransferGain[],
  layout: GainRowLayout,
  lineages: readonly string[],
  format: ScoreFormat,
): { markup: string[]; bottom: number } {
  let y = top;
  const markup = gains.flatMap((gain, i) => {
    const isFirst = gains[i - 1]?.control !== gain.control;
    if (isFirst && i > 0) y += 8;
    const height = rowHeight(gain, layout);
    const center = y + height / 2;
    y += height;
    return [
      isFirst ? text(`minus ${gain.control}`, 12, center + 4, { 'font-weight': 600 }) : '',
      text(shortened(gain.lineage, layout.nameLength), layout.nameLeft, center + 4),
      gainRow(gain, center, lineages.indexOf(gain.lineage), layout),
      text(rowWords(gain, format), layout.right + 18, center + 4, {
        fill: gain.points.length === 0 ? ink.muted : ink.text,
      }),
    ];
  });
  return { markup, bottom: y };
}

function scaleLines(axis: Axis, { left, right, toX }: GainRowLayout, bottom: number): string[] {
  const ticks = axis.ticks.flatMap((tick) => {
    const isZero = Math.abs(tick) < 1e-9 * (axis.high - axis.low);
    const stroke = isZero ? { stroke: ink.text, 'stroke-width': 1.2 } : { stroke: ink.line, 'stroke-width': 0.8 };
    return [
      line(toX(tick), top - 8, toX(tick), bottom + 4, { class: isZero ? 'zero' : undefined, ...stroke }),
      text(axis.label(tick), toX(tick), bottom + 18, { 'text-anchor': 'middle', fill: ink.muted }),
    ];
  });
  const words = 'gain in best selection score (right of 0: paired is higher)';
  return [...ticks, text(words, (left + right) / 2, bottom + 36, { 'text-anchor': 'middle', fill: ink.muted })];
}

/** What the figure shows, with n. */
export function transferCaption(gains: readonly TransferGain[]): string {
  const sizes = [...new Set(gains.map((g) => g.points.length))].sort((a, b) => a - b);
  const uneven = gains.flatMap((g) => g.points).filter(isUneven).length;
  const hasInference = gains.some((g) => g.inference !== null);
  return [
    'Each dot is one seed: improvement over generation 0 in the paired arm minus that in the control.',
    hasInference
      ? 'Tick and bar: mean and 95 % t-interval, drawn from 4 seeds on. p: exact two-sided sign-flip, not corrected here.'
      : 'Points only: 3 seeds or fewer carry no interval and no p.',
    ...(gains.some(isAtFloor) ? ['‡ the smallest p possible at this n.'] : []),
    `Seeds per row: n = ${sizes.join(' or ')}.`,
    ...(uneven > 0 ? [`In ${counted(uneven, 'dot')} the two runs have different numbers of generations.`] : []),
  ].join(' ');
}

function rowWords(gain: TransferGain, format: ScoreFormat): string {
  const { points, inference } = gain;
  if (points.length === 0) return 'not compared';
  if (inference === null) return `n = ${points.length}`;
  const { low, high } = inference.interval;
  const p = inference.p === null ? '' : `, p ${pValue(inference.p)}${isAtFloor(gain) ? '‡' : ''}`;
  return `${format.signed(inference.mean)} [${format.signed(low)}, ${format.signed(high)}]${p}, n = ${points.length}`;
}

function isAtFloor({ inference, points }: TransferGain): boolean {
  return inference?.p === 2 ** (1 - points.length);
}
