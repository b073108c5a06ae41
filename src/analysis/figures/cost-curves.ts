import { counted, scoreFormat } from '../format.ts';
import { type LineageOutcome, lineageIds } from '../lineage-outcome.ts';
import { armWords, curvePanels, lineWords } from './curve-panels.ts';
import type { Figure } from './figure.ts';
import { niceAxis, spanAxis } from './scale.ts';
import { gainBySpending, type Price, spentSoFar } from './spending.ts';
import { type StepCurve, stepsOf } from './step-curve.ts';

const words = {
  tokens: { title: 'Gain by tokens spent', x: 'tokens spent', unknown: 'the tokens are not known' },
  usd: { title: 'Gain by money spent', x: 'USD spent', unknown: 'the cost was not metered' },
} as const;

/**
 * Best gain over generation 0 against what the lineage had spent by then: a
 * panel per arm, a line per lineage and seed.
 * @returns `null` when nothing was spent, gained or metered.
 */
export function costCurves(outcomes: readonly LineageOutcome[], price: Price): Figure | null {
  const curves = outcomes.flatMap((o) => curveOf(o, price) ?? []);
  const most = Math.max(0, ...curves.map((c) => c.end));
  if (most === 0) return null;
  const { title, x } = words[price];
  return curvePanels({
    title,
    caption: captionOf(outcomes, curves, price),
    curves,
    lineages: lineageIds(outcomes),
    x: (width) => spanAxis(most, width / 50),
    y: niceAxis([0, ...curves.flatMap((c) => c.steps.map((s) => s.y))], 5),
    names: { x, y: 'gain over generation 0' },
    last: 'end of each seed',
    write: scoreFormat(outcomes).signed,
  });
}

function curveOf(outcome: LineageOutcome, price: Price): StepCurve | null {
  const points = gainBySpending(outcome, price);
  if (points === null || points.length === 0) return null;
  const { arm, lineage, seed } = outcome;
  const end = spentSoFar(outcome, price)!.at(-1)!;
  return { arm, lineage, seed, steps: stepsOf(points), end, dots: [{ x: end, y: points.at(-1)!.y }], missing: [] };
}

function captionOf(outcomes: readonly LineageOutcome[], curves: readonly StepCurve[], price: Price): string {
  const left = outcomes.length - curves.length;
  return [
    `Step lines: best selection score so far minus that of generation 0. ${lineWords(curves)}`,
    'A marker ends each line where its lineage stopped spending. Number at the right: final gain, the median where n is above 1.',
    armWords(curves),
    ...(left > 0
      ? [`${counted(left, 'lineage run')} not drawn: generation 0 has no score, or ${words[price].unknown}.`]
      : []),
  ].join(' ');
}
