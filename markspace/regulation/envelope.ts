import type { Check, Operation, Verdict } from '../check.ts';
import { admitted, refused } from '../writing/verdict.ts';
import { type Activity, type Attempt, attemptOf, emptyActivity, withAttempt } from './activity.ts';
import type { Flag } from './barrier.ts';
import {
  asFirstLearnt,
  type Baseline,
  createLearner,
  defaultConstants,
  type EnvelopeConstants,
  emptyBaseline,
  type Learner,
  type Outlier,
} from './baseline.ts';

export interface EnvelopeOptions {
  readonly constants?: Partial<EnvelopeConstants>;
  /** Told of every outlier; whoever keeps barriers makes it last. */
  readonly raise: (flag: Flag) => void;
}

/** One agent in one scope, or in all together. Plain JSON. */
interface Track {
  readonly baseline: Baseline;
  /** The window under way. */
  readonly activity: Activity | null;
  /** Whether that window has raised a flag: it is not learnt and raises no second one when it ends. */
  readonly isFlagged: boolean;
}

/** Tracks by agent, then by scope; `everywhere` is all of an agent's scopes together. */
export type EnvelopeSnapshot = Readonly<Record<string, Readonly<Record<string, Track>>>>;

export interface Envelope {
  readonly check: Check;
  /**
   * After an authority has let an agent go on: forgets the window under way
   * and what was learnt since the first windows, or, with `anew`, everything.
   */
  forgive(agent: string, scope: string | null, anew: boolean): void;
  snapshot(): EnvelopeSnapshot;
  restore(snapshot: EnvelopeSnapshot): void;
}

/** No scope has this name. */
const everywhere = '*';
/** An agent's further scopes are only seen together. */
const maxTracks = 256;

/**
 * Checks whose refusals say nothing about an agent's conduct: they come from
 * a restriction, from limits kept elsewhere, from a policy on content or from
 * what other agents did. Rates, budgets and policies so leave no trace here.
 */
const noFault = new Set(['barrier', 'envelope', 'rate', 'budget', 'content', 'conflict', 'resolution']);
/** Whether an operation was refused for what it was, by a guard in working order. */
const isFaulty = (verdict: Verdict) =>
  !verdict.allowed && !noFault.has(verdict.check) && verdict.rule !== 'check-failed';
/** What these refuse did not happen as far as conduct goes: an agent that tries again and again is held already. */
const isHeld = (verdict: Verdict) => !verdict.allowed && verdict.check === 'barrier';

/**
 * Watches how much each agent does and flags what is far beyond its usual.
 *
 * 1. Windows follow the clock from an agent's first operation in a scope on; only windows with activity are learnt.
 * 2. The state is a function of the operations and of which were refused for what they are.
 * 3. Judging changes nothing; what it refuses is exactly what `observe` then flags.
 */
