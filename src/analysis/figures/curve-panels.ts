import { type ArmName, armNames } from '../../core/config/arms.ts';
import { seedList } from '../format.ts';
import { axes, bandGap, gutterLabels, type Lineages, noValue, type PanelLayout, panelBody } from './curve-panel.ts';
import type { Figure } from './figure.ts';
import { legend, legendHeight } from './legend.ts';
import { type Axis, linear } from './scale.ts';
import { type StepCurve, seedsForMedian } from './step-curve.ts';
import { boldWidth, element, ink, textWidth } from './svg.ts';

/** A figure of step curves: one panel per arm on common axes, one curve per lineage and seed. */
export interface CurvePanels {
  readonly title: string;
  readonly caption: string;
  readonly curves: readonly StepCurve[];
  readonly lineages: Lineages;
  /** The x axis that suits so many px. */
  x(width: number): Axis;
  readonly y: Axis;
  readonly names: { readonly x: string; readonly y: string };
  /** What the large marker of a curve's last dot stands for. */
  readonly last: string;
  /** How a final value is written beside its lineage. */
  write(value: number): string;
}

const gap = 14;
const titleHeight = 24;
const axisHeight = 50;

/** What all panels share, in px and data units. */
interface Grid {
  readonly width: number;
  readonly columns: number;
  readonly top: number;
  readonly left: number;
  readonly cell: number;
  readonly gutter: number;
  readonly plotHeight: number;
  readonly bandHeight: number;
  readonly rowHeight: number;
  readonly x: Axis;
  readonly y: Axis;
}

export function curvePanels(figure: CurvePanels): Figure {
  const { curves, lineages, names, write, title, caption } = figure;
  const arms = armsOf(curves);
  const grid = gridOf(figure, arms.length);
  const panels = arms.map((arm, i) => {
    const layout = panelLayout(grid, i);
    const own = curves.filter((c) => c.arm === arm);
    return [
      panelTitle(arm, own, layout),
      ...axes(layout, names),
      ...panelBody(own, lineages, layout),
      ...gutterLabels(own, lineages, layout, write, grid.gutter),
    ].join('');
  });
  return {
    ...{ title, caption, width: grid.width },
    height: grid.top + Math.ceil(arms.length / grid.columns) * grid.rowHeight,
    body: [...curveLegend(figure, grid.width), ...panels].join(''),
  };
}

export function armsOf(curves: readonly StepCurve[]): ArmName[] {
  return armNames.filter((arm) => curves.some((c) => c.arm === arm));
}

function hasMedians(curves: readonly StepCurve[]): boolean {
  return armsOf(curves).some((arm) => seedsOf(curves.filter((c) => c.arm === arm)).length >= seedsForMedian);
}

function curveLegend({ curves, lineages, last }: CurvePanels, width: number): string[] {
  const entries = [
    ...lineages.map((name, index) => ({ kind: 'lineage', name, index, hasLine: true }) as const),
    ...(hasMedians(curves)
      ? ([
          { kind: 'line', name: 'median of the seeds', strokeWidth: 2.4 },
          { kind: 'line', name: 'one seed', strokeWidth: 0.8 },
        ] as const)
      : []),
    ...(curves.some((c) => c.dots.length > 0) ? ([{ kind: 'last', name: last }] as const) : []),
  ];
  return legend(entries, width);
}

function gridOf({ curves, lineages, y, x, write, last }: CurvePanels, panels: number): Grid {
  const gutter = gutterWidth(curves, write);
  const columns = Math.min(panels, gutter > 90 ? 2 : 3);
  const width = columns === 1 ? 560 : 840;
  const hasBand = curves.some((c) => c.missing.length > 0);
  const ticks = Math.max(...y.ticks.map((t) => textWidth(y.label(t))), hasBand ? textWidth('no score') - 8 : 0);
  const left = Math.max(52, 20 + ticks + 10);
  const cell = (width - left - 4 - gap * (columns - 1)) / columns;
  const plotHeight = Math.max(170, 16 * lineages.length + 10);
  const bandHeight = hasBand ? bandHeightOf(curves) : 0;
  const medians = hasMedians(curves) ? ['median of the seeds', 'one seed'] : [];
  return {
    ...{ width, columns, left, cell, gutter, plotHeight, bandHeight, y },
    top: legendHeight([...lineages, ...medians, last], width),
    rowHeight: titleHeight + plotHeight + (hasBand ? bandGap + bandHeight : 0) + axisHeight,
    x: x(cell - gutter),
  };
}

/** Room for one row per lineage and seed. */
function bandHeightOf(curves: readonly StepCurve[]): number {
  const rows = Math.max(...armsOf(curves).map((arm) => curves.filter((c) => c.arm === arm).length));
  return Math.max(20, rows * Math.min(8, Math.max(4, 56 / rows)) + 6);
}

function panelLayout(grid: Grid, index: number): PanelLayout {
  const column = index % grid.columns;
  const left = grid.left + column * (grid.cell + gap);
  const right = left + grid.cell - grid.gutter;
  const panelTop = grid.top + Math.floor(index / grid.columns) * grid.rowHeight + titleHeight;
  const bottom = panelTop + grid.plotHeight;
  return {
    ...{ left, right, top: panelTop, bottom, bandHeight: grid.bandHeight, x: grid.x, y: grid.y },
    isFirstColumn: column === 0,
    toX: linear(grid.x, left + 6, right - 6),
    toY: linear(grid.y, bottom, panelTop),
  };
}

function panelTitle(arm: ArmName, own: readonly StepCurve[], layout: PanelLayout): string {
  const seeds = seedsOf(own);
  const list = seedList(seeds);
  const words = `n = ${seeds.length}${list.length <= 14 ? `, ${list}` : ''}`;
  return element(
    'text',
    { x: layout.left, y: layout.top - 8 },
    element('tspan', { 'font-weight': 600 }, arm),
    element('tspan', { fill: ink.muted, dx: 8 }, words),
  );
}

function gutterWidth(curves: readonly StepCurve[], write: (value: number) => string): number {
  const values = curves.map((c) => (c.steps.length === 0 ? noValue : write(c.steps.at(-1)!.y)));
  const id = Math.min(14, Math.max(...curves.map((c) => c.lineage.length)));
  return 20 + boldWidth('x'.repeat(id)) + Math.max(...values.map((v) => textWidth(` ${v}`)));
}

/** "Arms: paired n = 3 (seeds 1–3), …": what every caption says of its curves. */
export function armWords(curves: readonly StepCurve[]): string {
  const each = armsOf(curves).map((arm) => {
    const seeds = seedsOf(curves.filter((c) => c.arm === arm));
    return `${arm} n = ${seeds.length} (${seedList(seeds)})`;
  });
  return `Arms: ${each.join(', ')}.`;
}

/** What thin and thick lines are, where there are both. */
export function lineWords(curves: readonly StepCurve[]): string {
  return hasMedians(curves)
    ? 'Thin: one seed; thick: median of the seeds, to where the first of them ends.'
    : 'One line per seed; a median is drawn from 3 seeds on.';
}

function seedsOf(curves: readonly StepCurve[]): number[] {
  return [...new Set(curves.map((c) => c.seed))].sort((a, b) => a - b);
}
