import type { Json } from '../../src/core/json.ts';
import { markKinds, type Operation } from '../check.ts';
import { countNoise, countOf, countScale, shareNoise, shareScale } from './statistics.ts';

/** What one agent did in one window, as plain JSON. */
export interface Activity {
  readonly startMs: number;
  /** Attempts by kind in the order of `markKinds`, then acts. */
  readonly counts: readonly number[];
  /** Attempts that were refused for what they were. */
  readonly refused: number;
  /** Size of the largest draft. */
  readonly largest: number;
  readonly scopes: readonly string[];
}

/** Far beyond any limit; only bounds what is remembered of a flood of scopes. */
const maxScopes = 256;

export const emptyActivity = (startMs: number): Activity => ({
  startMs,
  counts: new Array(markKinds.length + 1).fill(0),
  refused: 0,
  largest: 0,
  scopes: [],
});

/** What a window needs to know of an operation. */
export interface Attempt {
  /** In `counts`. */
  readonly column: number;
  readonly scope: string;
  readonly size: number;
}

export const attemptOf = ({ type, scope, draft }: Operation): Attempt => ({
  column: type === 'act' ? markKinds.length : markKinds.indexOf(draft.kind),
  scope,
  size: sizeOf(draft.fields),
});

export function withAttempt(activity: Activity, { column, scope, size }: Attempt, isRefused: boolean): Activity {
  const counts = activity.counts.slice();
  counts[column]! += 1;
  const isKnown = activity.scopes.includes(scope) || activity.scopes.length >= maxScopes;
  return {
    startMs: activity.startMs,
    counts,
    refused: activity.refused + Number(isRefused),
    largest: Math.max(activity.largest, size),
    scopes: isKnown ? activity.scopes : [...activity.scopes, scope],
  };
}

/** One number that describes a window, and a scale on which its differences mean the same at every level. */
export interface Feature {
  readonly name: string;
  readonly of: (activity: Activity) => number;
  readonly toScale: (value: number) => number;
  readonly fromScale: (scaled: number) => number;
  /** On the scale: the standard deviation that chance alone gives the number around this mean. */
  readonly noiseOf: (scaledMean: number, activity: Activity) => number;
  /** The number can only grow within a window, so it may be judged before that ends; its noise depends on the mean alone. */
  readonly isMonotone: boolean;
  /** Where the number is when it has drifted too far from this one. */
  readonly ceilingOf: (value: number, driftFactor: number) => number;
  readonly inWords: (value: number) => string;
}

const attemptsOf = ({ counts }: Activity) => counts.reduce((sum, count) => sum + count, 0);

const countFeature = (name: string, count: (activity: Activity) => number): Feature => ({
  name,
  of: count,
  toScale: countScale,
  fromScale: countOf,
  noiseOf: (scaledMean) => countNoise(countOf(scaledMean)),
  isMonotone: true,
  // Below one a window the mean of a count says little about what is usual.
  ceilingOf: (value, factor) => factor * Math.max(1, value),
  inWords: (value) => value.toFixed(1),
});

export const features: readonly Feature[] = [
  ...[...markKinds, 'act'].map((kind, i) => countFeature(kind, ({ counts }) => counts[i] ?? 0)),
  countFeature('scopes', ({ scopes }) => scopes.length),
  {
    name: 'refused-share',
    of: (activity) => shareScale(activity.refused, attemptsOf(activity)),
    toScale: (value) => value,
    fromScale: (scaled) => scaled,
    noiseOf: (_, activity) => shareNoise(attemptsOf(activity)),
    isMonotone: false,
    ceilingOf: (value) => value + 0.75,
    inWords: (value) => `${(100 * Math.sin(Math.min(value, Math.PI) / 2) ** 2).toFixed(0)} %`,
  },
  {
    name: 'payload',
    of: ({ largest }) => largest,
    toScale: (value) => Math.log2(64 + value),
    fromScale: (scaled) => 2 ** scaled - 64,
    // Five of these are a factor of sixteen: texts differ that much in length without meaning anything.
    noiseOf: () => 0.8,
    isMonotone: true,
    ceilingOf: (value, factor) => factor * (64 + value) - 64,
    inWords: (value) => `${Math.round(value)} characters`,
  },
];

/** Characters in texts and in their names, and eight for every other value. Drafts are nested 32 levels at most. */
function sizeOf(json: Json, name = ''): number {
  if (json === null || typeof json !== 'object') return name.length + (typeof json === 'string' ? json.length : 8);
  let size = 0;
  if (Array.isArray(json)) for (const item of json) size += sizeOf(item, name);
  else for (const key in json) size += sizeOf((json as { readonly [key: string]: Json })[key]!, key);
  return size;
}
