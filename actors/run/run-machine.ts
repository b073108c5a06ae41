import { assign, fromPromise, setup } from 'xstate';
import type { GenomeId, LineageId } from '../../src/core/ids.ts';
import type { Generation, StrategyRef } from '../../src/core/records.ts';
import { notProvided } from '../job-actor.ts';

/** One lineage as its run sees it. */
export interface Member {
  readonly lineage: LineageId;
  readonly model: string;
  /** Why it takes no further part, or `null`. */
  readonly stop: 'budget' | 'stagnation' | null;
  /** The measured generation with the highest selection score so far. */
  readonly best: {
    readonly generation: number;
    readonly genome: GenomeId;
    readonly score: number;
    /** The model of its task agents, where it is not the lineage's own. */
    readonly taskModel?: string;
  } | null;
}

export interface RunContext {
  readonly members: readonly Member[];
  /** The round under way; 0 is the seed's. */
  readonly round: number;
  /** Rounds after the seed's. */
  readonly rounds: number;
  readonly snapshot: readonly StrategyRef[];
  readonly generations: readonly Generation[];
  readonly stop: 'budget' | 'cancelled' | null;
  readonly error: unknown;
}

export interface RoundResult {
  readonly members: readonly Member[];
  readonly generations: readonly Generation[];
}

const step = <T>(name: string) => fromPromise<T, RunContext>(notProvided(name));

/**
 * One run: one arm and one seed. Drives its lineages round by round.
 *
 * I1. Strategies are snapshotted once per round, before anybody moves.
 * I2. No round begins before every lineage has finished the one before, and
 *     its notes are written.
 * I3. `run.cancelled` lets the round under way finish, so that what was paid
 *     for is recorded; then the run is `stopped` and can be resumed.
 * I4. The test split is touched once, after the last round, and never in a
 *     run that was stopped on the way.
 * I5. It ends in exactly one of `done`, `stopped` and `failed`.
 */
export const runMachine = setup({
  types: {
    input: {} as Pick<RunContext, 'members' | 'round' | 'rounds'>,
    context: {} as RunContext,
    events: {} as { type: 'run.cancelled' },
  },
  actors: {
    /** `null` when the run's own budget is used up. */
    openRound: step<readonly StrategyRef[] | null>('openRound'),
    runRound: step<RoundResult>('runRound'),
    closeRound: step<void>('closeRound'),
    test: step<void>('test'),
  },
  guards: {
    isCancelled: ({ context }) => context.stop === 'cancelled',
    isOver: ({ context }) => context.round > context.rounds || context.members.every((m) => m.stop !== null),
  },
  actions: { keepError: assign({ error: ({ event }) => (event as { error?: unknown }).error }) },
}).createMachine({
  id: 'run',
  context: ({ input }) => ({ ...input, snapshot: [], generations: [], stop: null, error: null }),
  initial: 'deciding',
  on: { 'run.cancelled': { actions: assign({ stop: 'cancelled' as const }) } },
  states: {
    deciding: {
      always: [
        { guard: 'isCancelled', target: 'stopped' },
        { guard: 'isOver', target: 'testing' },
        { target: 'opening' },
      ],
    },
    opening: {
      invoke: {
        src: 'openRound',
        input: ({ context }) => context,
        onDone: [
          {
            guard: ({ event }) => event.output === null,
            target: 'testing',
            actions: assign({ stop: 'budget' as const }),
          },
          { target: 'running', actions: assign({ snapshot: ({ event }) => event.output! }) },
        ],
        onError: { target: 'failed', actions: 'keepError' },
      },
    },
    running: {
      invoke: {
        src: 'runRound',
        input: ({ context }) => context,
        onDone: { target: 'closing', actions: assign(({ event }) => event.output) },
        onError: { target: 'failed', actions: 'keepError' },
      },
    },
    closing: {
      invoke: {
        src: 'closeRound',
        input: ({ context }) => context,
        onDone: { target: 'deciding', actions: assign({ round: ({ context }) => context.round + 1 }) },
        onError: { target: 'failed', actions: 'keepError' },
      },
    },
    testing: {
      invoke: {
        src: 'test',
        input: ({ context }) => context,
        onDone: 'done',
        onError: { target: 'failed', actions: 'keepError' },
      },
    },
    done: { type: 'final' },
    stopped: { type: 'final' },
    failed: { type: 'final' },
  },
});
