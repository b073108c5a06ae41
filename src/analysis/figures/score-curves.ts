import { type ArmName, armNames } from '../../core/config/arms.ts';
import { counted, type ScoreFormat, scoreFormat, seedList } from '../format.ts';
import { type LineageOutcome, lineageIds } from '../lineage-outcome.ts';
import { type Axis, countAxis, isBelow, linear, niceAxis } from './scale.ts';
import { gutterLabels, type PanelLayout, panelBody } from './score-panel.ts';
import { boldWidth, element, figureTitle, ink, svgDocument, text, textWidth, wrapped } from './svg.ts';

const gap = 14;
const top = 40;
const titleHeight = 22;
const axisHeight = 54;

/** What all panels share, in px and data units. */
interface Grid {
  readonly width: number;
  readonly columns: number;
  readonly left: number;
  readonly cell: number;
  readonly gutter: number;
  readonly plotHeight: number;
  readonly bandHeight: number;
  readonly rowHeight: number;
  readonly x: Axis;
  readonly y: Axis;
}

/**
 * Score curves: one panel per arm on common axes; per lineage (hue) and seed
 * one thin line of the best score so far and a marker for every measured
 * generation. Failed generations sit in a "no score" band under the axis.
 * @returns `null` when no generation was measured.
 */
export function scoreCurves(outcomes: readonly LineageOutcome[], experiment: string): string | null {
  if (outcomes.every((o) => o.best === null)) return null;
  const arms = armNames.filter((arm) => outcomes.some((o) => o.arm === arm));
  const format = scoreFormat(outcomes);
  const lineages = lineageIds(outcomes);
  const grid = gridOf(outcomes, arms.length, format);
  const panels = arms.map((arm, i) => {
    const layout = panelLayout(grid, i);
    const own = outcomes.filter((o) => o.arm === arm);
    const labels = gutterLabels(own, lineages, layout, format, grid.gutter);
    return [panelTitle(arm, own, layout), ...panelBody(own, lineages, layout), ...labels].join('');
  });
  const captionTop = top + Math.ceil(arms.length / grid.columns) * grid.rowHeight + 6;
  const description = scoreCurvesCaption(outcomes);
  const caption = wrapped(description, grid.width - 24);
  return svgDocument(
    {
      width: grid.width,
      height: captionTop + caption.length * 16 + 12,
      title: `${experiment}: selection score by generation, per arm`,
      description,
    },
    figureTitle('Selection score by generation', experiment),
    ...panels,
    ...caption.map((row, i) => text(row, 12, captionTop + 12 + i * 16, { fill: ink.muted })),
  );
}

function gridOf(outcomes: readonly LineageOutcome[], panels: number, format: ScoreFormat): Grid {
  const y = niceAxis(scoresInFocus(outcomes), 5);
  const gutter = gutterWidth(outcomes, format);
  const columns = Math.min(panels, gutter > 90 ? 2 : 3);
  const width = columns === 1 ? 560 : 840;
  const left = Math.max(68, ...y.ticks.map((t) => textWidth(y.label(t)) + 14));
  const cell = (width - left - 4 - gap * (columns - 1)) / columns;
  const plotHeight = Math.max(160, 16 * lineageIds(outcomes).length + 10);
  const bandHeight = bandHeightOf(outcomes);
  return {
    ...{ width, columns, left, cell, gutter, plotHeight, bandHeight, y },
    rowHeight: titleHeight + plotHeight + bandHeight + axisHeight,
    x: countAxis(Math.max(...outcomes.map((o) => o.curve.at(-1)?.generation ?? 0)), (cell - gutter) / 40),
  };
}

/**
 * The scores that the axis has to hold: those near the best lines. One child
 * that scored next to nothing would press everything else into a strip; what
 * is further down is marked at the lower edge instead.
 */
function scoresInFocus(outcomes: readonly LineageOutcome[]): number[] {
  const scores = outcomes.flatMap((o) => o.curve.flatMap((p) => p.score ?? []));
  const best = outcomes.flatMap((o) => o.curve.flatMap((p) => p.best ?? []));
  const low = Math.min(...best);
  const room = Math.max(...best) - low;
  return room > 0 ? scores.filter((score) => score >= low - room) : scores;
}

