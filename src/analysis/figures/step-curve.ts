import type { ArmName } from '../../core/config/arms.ts';
import { median } from '../statistics/summary.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** One seed of one lineage in one arm, as a step function of what was spent or tried. */
export interface StepCurve {
  readonly arm: ArmName;
  readonly lineage: string;
  readonly seed: number;
  /** x ascending; each y holds until the next. Empty where nothing was measured. */
  readonly steps: readonly Point[];
  /** Up to here it was watched. */
  readonly end: number;
  /** Single measurements around the line, in order. */
  readonly dots: readonly Point[];
  /** Where something was tried and nothing measured. */
  readonly missing: readonly number[];
}

/** From so many seeds on a median is drawn; it would be one of two lines, or between them. */
export const seedsForMedian = 3;

/**
 * Median over the curves, from where all have begun to where the first ends:
 * beyond, it would be the median of others.
 */
export function medianCurve(curves: readonly StepCurve[]): { readonly steps: Point[]; readonly end: number } | null {
  if (curves.length === 0 || curves.some((c) => c.steps.length === 0)) return null;
  const from = Math.max(...curves.map((c) => c.steps[0]!.x));
  const end = Math.min(...curves.map((c) => c.end));
  if (end < from) return null;
  const places = new Set(curves.flatMap((c) => c.steps.map((s) => s.x)).filter((x) => x > from && x <= end));
  const at = curves.map(() => 0);
  const steps: Point[] = [];
  for (const x of [from, ...[...places].sort((a, b) => a - b)]) {
    const y = median(curves.map((curve, i) => valueAt(curve.steps, x, at, i)));
    if (steps.at(-1)?.y !== y) steps.push({ x, y });
  }
  return { steps, end };
}

/** Moves the curve's cursor forward to the last step at or before `x`. */
function valueAt(steps: readonly Point[], x: number, at: number[], i: number): number {
  while (at[i]! + 1 < steps.length && steps[at[i]! + 1]!.x <= x) at[i]! += 1;
  return steps[at[i]!]!.y;
}

/** Consecutive points of one height become one step. */
export function stepsOf(points: readonly Point[]): Point[] {
  return points.filter((point, i) => i === 0 || point.y !== points[i - 1]!.y);
}
