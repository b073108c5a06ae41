import { type ArmName, armNames } from '../../core/config/arms.ts';
import { type ScoreFormat, scoreFormat } from '../format.ts';
import { type LineageOutcome, lineageIds } from '../lineage-outcome.ts';
import { kaplanMeier, type Wait } from '../statistics/survival.ts';
import { thresholdsFor, waitFor } from '../threshold.ts';
import { axes, type PanelLayout, stepPath } from './curve-panel.ts';
import type { Figure } from './figure.ts';
import { labelPositions } from './label-positions.ts';
import { legend, legendHeight } from './legend.ts';
import { type Axis, linear } from './scale.ts';
import { generationAxis } from './score-curves.ts';
import type { Point } from './step-curve.ts';
import { element, escapeXml, ink, short, shortened, text, textWidth } from './svg.ts';
import { armStyle, controlHue, lineageHue } from './visual-language.ts';

const gap = 14;
const titleHeight = 24;
const axisHeight = 50;
/** So many px between arms, so that lines at one height do not hide each other. */
const apart = 1.8;

/** One arm's seeds of one lineage, waiting for one threshold. */
interface ArmWaits {
  readonly arm: ArmName;
  readonly waits: readonly Wait[];
}

interface WaitPanel {
  readonly lineage: string;
  readonly threshold: number;
  readonly arms: readonly ArmWaits[];
}

const share: Axis = {
  low: 0,
  high: 1,
  ticks: [0, 0.25, 0.5, 0.75, 1],
  label: (tick) => `${100 * tick} %`,
};

/**
 * Share of the seeds that have reached a threshold by generation (one minus the
 * product-limit estimate), a panel per lineage and threshold, a line per arm.
 * @param thresholds - Scores; without any, each lineage's median best.
 * @returns `null` when no generation was measured.
 */
export function timeToThreshold(outcomes: readonly LineageOutcome[], thresholds: readonly number[]): Figure | null {
  const format = scoreFormat(outcomes);
  const panels = panelsOf(outcomes, thresholds);
  if (panels.length === 0) return null;
  const lineages = lineageIds(outcomes);
  const arms = armNames.filter((arm) => outcomes.some((o) => o.arm === arm));
  const columns = Math.min(2, panels.length);
  const width = columns === 1 ? 560 : 840;
  const top = legendHeight([...arms, ...signs], width);
  const plotHeight = Math.max(150, 16 * arms.length + 10);
  const layoutOf = layouts(outcomes, panels, { columns, width, top, plotHeight });
  return {
    title: 'Time to threshold',
    caption: captionOf(panels, thresholds),
    width,
    height: top + Math.ceil(panels.length / columns) * (titleHeight + plotHeight + axisHeight),
    body: [
      ...legend([...arms.map(armEntry), ...signEntries], width),
      ...panels.map((panel, i) => panelMarkup(panel, lineageHue(lineages.indexOf(panel.lineage)), layoutOf(i), format)),
    ].join(''),
  };
}

const signs = ['a seed got there', 'a seed ended before'];
const signEntries = [
  { kind: 'mark', name: signs[0]!, marker: armStyle('paired').marker, isFilled: true },
  { kind: 'mark', name: signs[1]!, marker: censored, isFilled: false },
] as const;

/** A seed that was watched until here and had not got there. */
function censored(x: string, y: string, r: number): string {
  return `M${x} ${y}m0 ${-1.5 * r}v${3 * r}`;
}

function armEntry(arm: ArmName) {
  const hue = arm === 'paired' ? ink.text : controlHue.light;
  return { kind: 'style', name: arm, style: armStyle(arm), hue } as const;
}

function panelsOf(outcomes: readonly LineageOutcome[], thresholds: readonly number[]): WaitPanel[] {
  return lineageIds(outcomes).flatMap((lineage) => {
    const own = outcomes.filter((o) => o.lineage === lineage);
    return thresholdsFor(outcomes, lineage, thresholds).map((threshold) => ({
      lineage,
      threshold,
      arms: armNames.flatMap((arm) => {
        const waits = own.filter((o) => o.arm === arm).flatMap((o) => waitFor(threshold, o.curve) ?? []);
        return waits.length === 0 ? [] : [{ arm, waits }];
      }),
    }));
  });
}

