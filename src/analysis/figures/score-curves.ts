import { missingArms } from '../../core/config/arms.ts';
import { counted, scoreFormat } from '../format.ts';
import { type LineageOutcome, lineageIds } from '../lineage-outcome.ts';
import { armWords, curvePanels, lineWords } from './curve-panels.ts';
import type { Figure } from './figure.ts';
import { type Axis, countAxis, isBelow, niceAxis } from './scale.ts';
import { type StepCurve, stepsOf } from './step-curve.ts';

/**
 * Score curves: one panel per arm on common axes; per lineage and seed the best
 * score so far as a step line, every measured generation as a dot and the last
 * one ringed. Failed generations sit in a "no score" band under the axis.
 * @returns `null` when no generation was measured.
 */
export function scoreCurves(outcomes: readonly LineageOutcome[]): Figure | null {
  if (outcomes.every((o) => o.best === null)) return null;
  const y = niceAxis(scoresInFocus(outcomes), 5);
  return curvePanels({
    title: 'Selection score by generation',
    caption: captionOf(outcomes, y),
    curves: outcomes.map(curveOf),
    lineages: lineageIds(outcomes),
    x: generationAxis(outcomes),
    y,
    names: { x: 'generation', y: 'selection score' },
    last: 'last measured, each seed',
    write: scoreFormat(outcomes).score,
  });
}

/** Generations from 0 to the last of all, for so many px. */
export function generationAxis(outcomes: readonly LineageOutcome[]): (width: number) => Axis {
  const last = Math.max(...outcomes.map((o) => o.curve.at(-1)?.generation ?? 0));
  return (width) => countAxis(last, width / 40);
}

function curveOf({ arm, lineage, seed, curve }: LineageOutcome): StepCurve {
  return {
    ...{ arm, lineage, seed, end: curve.at(-1)?.generation ?? 0 },
    steps: stepsOf(curve.flatMap((p) => (p.best === null ? [] : [{ x: p.generation, y: p.best }]))),
    dots: curve.flatMap((p) => (p.score === null ? [] : [{ x: p.generation, y: p.score }])),
    missing: curve.filter((p) => p.score === null).map((p) => p.generation),
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
  const low = best.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const room = best.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY) - low;
  return room > 0 ? scores.filter((score) => score >= low - room) : scores;
}

function captionOf(outcomes: readonly LineageOutcome[], y: Axis): string {
  const absent = missingArms([...new Set(outcomes.map((o) => o.arm))]);
  const unfinished = new Set(outcomes.filter((o) => o.status !== 'done').map((o) => o.run)).size;
  const hasAny = (test: (score: number | null) => boolean) => outcomes.some((o) => o.curve.some((p) => test(p.score)));
  const curves = outcomes.map(curveOf);
  return [
    `Step lines: best score so far. ${lineWords(curves)} Small markers: every measured generation; large ones: the last of each seed.`,
    ...(hasAny((score) => score !== null && isBelow(y, score))
      ? ['Triangles at the lower edge: measured, below the axis.']
      : []),
    ...(hasAny((score) => score === null)
      ? ['Slashed circles below: generations without a score, one row per lineage and seed.']
      : []),
    'Number at the right: final best, the median where n is above 1.',
    armWords(curves),
    ...(absent.length > 0 ? [`Not run: ${absent.join(', ')}.`] : []),
    ...(unfinished > 0 ? [`${counted(unfinished, 'run')} not finished.`] : []),
  ].join(' ');
}
