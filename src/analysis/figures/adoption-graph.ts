import { arms } from '../../core/config/arms.ts';
import { type AdoptionEvent, adoptionEvents } from '../adoptions.ts';
import { counted } from '../format.ts';
import { type LineageOutcome, lineageIds } from '../lineage-outcome.ts';
import { type AdoptionPanel, adoptionPanel, laneHeight, laneName, outcomeOfEvent, signs } from './adoption-panel.ts';
import type { Figure } from './figure.ts';
import { legend, legendHeight } from './legend.ts';
import { circle, slashedCircle } from './markers.ts';
import { countAxis, linear } from './scale.ts';
import { boldWidth, shortened, textWidth } from './svg.ts';

/** More runs than these are counted in the caption and listed in the table. */
const most = 12;
const gap = 20;
const titleHeight = 24;
const axisHeight = 44;

/**
 * Who adopted from whom, and when: a panel per run, a lane per lineage, an
 * arrow from the generation that was taken from to the one that took.
 * @param outcomes - Second instances of the arm `self` included: they are seen.
 * @returns `null` when no adoption was recorded between lineages of one run.
 */
export function adoptionGraph(outcomes: readonly LineageOutcome[]): Figure | null {
  const seen = runsWithPeers(outcomes);
  const adopting = seen.filter((run) => run.events.length > 0);
  if (adopting.length === 0) return null;
  const drawn = adopting.slice(0, most);
  const lineages = lineageIds(outcomes);
  const rounds = Math.max(...drawn.flatMap((run) => run.outcomes.map((o) => o.generations.at(-1)?.round ?? 0)));
  const columns = drawn.length > 1 && rounds <= 40 ? 2 : 1;
  const width = 840;
  const left = 26 + Math.max(textWidth('round'), ...lineages.map((l) => boldWidth(shortened(l, laneName))));
  const cell = (width - 4 - gap * (columns - 1)) / columns;
  const rowHeight = titleHeight + axisHeight + laneHeight * Math.max(...drawn.map((run) => run.outcomes.length));
  const top = legendHeight(Object.values(signs), width);
  const x = countAxis(rounds, (cell - left) / 40);
  const panels = drawn.map((run, i) => {
    const from = (i % columns) * (cell + gap);
    const panelTop = top + Math.floor(i / columns) * rowHeight + titleHeight;
    const [start, right] = [from + left, from + cell - 18];
    return adoptionPanel(run, lineages, { from, left: start, right, top: panelTop, x, toX: linear(x, start, right) });
  });
  return {
    title: 'Adoptions: who from whom, and when',
    caption: captionOf(seen, adopting, drawn),
    ...{ width, height: top + Math.ceil(drawn.length / columns) * rowHeight },
    body: [...legend(entries, width), ...panels].join(''),
  };
}

const entries = [
  { kind: 'mark', name: signs.promoted, marker: circle, isFilled: true },
  { kind: 'mark', name: signs.measured, marker: circle, isFilled: false },
  { kind: 'mark', name: signs.failed, marker: slashedCircle, isFilled: false },
  { kind: 'line', name: signs.better, strokeWidth: 1.8 },
  { kind: 'line', name: signs.notBetter, strokeWidth: 1.4, dash: '5 3' },
  { kind: 'line', name: signs.notMeasured, strokeWidth: 1.4, dash: '1.5 2.5' },
] as const;

/** Runs in which a lineage could see another's published genomes, with what was adopted. */
function runsWithPeers(outcomes: readonly LineageOutcome[]): AdoptionPanel[] {
  const runs = new Map<string, LineageOutcome[]>();
  for (const o of outcomes) {
    if (!seesItsRun.includes(arms[o.arm].strategies)) continue;
    const own = runs.get(o.run);
    if (own === undefined) runs.set(o.run, [o]);
    else own.push(o);
  }
  return [...runs.values()].map((own) => ({ outcomes: own, events: adoptionEvents(own) }));
}

/** In the other arms nothing is seen, or what comes from another run, whose lanes are not here. */
const seesItsRun: readonly string[] = ['peers', 'twin'];

function captionOf(
  seen: readonly AdoptionPanel[],
  adopting: readonly AdoptionPanel[],
  drawn: readonly AdoptionPanel[],
): string {
  const events = adopting.flatMap((run) => run.events);
  const of = (outcome: ReturnType<typeof outcomeOfEvent>) => events.filter((e) => outcomeOfEvent(e) === outcome).length;
  return [
    'A lane per lineage, a mark per round. Arrow, in the hue of the source: from the generation whose code was taken to the one in which it was found.',
    `n = ${counted(events.length, 'adoption')} in ${adopting.length} of ${counted(seen.length, 'run')} with peers: ${of('better')} better than the parent, ${of('notBetter')} not better, ${of('notMeasured')} not measured.`,
    ...(drawn.length < adopting.length ? [`Drawn: the first ${drawn.length} runs.`] : []),
    directions(events),
  ].join(' ');
}

function directions(events: readonly AdoptionEvent[]): string {
  const counts = new Map<string, number>();
  for (const e of events) {
    const way = `${e.outcome.lineage} from ${e.from.lineage}`;
    counts.set(way, (counts.get(way) ?? 0) + 1);
  }
  return `${[...counts].map(([way, n]) => `${way}: ${n}`).join(', ')}.`;
}