/** Whether some measured score lies under the axis. */
function hasScoresBelow(outcomes: readonly LineageOutcome[]): boolean {
  const axis = niceAxis(scoresInFocus(outcomes), 5);
  return outcomes.some((o) => o.curve.some((p) => p.score !== null && isBelow(axis, p.score)));
}

/** Room for one row per lineage and seed; none when nothing failed. */
function bandHeightOf(outcomes: readonly LineageOutcome[]): number {
  if (outcomes.every((o) => o.curve.every((p) => p.score !== null))) return 0;
  const rows = Math.max(...armNames.map((arm) => outcomes.filter((o) => o.arm === arm).length));
  return Math.max(20, rows * Math.min(8, Math.max(4, 56 / rows)) + 6);
}

function panelLayout(grid: Grid, index: number): PanelLayout {
  const column = index % grid.columns;
  const left = grid.left + column * (grid.cell + gap);
  const right = left + grid.cell - grid.gutter;
  const panelTop = top + Math.floor(index / grid.columns) * grid.rowHeight + titleHeight;
  const bottom = panelTop + grid.plotHeight;
  return {
    ...{ left, right, top: panelTop, bottom, bandHeight: grid.bandHeight, x: grid.x, y: grid.y },
    isFirstColumn: column === 0,
    toX: linear(grid.x, left + 6, right - 6),
    toY: linear(grid.y, bottom, panelTop),
  };
}

/** What the figure shows, with arms, seeds and n. */
export function scoreCurvesCaption(outcomes: readonly LineageOutcome[]): string {
  const absent = armNames.filter((arm) => !outcomes.some((o) => o.arm === arm));
  const unfinished = new Set(outcomes.filter((o) => o.status !== 'done').map((o) => o.run)).size;
  const hasFailures = bandHeightOf(outcomes) > 0;
  const arms = armNames
    .filter((arm) => !absent.includes(arm))
    .map((arm) => ({ arm, seeds: seedsOf(outcomes.filter((o) => o.arm === arm)) }));
  return [
    'Step lines: best score so far, one per lineage (hue) and seed; markers: every measured generation.',
    ...(hasScoresBelow(outcomes) ? ['Triangles at the lower edge: measured, below the axis.'] : []),
    ...(hasFailures ? ['Slashed circles below: generations without a score, one row per lineage and seed.'] : []),
    'Number at the right: final best, the median where n is above 1.',
    `Arms: ${arms.map(({ arm, seeds }) => `${arm} n = ${seeds.length} (${seedList(seeds)})`).join(', ')}.`,
    ...(absent.length > 0 ? [`Not run: ${absent.join(', ')}.`] : []),
    ...(unfinished > 0 ? [`${counted(unfinished, 'run')} not finished.`] : []),
  ].join(' ');
}

function panelTitle(arm: ArmName, own: readonly LineageOutcome[], layout: PanelLayout): string {
  const seeds = seedsOf(own);
  const list = seedList(seeds);
  const words = `n = ${seeds.length}${list.length <= 14 ? `, ${list}` : ''}`;
  return element(
    'text',
    { x: layout.left, y: layout.top - 7 },
    element('tspan', { 'font-weight': 600 }, arm),
    element('tspan', { fill: ink.muted, dx: 8 }, words),
  );
}

function gutterWidth(outcomes: readonly LineageOutcome[], format: ScoreFormat): number {
  const values = outcomes.map((o) => (o.best === null ? 'no score' : format.score(o.best.score)));
  const id = Math.min(14, Math.max(...outcomes.map((o) => o.lineage.length)));
  return 20 + boldWidth('x'.repeat(id)) + Math.max(...values.map((v) => textWidth(` ${v}`)));
}

function seedsOf(outcomes: readonly LineageOutcome[]): number[] {
  return [...new Set(outcomes.map((o) => o.seed))].sort((a, b) => a - b);
}
