import { type Fact, type ProgressEvent, type ResultOf, selectionScore, type Verdict } from '../../index.ts';
import { reasonOf } from '../log/log-rows.ts';

/** What is known of one lineage of a run under way. */
export interface LineageProgress {
  readonly id: string;
  /** The last finished generation. */
  readonly generation: number | null;
  readonly scores: readonly (number | null)[];
  /** Best score so far after each generation. */
  readonly bests: readonly (number | null)[];
  readonly bestGeneration: number | null;
  readonly tokens: number;
  /** `null` once some call had no known price. */
  readonly usd: number | null;
  readonly last: {
    readonly verdict: Verdict;
    readonly score: number | null;
    readonly change: number | null;
    readonly tokens: number;
    readonly isAdoption: boolean;
    readonly changedFiles: readonly string[];
    readonly reason: string;
  } | null;
  readonly doing: string;
  readonly doingSinceMs: number;
}

export interface RunProgress {
  readonly run: string;
  readonly arm: string;
  readonly seed: number;
  readonly rounds: number;
  readonly status: 'active' | 'done' | 'stopped' | 'failed';
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly error: unknown;
  readonly lineages: readonly LineageProgress[];
  /** Generations that an earlier session finished. */
  readonly replayed: number;
}

/** Everything a progress display shows, folded from the events so far. Times are on the caller's clock. */
export interface ProgressState {
  readonly experiment: string | null;
  readonly totalRuns: number;
  readonly startedMs: number;
  readonly lastEventMs: number;
  readonly runs: readonly RunProgress[];
  readonly notice: string | null;
  /** A run that waits for room for a sandbox, until it is heard of again. */
  readonly waiting: Extract<ProgressEvent, { type: 'sandbox.waiting' }> | null;
}

export function initialProgress(nowMs: number): ProgressState {
  return {
    experiment: null,
    totalRuns: 1,
    startedMs: nowMs,
    lastEventMs: nowMs,
    runs: [],
    notice: null,
    waiting: null,
  };
}

/** The state after one more event. Pure. */
export function advanceProgress(state: ProgressState, event: ProgressEvent, nowMs: number): ProgressState {
  const next = { ...state, lastEventMs: nowMs };
  switch (event.type) {
    case 'experiment.started':
      return {
        ...next,
        experiment: event.plan.experiment,
        totalRuns: event.plan.runs,
        notice:
          event.isolation === 'none'
            ? `sandbox ${event.provider} does NOT isolate: code runs with your rights`
            : next.notice,
      };
    case 'run.started':
      return { ...next, runs: [...state.runs, startedRun(event, nowMs)] };
    case 'fact':
      return {
        ...next,
        waiting: state.waiting?.run === event.run ? null : state.waiting,
        runs: update(state.runs, event.run, (run) => applyFact(run, event.fact, event.isReplay, nowMs)),
      };
    case 'sandbox.waiting':
      return { ...next, waiting: event };
    case 'run.ended': {
      const status = event.status === 'running' ? 'stopped' : event.status;
      return {
        ...next,
        waiting: state.waiting?.run === event.run ? null : state.waiting,
        runs: update(state.runs, event.run, (run) => ({ ...run, status, endedMs: nowMs, error: event.error })),
      };
    }
  }
}

/** Why a run stands still without anything being wrong. */
export function waitingNotice({ run, why }: Extract<ProgressEvent, { type: 'sandbox.waiting' }>): string {
  return `${run} waits for room for a sandbox: ${why}`;
}

function update(runs: readonly RunProgress[], id: string, change: (run: RunProgress) => RunProgress): RunProgress[] {
  return runs.map((run) => (run.run === id ? change(run) : run));
}

function startedRun(event: Extract<ProgressEvent, { type: 'run.started' }>, nowMs: number): RunProgress {
  const { run, arm, seed, rounds } = event;
  const lineages = event.lineages.map((id) => ({
    id,
    generation: null,
    scores: [],
    bests: [],
    bestGeneration: null,
    tokens: 0,
    usd: 0,
    last: null,
    doing: 'starting',
    doingSinceMs: nowMs,
  }));
  return {
    run,
    arm,
    seed,
    rounds,
    status: 'active',
    startedMs: nowMs,
    endedMs: null,
    error: null,
    lineages,
    replayed: 0,
  };
}

function applyFact(run: RunProgress, fact: Fact, isReplay: boolean, nowMs: number): RunProgress {
  const [id, , split] = fact.key.split('/');
  const all = (doing: string): RunProgress => ({
    ...run,
    lineages: run.lineages.map((l) => ({ ...l, doing, doingSinceMs: nowMs })),
  });
  const one = (change: (l: LineageProgress) => Partial<LineageProgress>): RunProgress => ({
    ...run,
    lineages: run.lineages.map((l) => (l.id === id ? { ...l, ...change(l) } : l)),
  });
  const doing = (what: string) => one(() => ({ doing: what, doingSinceMs: nowMs }));
  switch (fact.type) {
    case 'round.opened':
      return all(roundOf(fact) === 0 ? 'measuring' : 'editing');
    case 'round.closed':
      return all(roundOf(fact) >= run.rounds ? 'final test' : 'next round');
    case 'meta-agent.finished':
      return doing('measuring');
    case 'environment.finished':
      return split === 'selection' ? doing('judging') : split === 'test' ? doing('tested') : run;
    case 'gate.finished':
      return doing('recording');
    case 'lineage.finished': {
      const replayed = run.replayed + (isReplay ? 1 : 0);
      return { ...one((l) => finishGeneration(l, fact.body as ResultOf<'lineage'>, nowMs)), replayed };
    }
    default:
      return run;
  }
}

function roundOf(fact: Fact): number {
  return (fact.body as { round: number }).round;
}

function finishGeneration(l: LineageProgress, { generation: g, stop }: ResultOf<'lineage'>, nowMs: number) {
  const doing = stop === null ? 'waiting' : `stopped: ${stop}`;
  if (g === null) return { doing, doingSinceMs: nowMs };
  const score = selectionScore(g);
  const before = l.bests.at(-1) ?? null;
  const isBest = score !== null && (before === null || score > before);
  const parent = g.parent === null ? null : (l.scores[g.parent] ?? null);
  const tokens = g.usage.promptTokens + g.usage.completionTokens;
  return {
    generation: g.generation,
    scores: [...l.scores, score],
    bests: [...l.bests, isBest ? score : before],
    bestGeneration: isBest ? g.generation : l.bestGeneration,
    tokens: l.tokens + tokens,
    usd: l.usd === null || g.usage.costUsd === null ? null : l.usd + g.usage.costUsd,
    last: {
      verdict: g.verdict,
      score,
      change: score === null || parent === null ? null : score - parent,
      tokens,
      isAdoption: g.adoption !== null,
      changedFiles: g.changedFiles,
      reason: reasonOf(g),
    },
    doing,
    doingSinceMs: nowMs,
  };
}
