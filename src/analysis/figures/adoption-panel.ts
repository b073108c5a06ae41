import type { Generation } from '../../core/records.ts';
import type { AdoptionEvent } from '../adoptions.ts';
import { counted } from '../format.ts';
import type { LineageOutcome } from '../lineage-outcome.ts';
import { selectionScore } from '../run-record.ts';
import { circle, slashedCircle } from './markers.ts';
import type { Axis, Scale } from './scale.ts';
import { element, escapeXml, ink, line, short, shortened, text } from './svg.ts';
import { lineageHue } from './visual-language.ts';

/** One run: its lineages, and what they took from each other. */
export interface AdoptionPanel {
  readonly outcomes: readonly LineageOutcome[];
  readonly events: readonly AdoptionEvent[];
}

/** Where a run is drawn, px. */
export interface LaneLayout {
  readonly from: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly x: Axis;
  readonly toX: Scale;
}

export const laneHeight = 46;
/** Characters of a lineage's name. */
export const laneName = 16;

export const signs = {
  promoted: 'promoted',
  measured: 'measured, not promoted',
  failed: 'no score',
  better: 'better than the parent',
  notBetter: 'not better',
  notMeasured: 'not measured',
} as const;

export function outcomeOfEvent({ effect }: AdoptionEvent): 'better' | 'notBetter' | 'notMeasured' {
  if (effect === null) return 'notMeasured';
  return effect > 0 ? 'better' : 'notBetter';
}

export function adoptionPanel(run: AdoptionPanel, lineages: readonly string[], p: LaneLayout): string {
  const lanes = new Map(run.outcomes.map((o, i) => [o.lineage, p.top + laneHeight * (i + 0.5)]));
  const hue = (lineage: string) => lineageHue(lineages.indexOf(lineage));
  return [
    panelTitle(run, p),
    ...roundAxis(p, p.top + laneHeight * run.outcomes.length),
    ...run.outcomes.map((o) => lane(o, lanes.get(o.lineage)!, hue(o.lineage), p)),
    ...run.events.map((e) => arrow(e, run, lanes, hue(e.from.lineage), p)),
  ].join('');
}

function panelTitle({ outcomes, events }: AdoptionPanel, { from, top }: LaneLayout): string {
  const { arm, seed } = outcomes[0]!;
  return element(
    'text',
    { x: from + 12, y: top - 6 },
    element('tspan', { 'font-weight': 600 }, `${arm}, seed ${seed}`),
    element('tspan', { fill: ink.muted, dx: 8 }, `n = ${counted(events.length, 'adoption')}`),
  );
}

function roundAxis({ left, right, x, toX }: LaneLayout, base: number): string[] {
  return [
    line(left, base, right, base, { stroke: ink.muted, 'stroke-width': 0.8 }),
    ...x.ticks.flatMap((tick) => [
      line(toX(tick), base, toX(tick), base + 4, { stroke: ink.muted, 'stroke-width': 0.8 }),
      text(x.label(tick), toX(tick), base + 16, { 'text-anchor': 'middle', fill: ink.muted }),
    ]),
    text('round', left - 10, base + 16, { 'text-anchor': 'end', fill: ink.muted }),
  ];
}

function lane({ generations, lineage }: LineageOutcome, y: number, hue: string, p: LaneLayout): string {
  const end = generations.at(-1)?.round ?? 0;
  const perRound = p.toX(1) - p.toX(0);
  const r = Math.max(0.6, Math.min(3, perRound / 2 - 0.4));
  const marks = (wanted: (g: Generation) => boolean, marker: typeof circle, size: number) =>
    [...new Set(generations.filter(wanted).map((g) => marker(short(p.toX(g.round)), short(y), size)))].join('');
  const isPromoted = (g: Generation) => g.verdict === 'promoted' || g.verdict === 'seed';
  const hasScore = (g: Generation) => selectionScore(g) !== null;
  const path = (name: string, d: string, fill: string) =>
    d === '' ? '' : element('path', { class: name, d, fill, stroke: hue, 'stroke-width': 1 });
  return [
    line(p.toX(0), y, p.toX(end), y, { stroke: hue, 'stroke-width': 1.2, 'stroke-opacity': 0.5 }),
    path(
      'not-promoted',
      marks((g) => !isPromoted(g) && hasScore(g), circle, r * 0.7),
      ink.ground,
    ),
    path(
      'no-score',
      marks((g) => !hasScore(g), slashedCircle, r * 0.8),
      'none',
    ),
    path(
      'promoted',
      marks((g) => isPromoted(g) && hasScore(g), circle, r),
      hue,
    ),
    text(shortened(lineage, laneName), p.left - 12, y + 4, { 'text-anchor': 'end', 'font-weight': 600 }),
  ].join('');
}

const dashes = { better: undefined, notBetter: '5 3', notMeasured: '1.5 2.5' } as const;

/** More arrows than these are drawn thin and pale, so that where they are dense shows. */
const crowd = 60;

function arrow(
  event: AdoptionEvent,
  { outcomes, events }: AdoptionPanel,
  lanes: ReadonlyMap<string, number>,
  hue: string,
  p: LaneLayout,
): string {
  const { outcome, generation, from } = event;
  const start = lanes.get(from.lineage);
  const end = lanes.get(outcome.lineage);
  const source = outcomes.find((o) => o.lineage === from.lineage);
  if (start === undefined || end === undefined || source === undefined) return '';
  const [x1, x2] = [p.toX(roundOf(source, from.generation)), p.toX(roundOf(outcome, generation))];
  const ending = outcomeOfEvent(event);
  if (events.length > crowd) {
    const thin = { stroke: hue, 'stroke-width': 0.6, opacity: 0.3, 'stroke-dasharray': dashes[ending] };
    return line(x1, start, x2, end, { class: 'adoption', ...thin });
  }
  const [tip, head] = arrowHead(x1, start, x2, end);
  const stroke = { stroke: hue, 'stroke-width': ending === 'better' ? 1.8 : 1.4 };
  const words = `${outcome.lineage} g${generation} from ${from.lineage} g${from.generation}: ${signs[ending]}`;
  return element(
    'g',
    { class: 'adoption' },
    element('title', {}, escapeXml(words)),
    line(x1, start, tip.x, tip.y, { ...stroke, 'stroke-dasharray': dashes[ending] }),
    element('path', { d: head, fill: ending === 'better' ? hue : ink.ground, stroke: hue, 'stroke-width': 1.2 }),
  );
}

function roundOf({ generations }: LineageOutcome, generation: number): number {
  return generations.find((g) => g.generation === generation)?.round ?? generation;
}

/** Where the line of an arrow to (x2, y2) ends, and the triangle from there. */
function arrowHead(x1: number, y1: number, x2: number, y2: number): [{ x: number; y: number }, string] {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [dx, dy] = [(x2 - x1) / length, (y2 - y1) / length];
  const point = (back: number, side: number) => ({
    x: x2 - dx * back - dy * side,
    y: y2 - dy * back + dx * side,
  });
  const [tip, left, right, base] = [point(4.5, 0), point(12, 3.6), point(12, -3.6), point(12, 0)];
  const d = `M${short(tip.x)} ${short(tip.y)}L${short(left.x)} ${short(left.y)}L${short(right.x)} ${short(right.y)}z`;
  return [base, d];
}
