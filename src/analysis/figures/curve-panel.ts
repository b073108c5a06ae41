import { median } from '../statistics/summary.ts';
import { labelPositions } from './label-positions.ts';
import { slashedCircle } from './markers.ts';
import { type Axis, isBelow, type Scale } from './scale.ts';
import { medianCurve, type Point, type StepCurve, seedsForMedian } from './step-curve.ts';
import { boldWidth, element, ink, line, short, shortened, text, textWidth } from './svg.ts';
import { lineageHue, lineageStyle } from './visual-language.ts';

/** Where one panel draws, in px. */
export interface PanelLayout {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** The band under `bottom` for what has no value; 0 when there is nothing of the kind in any panel. */
  readonly bandHeight: number;
  readonly isFirstColumn: boolean;
  readonly x: Axis;
  readonly y: Axis;
  readonly toX: Scale;
  readonly toY: Scale;
}

/** Lineages in the order that fixes hue, dash and marker. */
export type Lineages = readonly string[];

/** Between the lowest value that could be drawn and the band of those that have none. */
export const bandGap = 8;

export function panelBody(curves: readonly StepCurve[], lineages: Lineages, p: PanelLayout): string[] {
  const own = lineages.map((lineage) => curves.filter((c) => c.lineage === lineage));
  return [
    ...band(curves, lineages, p),
    ...curves.map((c) => dots(c, lineages.indexOf(c.lineage), p)),
    ...own.flatMap((seeds, i) => lines(seeds, i, p)),
  ];
}

export function axes(p: PanelLayout, names: { readonly x: string; readonly y: string }): string[] {
  const base = p.bandHeight === 0 ? p.bottom : p.bottom + bandGap + p.bandHeight;
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
  const middle = { 'text-anchor': 'middle', fill: ink.muted };
  const height = (p.top + p.bottom) / 2;
  return [
    ...horizontal,
    line(p.left, base, p.right, base, { stroke: ink.muted, 'stroke-width': 0.8 }),
    ...vertical,
    text(names.x, (p.left + p.right) / 2, base + 32, middle),
    ...(p.isFirstColumn
      ? [text(names.y, 12, height, { ...middle, transform: `rotate(-90 12 ${short(height)})` })]
      : []),
  ];
}

function band(curves: readonly StepCurve[], lineages: Lineages, p: PanelLayout): string[] {
  if (p.bandHeight === 0) return [];
  const step = (p.bandHeight - 6) / curves.length;
  const perUnit = p.toX(1) - p.toX(0);
  const room = Math.min(3.2, step / 2 - 0.3, perUnit / 2 - 0.3);
  const r = Math.max(0.8, Math.floor(room * 10) / 10);
  const label = text('no score', p.left - 8, p.bottom + bandGap + p.bandHeight / 2 + 4, {
    'text-anchor': 'end',
    fill: ink.muted,
  });
  const marks = curves.flatMap(({ missing, lineage }, i) => {
    if (missing.length === 0) return [];
    const y = short(p.bottom + 3 + step * (i + 0.5) + bandGap);
    const places = new Set(missing.map((x) => short(p.toX(x))));
    const d = [...places].map((x) => slashedCircle(x, y, r)).join('');
    const stroke = lineageHue(lineages.indexOf(lineage));
    return element('path', { class: 'no-score', d, fill: 'none', stroke, 'stroke-width': r < 2 ? 0.8 : 1 });
  });
  const ground = { x: p.left, y: p.bottom + bandGap, width: p.right - p.left, height: p.bandHeight, fill: ink.band };
  return [element('rect', ground), ...(p.isFirstColumn ? [label] : []), ...marks];
}

/** Where measurements are closer than a marker is wide, points keep the lines readable. */
function dots({ dots: points, end }: StepCurve, index: number, p: PanelLayout): string {
  const { marker, isFilled } = lineageStyle(index);
  const hue = lineageHue(index);
  const isDense = (p.toX(end) - p.toX(0)) / Math.max(1, points.length) < 3;
  const seen = new Set<string>();
  const below = new Set<string>();
  for (const point of points) {
    const x = p.toX(point.x);
    if (isBelow(p.y, point.y)) below.add(`M${short(x)} ${short(p.bottom)}l-2.6 -4.4h5.2z`);
    else if (isDense) seen.add(`M${Math.round(x)} ${Math.round(p.toY(point.y))}h1`);
    else seen.add(marker(short(x), short(p.toY(point.y)), isFilled ? 1.8 : 2));
  }
  const paint = isFilled && !isDense ? { fill: hue } : { fill: 'none', stroke: hue, 'stroke-width': isDense ? 1 : 0.9 };
  const opacity = isDense ? 0.35 : 0.45;
  const marks = element('path', { class: 'measured', d: [...seen].join(''), opacity, ...paint });
  const edge = element('path', { class: 'below-axis', d: [...below].join(''), opacity, fill: hue });
  return `${seen.size === 0 ? '' : marks}${below.size === 0 ? '' : edge}${lastMark(points.at(-1), index, p)}`;
}