export function createEnvelope({ constants, raise }: EnvelopeOptions): Envelope {
  const c = { ...defaultConstants, ...constants };
  const learner = createLearner(c);
  let agents = new Map<string, Map<string, Track>>();

  /** What judging worked out, so that observing the same operation need not. */
  let judged: { readonly operation: Operation; readonly steps: readonly Step[] } | null = null;

  function stepsOf(operation: Operation, isFault: boolean): readonly Step[] {
    const tracks = agents.get(operation.agent);
    const attempt = attemptOf(operation);
    const step = (name: string) => {
      const track = tracks?.get(name) ?? emptyTrack;
      return stepOf(name, track, operation.atMs, attempt, isFault, learner, c.windowMs);
    };
    return [step(everywhere), step(operation.scope)];
  }

  function stepsAgain(operation: Operation): readonly Step[] | null {
    if (judged === null) return null;
    const { agent, scope, atMs, draft, type } = judged.operation;
    const isSame = agent === operation.agent && scope === operation.scope && atMs === operation.atMs;
    return isSame && draft === operation.draft && type === operation.type ? judged.steps : null;
  }

  const check: Check = {
    name: 'envelope',
    judge(operation) {
      const steps = stepsOf(operation, false);
      judged = { operation, steps };
      const outlier = outlierOf(steps);
      if (outlier === null) return admitted(operation.draft);
      return refused('envelope', outlier.why, forAgent(outlier, operation.scope));
    },
    observe(operation, verdict) {
      if (isHeld(verdict)) return;
      const isFault = isFaulty(verdict);
      const steps = (isFault ? null : stepsAgain(operation)) ?? stepsOf(operation, isFault);
      judged = null;
      const { agent, scope, atMs } = operation;
      const tracks = agents.get(agent) ?? new Map<string, Track>();
      agents.set(agent, tracks);
      for (const { name, track } of steps) {
        // Names of scopes are an agent's choice: one that it made up is not worth memory.
        const isWorthIt = name === everywhere || tracks.has(name) || (!isFault && tracks.size <= maxTracks);
        if (isWorthIt) tracks.set(name, track);
      }
      const outlier = outlierOf(steps);
      if (outlier !== null) raise({ agent, scope, source: 'envelope', atMs, reason: forPeople(outlier) });
    },
  };

  return {
    check,
    forgive(agent, scope, anew) {
      judged = null;
      const tracks = agents.get(agent);
      for (const [name, track] of tracks ?? []) {
        if (scope !== null && name !== scope && name !== everywhere) continue;
        const baseline = anew ? emptyBaseline : asFirstLearnt(track.baseline);
        tracks!.set(name, { baseline, activity: null, isFlagged: false });
      }
    },
    snapshot: () => Object.fromEntries([...agents].map(([agent, tracks]) => [agent, Object.fromEntries(tracks)])),
    restore(snapshot) {
      judged = null;
      agents = new Map(Object.entries(snapshot).map(([agent, tracks]) => [agent, new Map(Object.entries(tracks))]));
    },
  };
}

const emptyTrack: Track = Object.freeze({ baseline: emptyBaseline, activity: null, isFlagged: false });

/** What an operation makes of one track. */
interface Step {
  readonly name: string;
  readonly track: Track;
  readonly outlier: Outlier | null;
}

const outlierOf = (steps: readonly Step[]) => steps.find(({ outlier }) => outlier !== null)?.outlier ?? null;

/** Ends the window before the operation, if it is over, and adds the operation to its own. Pure. */
function stepOf(
  name: string,
  track: Track,
  atMs: number,
  attempt: Attempt,
  isFault: boolean,
  learner: Learner,
  windowMs: number,
): Step {
  const ended = endWindow(track, atMs, learner, windowMs);
  const open = ended.track.activity ?? emptyActivity(atMs);
  const activity = withAttempt(open, attempt, isFault);
  const outlier = ended.outlier ?? learner.burstIn(ended.track.baseline, activity);
  const isFlagged = ended.track.isFlagged || outlier !== null;
  return { name, track: { baseline: ended.track.baseline, activity, isFlagged }, outlier };
}

function endWindow(track: Track, atMs: number, learner: Learner, windowMs: number): Omit<Step, 'name'> {
  const { baseline, activity, isFlagged } = track;
  if (activity === null || atMs < activity.startMs + windowMs) return { track, outlier: null };
  const startMs = atMs - ((atMs - activity.startMs) % windowMs);
  const next = { activity: emptyActivity(startMs), isFlagged: false };
  if (isFlagged) return { track: { baseline: { ...baseline, suspects: [] }, ...next }, outlier: null };
  const after = learner.afterWindow(baseline, activity);
  return { track: { baseline: after.baseline, ...next }, outlier: after.outlier };
}

/** Says what, not how much: an agent that knows the limit stays just below it. */
function forAgent({ feature, why }: Outlier, scope: string): string {
  const what = { burst: 'far more than usual', repeated: 'more than usual again', drift: 'far more than at first' }[
    why
  ];
  return `${what} of what you do (${feature}): ${scope} is closed to you until an authority over it lifts that; leave a need elsewhere, or wait`;
}

function forPeople({ feature, why, seen, limit }: Outlier): string {
  return `${feature}: ${seen} where up to ${limit} was usual (${why})`;
}
