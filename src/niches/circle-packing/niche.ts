import { z } from 'zod';
import type { Json } from '../../core/json.ts';
import {
  type Answer,
  type Consequence,
  defineNiche,
  type Niche,
  type Situation,
  type Split,
} from '../../core/niche.ts';
import { randomStream } from '../../core/random.ts';
import { areApart, type Disc, sumIsAtMostOne } from './exact.ts';

export const circlePackingParamsSchema = z.strictObject({
  /** How many circles share the unit square. */
  circles: z.int().min(1).max(200).default(26),
});
export type CirclePackingParams = z.output<typeof circlePackingParamsSchema>;

/**
 * Pack n circles into the unit square; the score is the sum of their radii.
 * A situation is `{n, seed}`: the same problem from another random start, so a
 * method is graded and not one lucky packing. Feasibility is exact, without
 * any tolerance. For n = 26 the certified optimum is 2.6359830849.
 */
export const circlePacking = defineNiche<CirclePackingParams>({
  name: 'circle-packing',
  params: circlePackingParamsSchema,
  create: ({ circles }): Niche => ({
    name: 'circle-packing',
    version: `1-n${circles}`,
    situations: ({ split, seed, count }) => Array.from({ length: count }, (_, i) => situation(circles, split, seed, i)),
    measure: (_situation, answer) => measure(circles, answer),
  }),
});

function situation(n: number, split: Split, seed: number, index: number): Situation {
  const start = randomStream(seed, 'circle-packing', split, index).int(2 ** 31);
  return { id: `${split}-${index}`, split, input: { n, seed: start } };
}

function measure(n: number, answer: Answer): Consequence {
  if (answer.exitCode !== 0) {
    return { status: 'failed', reason: 'crash', message: `the task agent ended with status ${answer.exitCode}` };
  }
  const discs = readDiscs(n, answer.output);
  if (typeof discs === 'string') return { status: 'failed', reason: 'no-answer', message: discs };
  const violation = firstViolation(discs);
  if (violation !== null) return { status: 'failed', reason: 'infeasible', message: violation };
  // Adding from small to large makes the score independent of the order of the circles.
  const radii = discs.map(([, , r]) => r).sort((a, b) => a - b);
  const radiiSum = radii.reduce((sum, r) => sum + r, 0);
  return {
    status: 'measured',
    score: radiiSum,
    details: { radiiSum, smallestRadius: radii[0]!, largestRadius: radii.at(-1)! },
  };
}

/** The circles, or what is wrong with the answer's shape. Whatever else the answer holds counts for nothing. */
function readDiscs(n: number, output: Json | undefined): Disc[] | string {
  if (output === null || typeof output !== 'object' || Array.isArray(output)) {
    return 'the answer is not {"circles": [[x, y, r], …]}';
  }
  const circles = Object.hasOwn(output, 'circles') ? (output as { readonly circles?: Json }).circles : undefined;
  if (!Array.isArray(circles)) return 'the answer has no array "circles"';
  if (circles.length !== n) return `the answer has ${circles.length} circles instead of ${n}`;
  const wrong = circles.findIndex((circle) => !isDisc(circle));
  return wrong === -1 ? (circles as unknown as Disc[]) : `circle ${wrong} is not [x, y, r], finite and with r > 0`;
}

function isDisc(value: unknown): boolean {
  return Array.isArray(value) && value.length === 3 && value.every((v) => Number.isFinite(v)) && value[2] > 0;
}

function firstViolation(discs: readonly Disc[]): string | null {
  for (const [i, [x, y, r]] of discs.entries()) {
    if (x < r) return `circle ${i} crosses the left side (x - r < 0)`;
    if (!sumIsAtMostOne(x, r)) return `circle ${i} crosses the right side (x + r > 1)`;
    if (y < r) return `circle ${i} crosses the bottom side (y - r < 0)`;
    if (!sumIsAtMostOne(y, r)) return `circle ${i} crosses the top side (y + r > 1)`;
  }
  for (let j = 1; j < discs.length; j += 1) {
    const i = discs.findIndex((disc, k) => k < j && !areApart(disc, discs[j]!));
    if (i !== -1) return `circles ${i} and ${j} overlap`;
  }
  return null;
}