function lastMark(last: Point | undefined, index: number, p: PanelLayout): string {
  if (last === undefined) return '';
  const y = isBelow(p.y, last.y) ? p.bottom - 3 : p.toY(last.y);
  const d = lineageStyle(index).marker(short(p.toX(last.x)), short(y), 3.6);
  return element('path', { class: 'last', d, fill: ink.ground, stroke: lineageHue(index), 'stroke-width': 1.3 });
}

/** Thin seeds under a thick median; few seeds carry the lineage's dash themselves. */
function lines(curves: readonly StepCurve[], index: number, p: PanelLayout): string[] {
  const known = curves.filter((c) => c.steps.length > 0);
  const middle = known.length < seedsForMedian ? null : medianCurve(known);
  const { dash } = lineageStyle(index);
  const stroke = { fill: 'none', stroke: lineageHue(index), 'stroke-linejoin': 'round' } as const;
  const seed =
    middle === null ? { 'stroke-width': 1.5, 'stroke-dasharray': dash } : { 'stroke-width': 0.8, opacity: 0.55 };
  return [
    ...known.map((c) => element('path', { class: 'seed', d: stepPath(c.steps, c.end, p), ...stroke, ...seed })),
    ...(middle === null
      ? []
      : [
          element('path', {
            class: 'median',
            d: stepPath(middle.steps, middle.end, p),
            ...stroke,
            'stroke-width': 2.4,
            'stroke-dasharray': dash,
          }),
        ]),
  ];
}

export function stepPath(steps: readonly Point[], end: number, p: Pick<PanelLayout, 'toX' | 'toY'>): string {
  const [first, ...more] = steps;
  const start = `M${short(p.toX(first!.x))} ${short(p.toY(first!.y))}`;
  const rest = more.map(({ x, y }) => `H${short(p.toX(x))}V${short(p.toY(y))}`).join('');
  return `${start}${rest}H${short(p.toX(end))}`;
}

/** Name and final value of each lineage, right of the plot, joined to its height by a leader in its hue. */
export function gutterLabels(
  curves: readonly StepCurve[],
  lineages: Lineages,
  p: PanelLayout,
  write: (value: number) => string,
  gutter: number,
): string[] {
  const labels = [...new Set(curves.map((c) => c.lineage))].map((lineage) => {
    const finals = curves.filter((c) => c.lineage === lineage).flatMap((c) => c.steps.at(-1)?.y ?? []);
    return { lineage, final: finals.length === 0 ? null : median(finals) };
  });
  const wishes = labels.map(({ final }) => (final === null ? p.bottom : p.toY(final)));
  const placed = labelPositions(wishes, 16, p.top + 2, p.bottom - 2);
  return labels.flatMap(({ lineage, final }, i) => {
    const value = final === null ? noValue : write(final);
    const idLength = Math.floor((gutter - 20 - textWidth(` ${value}`)) / boldWidth('x'));
    const name = element('tspan', { 'font-weight': 600 }, shortened(lineage, idLength));
    const label = element('text', { class: 'label', x: p.right + 15, y: placed[i]! + 4 }, name, ` ${value}`);
    if (final === null) return [label];
    const d = `M${short(p.right - 4)} ${short(wishes[i]!)}H${short(p.right + 1)}L${short(p.right + 8)} ${short(placed[i]!)}H${short(p.right + 12)}`;
    const stroke = lineageHue(lineages.indexOf(lineage));
    const ends = curves.filter((c) => c.lineage === lineage && c.steps.length > 0).map((c) => p.toX(c.end));
    const from = Math.min(p.right - 4, Math.max(...ends));
    const reach = line(from, wishes[i]!, p.right - 4, wishes[i]!, {
      stroke,
      'stroke-width': 0.8,
      'stroke-dasharray': '1 3',
    });
    return [from < p.right - 8 ? reach : '', element('path', { d, fill: 'none', stroke, 'stroke-width': 1.6 }), label];
  });
}

export const noValue = 'not measured';
