import { createActor, fromPromise, waitFor } from 'xstate';
import type { Ask } from '../../src/core/ask.ts';
import type { LineageId, RunId } from '../../src/core/ids.ts';
import type { Journal } from '../../src/core/journal.ts';
import { type Evaluation, type Generation, mayBeBest, type StrategyRef } from '../../src/core/records.ts';
import { type Member, type RoundResult, type RunContext, runMachine } from './run-machine.ts';

export interface RunPorts {
  readonly run: RunId;
  readonly seed: number;
  readonly ask: Ask;
  readonly journal: Journal;
  /** The strategies to show in a round, as they are now; asked once a round, before anybody moves. */
  readonly snapshot: (round: number) => readonly StrategyRef[];
  /** Which of a snapshot a lineage is shown. */
  readonly shownTo: (lineage: LineageId, snapshot: readonly StrategyRef[]) => readonly StrategyRef[];
  /** Before a round is opened, and when all that moved in it has been recorded. Asked again after a crash. */
  readonly beforeRound: (round: number) => Promise<void>;
  readonly afterRound: (round: number) => Promise<void>;
  /** Whether a run-wide budget (wall clock, tokens, cost) is used up. */
  readonly isOverBudget: () => boolean;
  readonly testItems: number;
  readonly members: readonly Member[];
  /** The first round that is not yet closed, and how many follow the seed's. */
  readonly round: number;
  readonly rounds: number;
}

export interface RunEnding {
  readonly status: 'done' | 'stopped' | 'failed';
  readonly reason: string | null;
  readonly error: unknown;
}

export interface RunActor {
  /** Lets the round under way finish, then stops. */
  cancel(): void;
  /** Resolves when the run has ended, one way or another. */
  readonly ended: Promise<RunEnding>;
}

/** Drives one run to its end. `signal` stops it at once; `cancel` at the end of the round. */
export function startRun(ports: RunPorts, signal: AbortSignal): RunActor {
  const steps = {
    openRound: fromPromise<readonly StrategyRef[] | null, RunContext>(async ({ input }) => openRound(ports, input)),
    runRound: fromPromise<RoundResult, RunContext>(({ input }) => runRound(ports, input, signal)),
    closeRound: fromPromise<void, RunContext>(({ input }) => closeRound(ports, input, signal)),
    test: fromPromise<void, RunContext>(({ input }) => test(ports, input, signal)),
  };
  const { members, round, rounds } = ports;
  const actor = createActor(runMachine.provide({ actors: steps }), { input: { members, round, rounds } });
  actor.start();
  const ended = waitFor(actor, (s) => s.status !== 'active', { timeout: Number.POSITIVE_INFINITY }).then(
    ({ value, context }) => ({
      status: value as RunEnding['status'],
      // A run that was told to stop and had nothing left but its test is simply done.
      reason: value === 'done' && context.stop === 'cancelled' ? null : context.stop,
      error: context.error,
    }),
  );
  return { cancel: () => actor.send({ type: 'run.cancelled' }), ended };
}

async function openRound(ports: RunPorts, { round }: RunContext): Promise<readonly StrategyRef[] | null> {
  if (ports.isOverBudget()) return null;
  await ports.beforeRound(round);
  const opened = await ports.journal.once('round.opened', String(round), async () => ({
    round,
    snapshot: ports.snapshot(round),
  }));
  return opened.snapshot;
}

async function runRound(ports: RunPorts, context: RunContext, signal: AbortSignal): Promise<RoundResult> {
  const { run, seed } = ports;
  const { round, snapshot } = context;
  const results = await Promise.all(
    context.members.map(async (member) => {
      if (member.stop !== null) return { member, generation: null };
      const shown = [...ports.shownTo(member.lineage, snapshot)];
      const { generation, stop } = await ports.ask(
        'lineage',
        { run, seed, lineage: member.lineage, round, snapshot: shown },
        signal,
      );
      return { member: { ...member, stop, best: better(member.best, generation) }, generation };
    }),
  );
  return {
    members: results.map((r) => r.member),
    generations: results.flatMap((r) => (r.generation === null ? [] : [r.generation])),
  };
}

/** The better of the best so far and a new generation; failed evaluations never count. */
export function better(best: Member['best'], generation: Generation | null): Member['best'] {
  if (generation === null || !mayBeBest(generation.verdict) || generation.selection?.status !== 'measured') return best;
  const { score } = generation.selection;
  if (best !== null && score <= best.score) return best;
  const { genome, taskModel } = generation;
  return { generation: generation.generation, genome, score, ...(taskModel === undefined ? {} : { taskModel }) };
}

async function closeRound(ports: RunPorts, { round, generations }: RunContext, signal: AbortSignal): Promise<void> {
  const { run, seed } = ports;
  await ports.ask('archivist', { kind: 'close-round', run, seed, round, generations: [...generations] }, signal);
  await ports.afterRound(round);
  await ports.journal.append('round.closed', String(round), { round });
}

async function test(ports: RunPorts, { members }: RunContext, signal: AbortSignal): Promise<void> {
  await Promise.all(members.map((member) => testMember(ports, member, signal)));
}

async function testMember(
  ports: RunPorts,
  { lineage, model, best }: Member,
  signal: AbortSignal,
): Promise<Evaluation | null> {
  if (best === null) return null;
  const { run, seed } = ports;
  const request = {
    run,
    seed,
    lineage,
    generation: best.generation,
    genome: best.genome,
    model: best.taskModel ?? model,
    split: 'test' as const,
    count: ports.testItems,
  };
  return (await ports.ask('environment', request, signal)).evaluation;
}

export type { Member } from './run-machine.ts';
