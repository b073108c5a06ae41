import { type Generation, mayBeBest } from '../../core/records.ts';
import { fixed } from '../format.ts';
import { type LineageOutcome, lineageIds } from '../lineage-outcome.ts';
import { selectionScore } from '../run-record.ts';
import { armWords, curvePanels, lineWords } from './curve-panels.ts';
import type { Figure } from './figure.ts';
import { niceAxis } from './scale.ts';
import { generationAxis } from './score-curves.ts';
import { type Point, type StepCurve, stepsOf } from './step-curve.ts';

const kibi = 1024;

/**
 * Size of the best genome so far by generation, in KiB, and of every genome
 * that was measured.
 * @returns `null` when no size is known.
 */
export function codeSize(outcomes: readonly LineageOutcome[]): Figure | null {
  const curves = outcomes.map(curveOf).filter((c) => c.steps.length > 0);
  const sizes = curves.flatMap((c) => [...c.steps, ...c.dots].map((p) => p.y));
  if (sizes.every((size) => size === 0)) return null;
  return curvePanels({
    title: 'Code size by generation',
    caption: [
      `Step lines: size of the genome with the best score so far. ${lineWords(curves)} Small markers: every measured genome; large ones: the last of each seed.`,
      'Number at the right: final size in KiB, the median where n is above 1.',
      armWords(curves),
    ].join(' '),
    curves,
    lineages: lineageIds(outcomes),
    x: generationAxis(outcomes),
    y: niceAxis([0, ...sizes], 5),
    names: { x: 'generation', y: 'genome, KiB' },
    last: 'last measured, each seed',
    write: (size) => fixed(size, size < 100 ? 2 : 0),
  });
}

function curveOf({ arm, lineage, seed, generations }: LineageOutcome): StepCurve {
  return {
    ...{ arm, lineage, seed, end: generations.at(-1)?.generation ?? 0, missing: [] },
    steps: stepsOf(bestSizes(generations)),
    dots: generations.filter((g) => selectionScore(g) !== null && g.bytes > 0).map(sizeOf),
  };
}

/** The best generation's size, at each generation that became the best. */
function bestSizes(generations: readonly Generation[]): Point[] {
  let best = Number.NEGATIVE_INFINITY;
  return generations.flatMap((g) => {
    const score = mayBeBest(g.verdict) ? selectionScore(g) : null;
    if (score === null || score <= best || g.bytes === 0) return [];
    best = score;
    return [sizeOf(g)];
  });
}

function sizeOf({ generation, bytes }: Generation): Point {
  return { x: generation, y: bytes / kibi };
}