function layouts(
  outcomes: readonly LineageOutcome[],
  panels: readonly WaitPanel[],
  frame: { readonly columns: number; readonly width: number; readonly top: number; readonly plotHeight: number },
): (index: number) => PanelLayout {
  const { columns, width, top, plotHeight } = frame;
  const left = 68;
  const gutter = 20 + Math.max(...panels.flatMap((p) => p.arms.map((a) => textWidth(armLabel(a)))));
  const cell = (width - left - 4 - gap * (columns - 1)) / columns;
  const x = generationAxis(outcomes)(cell - gutter);
  return (index) => {
    const column = index % columns;
    const panelLeft = left + column * (cell + gap);
    const panelTop = top + Math.floor(index / columns) * (titleHeight + plotHeight + axisHeight) + titleHeight;
    const [right, bottom] = [panelLeft + cell - gutter, panelTop + plotHeight];
    return {
      ...{ left: panelLeft, right, top: panelTop, bottom, bandHeight: 0, isFirstColumn: column === 0, x, y: share },
      toX: linear(x, panelLeft + 6, right - 6),
      toY: linear(share, bottom - 10, panelTop + 10),
    };
  };
}

function panelMarkup(
  { lineage, threshold, arms }: WaitPanel,
  hue: string,
  p: PanelLayout,
  format: ScoreFormat,
): string {
  const title = element(
    'text',
    { x: p.left, y: p.top - 8 },
    element('tspan', { 'font-weight': 600 }, escapeXml(shortened(lineage, 20))),
    element('tspan', { fill: ink.muted, dx: 8 }, `score of ${format.score(threshold)}`),
  );
  const offset = (i: number) => (i - (arms.length - 1) / 2) * apart;
  const drawn = [...arms.keys()].reverse().map((i) => {
    const { arm, waits } = arms[i]!;
    const moved = { ...p, toY: (y: number) => p.toY(y) - offset(i) };
    return armCurve(arm, waits, arm === 'paired' ? hue : controlHue.light, moved);
  });
  return [title, ...axes(p, { x: 'generation', y: 'seeds that got there' }), ...drawn, ...armLabels(arms, hue, p)].join(
    '',
  );
}

function armCurve(arm: ArmName, waits: readonly Wait[], hue: string, p: PanelLayout): string {
  const { dash, marker, isFilled } = armStyle(arm);
  const steps: Point[] = [{ x: 0, y: 0 }, ...kaplanMeier(waits).map((s) => ({ x: s.time, y: 1 - s.survival }))];
  const end = Math.max(...waits.map((w) => w.time));
  const at = (x: number) => short(p.toY(steps.findLast((s) => s.x <= x)!.y));
  const reached = steps.slice(1).map((s) => marker(short(p.toX(s.x)), short(p.toY(s.y)), 3));
  const ended = new Set(waits.filter((w) => !w.isReached).map((w) => censored(short(p.toX(w.time)), at(w.time), 3.4)));
  const stroke = { fill: 'none', stroke: hue };
  return [
    element('path', {
      class: 'waits',
      d: stepPath(steps, end, p),
      ...stroke,
      'stroke-width': arm === 'paired' ? 2 : 1.4,
      'stroke-dasharray': dash,
    }),
    reached.length === 0
      ? ''
      : element('path', {
          class: 'reached',
          d: reached.join(''),
          fill: isFilled ? hue : ink.ground,
          stroke: hue,
          'stroke-width': 1.1,
        }),
    ended.size === 0
      ? ''
      : element('path', { class: 'censored', d: [...ended].join(''), ...stroke, 'stroke-width': 1.6 }),
  ].join('');
}

function armLabels(arms: readonly ArmWaits[], hue: string, p: PanelLayout): string[] {
  const ends = arms.map(({ waits }) => 1 - (kaplanMeier(waits).at(-1)?.survival ?? 1));
  const placed = labelPositions(
    ends.map((end, i) => p.toY(end) + i * 0.01),
    16,
    p.top + 4,
    p.bottom - 4,
  );
  return arms.flatMap((arm, i) => {
    const d = `M${short(p.right - 5)} ${short(p.toY(ends[i]!))}L${short(p.right + 8)} ${short(placed[i]!)}`;
    const fill = arm.arm === 'paired' ? hue : ink.muted;
    return [
      element('path', { d, fill: 'none', stroke: ink.line, 'stroke-width': 0.8 }),
      text(armLabel(arm), p.right + 12, placed[i]! + 4, { class: 'label', fill }),
    ];
  });
}

function armLabel({ arm, waits }: ArmWaits): string {
  return `${arm} ${waits.filter((w) => w.isReached).length}/${waits.length}`;
}

function captionOf(panels: readonly WaitPanel[], thresholds: readonly number[]): string {
  const sizes = [...new Set(panels.flatMap((p) => p.arms.map((a) => a.waits.length)))].sort((a, b) => a - b);
  return [
    'Share of the seeds whose best score so far had reached the threshold, by generation (Kaplan-Meier).',
    thresholds.length > 0
      ? 'Thresholds as stated in the experiment or asked for.'
      : "Threshold: the lineage's median best over the arms that are compared, whatever the arm.",
    'Marker: a seed got there; upright tick: a seed ended without (censored). Lines are a little apart so that none hides another.',
    `Right: arm, seeds that got there out of n; n = ${sizes.join(' or ')} per line.`,
  ].join(' ');
}
