import type { ScoreFormat } from '../format.ts';
import type { CurvePoint, LineageOutcome } from '../lineage-outcome.ts';
import { median } from '../statistics/summary.ts';
import { labelPositions } from './label-positions.ts';
import { type Axis, isBelow, type Scale } from './scale.ts';
import { boldWidth, element, ink, line, short, shortened, text, textWidth } from './svg.ts';
import { armStyles, failedMarker, lineageHue } from './visual-language.ts';

/** Where one panel draws, in px. */
export interface PanelLayout {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** The "no score" band under `bottom`; 0 when nothing failed in any panel. */
  readonly bandHeight: number;
  readonly isFirstColumn: boolean;
  readonly x: Axis;
  readonly y: Axis;
  readonly toX: Scale;
  readonly toY: Scale;
}

/** Between the lowest score that could be drawn and the band of those that have none. */
const bandGap = 8;

export function panelBody(outcomes: readonly LineageOutcome[], lineages: readonly string[], p: PanelLayout): string[] {
  const hue = (o: LineageOutcome) => lineageHue(lineages.indexOf(o.lineage));
  return [
    ...axes(p),
    ...noScoreBand(outcomes, hue, p),
    ...outcomes.map((o) => dots(o, hue(o), p)),
    ...outcomes.map((o) => bestLine(o, hue(o), p)),
  ];
}

function axes(p: PanelLayout): string[] {
  const base = p.bottom + bandGap + p.bandHeight;
  const horizontal = p.y.ticks.flatMap((tick) => {
    const at = p.toY(tick);
    const grid = line(p.left, at, p.right, at, { stroke: ink.line, 'stroke-width': 0.8 });
    const label = text(p.y.label(tick), p.left - 8, at + 4, { 'text-anchor': 'end', fill: ink.muted });
    return p.isFirstColumn ? [grid, label] : [grid];
  });
  const vertical = p.x.ticks.flatMap((tick) => [
    line(p.toX(tick), base, p.toX(tick), base + 4, { stroke: ink.muted, 'stroke-width': 0.8 }),
    text(p.x.label(tick), p.toX(tick), base + 17, { 'text-anchor': 'middle', fill: ink.muted }),
  ]);
  const name = text('generation', (p.left + p.right) / 2, base + 30, { 'text-anchor': 'middle', fill: ink.muted });
  return [
    ...horizontal,
    line(p.left, base, p.right, base, { stroke: ink.muted, 'stroke-width': 0.8 }),
    ...vertical,
    name,
  ];
}

function noScoreBand(
  outcomes: readonly LineageOutcome[],
  hue: (o: LineageOutcome) => string,
  p: PanelLayout,
): string[] {
  if (p.bandHeight === 0) return [];
  const step = (p.bandHeight - 6) / outcomes.length;
  const perGeneration = p.toX(1) - p.toX(0);
  const room = Math.min(3.2, step / 2 - 0.3, perGeneration / 2 - 0.3);
  const r = Math.max(0.8, Math.floor(room * 10) / 10);
  const label = text('no score', p.left - 8, p.bottom + bandGap + p.bandHeight / 2 + 4, {
    'text-anchor': 'end',
    fill: ink.muted,
  });
  const marks = outcomes.flatMap((o, i) => {
    const y = p.bottom + 3 + step * (i + 0.5) + bandGap;
    const failed = o.curve.filter((point) => point.score === null);
    if (failed.length === 0) return [];
    const d = failed.map((point) => failedMarker(short(p.toX(point.generation)), short(y), r)).join('');
    return element('path', { class: 'no-score', d, fill: 'none', stroke: hue(o), 'stroke-width': r < 2 ? 0.8 : 1 });
  });
  const band = { x: p.left, y: p.bottom + bandGap, width: p.right - p.left, height: p.bandHeight, fill: '#F4F6F8' };
  return [element('rect', band), ...(p.isFirstColumn ? [label] : []), ...marks];
}

function dots(outcome: LineageOutcome, hue: string, p: PanelLayout): string {
  const style = armStyles[outcome.arm];
  // Where generations are closer than a marker is wide, smaller ones keep the lines readable.
  const isDense = p.toX(1) - p.toX(0) < 3;
  const r = isDense ? 1 : style.isFilled ? 1.8 : 2;
  const seen = new Set<string>();
  const below = new Set<string>();
  for (const point of outcome.curve) {
    if (point.score === null) continue;
    const x = short(p.toX(point.generation));
    if (isBelow(p.y, point.score)) below.add(`M${x} ${short(p.bottom)}l-2.6 -4.4h5.2z`);
    else seen.add(style.marker(x, short(p.toY(point.score)), r));
  }
  const paint = style.isFilled ? { fill: hue } : { fill: 'none', stroke: hue, 'stroke-width': isDense ? 0.6 : 0.9 };
  const opacity = isDense ? 0.3 : 0.45;
  const marks = element('path', { class: 'measured', d: [...seen].join(''), opacity, ...paint });
  const edge = element('path', { class: 'below-axis', d: [...below].join(''), opacity, fill: hue });
  return `${seen.size === 0 ? '' : marks}${below.size === 0 ? '' : edge}`;
}

function bestLine(outcome: LineageOutcome, hue: string, p: PanelLayout): string {
  const known = outcome.curve.filter((point): point is CurvePoint & { best: number } => point.best !== null);
  const first = known[0];
  const last = known.at(-1);
  if (first === undefined || last === undefined) return '';
  let d = `M${short(p.toX(first.generation))} ${short(p.toY(first.best))}`;
  let best = first.best;
  for (const point of known) {
    if (point.best === best) continue;
    d += `H${short(p.toX(point.generation))}V${short(p.toY(point.best))}`;
    best = point.best;
  }
  d += `H${short(p.toX(last.generation))}`;
  const { dash, strokeWidth } = armStyles[outcome.arm];
  return element('path', {
    class: 'best',
    d,
    fill: 'none',
    stroke: hue,
    'stroke-width': strokeWidth,
    'stroke-dasharray': dash,
    'stroke-linejoin': 'round',
  });
}

/** Name and final best of each lineage, right of the plot, joined to its height by a leader in its hue. */
export function gutterLabels(
  outcomes: readonly LineageOutcome[],
  lineages: readonly string[],
  p: PanelLayout,
  format: ScoreFormat,
  gutter: number,
): string[] {
  const labels = [...new Set(outcomes.map((o) => o.lineage))].map((lineage) => {
    const finals = outcomes.filter((o) => o.lineage === lineage).flatMap((o) => o.best?.score ?? []);
    return { lineage, final: finals.length === 0 ? null : median(finals) };
  });
  const wishes = labels.map(({ final }) => (final === null ? p.bottom : p.toY(final)));
  const placed = labelPositions(wishes, 16, p.top + 2, p.bottom - 2);
  return labels.flatMap(({ lineage, final }, i) => {
    const value = final === null ? 'no score' : format.score(final);
    const idLength = Math.floor((gutter - 20 - textWidth(` ${value}`)) / boldWidth('x'));
    const name = element('tspan', { 'font-weight': 600 }, shortened(lineage, idLength));
    const label = element('text', { class: 'label', x: p.right + 15, y: placed[i]! + 4 }, name, ` ${value}`);
    if (final === null) return [label];
    const d = `M${short(p.right - 4)} ${short(wishes[i]!)}H${short(p.right + 1)}L${short(p.right + 8)} ${short(placed[i]!)}H${short(p.right + 12)}`;
    return [
      element('path', { d, fill: 'none', stroke: lineageHue(lineages.indexOf(lineage)), 'stroke-width': 1.6 }),
      label,
    ];
  });
}
