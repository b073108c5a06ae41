import { assign, emit, fromPromise, setup } from 'xstate';
import type { RequestOf, ResultOf } from '../../src/core/messages.ts';
import type { Evaluation, Generation, Lesson, Rollback, ServedWeights, Tournament } from '../../src/core/records.ts';
import { type JobEmitted, type JobEvent, notProvided } from '../job-actor.ts';
import { advance, type LineageState } from './lineage-state.ts';

type Request = RequestOf<'lineage'>;

/** One generation in the making; each state adds what it found. */
export interface Draft {
  readonly request: Request;
  readonly parent: number | null;
  readonly meta: number | null;
  /** Whether the parent is the best instead of the one that was chosen. */
  readonly rollback: Rollback | null;
  /** Whether a child of generation 0's meta-agent competes. */
  readonly isTournament: boolean;
  /** Where a sequential random stream stands after the choice; `null` for streams that have no place. */
  readonly drawn: number | null;
  /** Whether the generation begins with a training, and whether its code is edited as well. */
  readonly trains: 'alone' | 'beside-edit' | null;
  readonly edit: ResultOf<'meta-agent'> | null;
  readonly lesson: Lesson | null;
  /** What its task agents answer with; `null` for the model as it came. */
  readonly weights: ServedWeights | null;
  readonly evaluations: {
    readonly train: Evaluation | null;
    readonly selection: Evaluation | null;
    /** Whether the selection is its first stage only. */
    readonly isPartial: boolean;
    readonly isOverBudget: boolean;
  };
  readonly usage: Generation['usage'];
  readonly tournament: Tournament | null;
  /** Items evaluated besides those of `evaluations`. */
  readonly otherEvaluations: number;
  readonly rolledBack?: ServedWeights | undefined;
  readonly judgement: (Pick<Generation, 'checks' | 'verdict'> & { readonly memory?: Generation['gateMemory'] }) | null;
}

export interface LineageContext {
  readonly state: LineageState;
  readonly draft: Draft | null;
  readonly maxStagnation: number | null;
}

/** What the steps are given: where the lineage stands, and the draft so far. */
export interface StepInput {
  readonly state: LineageState;
  readonly draft: Draft;
}

export type Choice = Pick<Draft, 'parent' | 'rollback' | 'meta' | 'isTournament' | 'drawn' | 'trains' | 'weights'>;
export type Competition = Pick<Draft, 'edit' | 'meta' | 'evaluations' | 'usage' | 'tournament' | 'otherEvaluations'>;
export type Judgement = Pick<Draft, 'judgement' | 'usage' | 'otherEvaluations' | 'rolledBack'>;

const step = <T>(name: string) => fromPromise<T, StepInput>(notProvided(name));

/**
 * Supervises one lineage: one generation a round.
 *
 * I1. At most one round is in hand; any other is answered with `job.refused`.
 * I2. Every accepted round ends in exactly one `job.finished` or `job.abandoned`.
 * I3. Round 0 is the seed: it is evaluated and recorded, never edited.
 * I4. A child that failed to edit or import is recorded, never evaluated, never a parent.
 *     In a tournament that holds for the one that won.
 * I5. A verdict comes from the gate; a generation is recorded after its verdict
 *     and published after it is recorded.
 * I6. A training that came to nothing leaves code to be evaluated, or nothing: then
 *     that is recorded. It never ends the round.
 * I7. Context is plain JSON, and `state` is a fold over finished generations:
 *     an abandoned round leaves it as it was.
 */
export const lineageMachine = setup({
  types: {
    input: {} as { readonly state: LineageState; readonly maxStagnation: number | null },
    context: {} as LineageContext,
    events: {} as JobEvent<'lineage'>,
    emitted: {} as JobEmitted<'lineage'>,
  },
  actors: {
    /** `null` when the budget is used up. */
    select: step<Choice | null>('select'),
    edit: step<ResultOf<'meta-agent'>>('edit'),
    compete: step<Competition>('compete'),
    train: step<Pick<Draft, 'lesson' | 'weights'>>('train'),
    evaluate: step<Pick<Draft, 'evaluations' | 'usage'>>('evaluate'),
    judge: step<Judgement>('judge'),
    record: step<Generation>('record'),
  },
  actions: {
    abandon: emit(({ event }) => ({
      type: 'job.abandoned' as const,
      error: (event as { error?: unknown }).error ?? 'cancelled',
    })),
    drop: assign({ draft: null }),
  },
  guards: {
    isSeedRound: ({ context }) => context.draft!.request.round === 0,
    isTournament: ({ context }) => context.draft!.isTournament,
    hasFailedEdit: ({ context }) => context.draft!.edit?.status === 'failed',
    isToTrain: ({ context }) => context.draft!.trains !== null,
    hasNothingNew: ({ context }) => context.draft!.trains === 'alone' && context.draft!.lesson?.status === 'failed',
  },
}).createMachine({
  id: 'lineage',
  context: ({ input }) => ({ ...input, draft: null }),
  initial: 'idle',
  on: { 'job.assigned': { actions: emit({ type: 'job.refused' as const }) } },
  states: {
    idle: {
      on: {
        'job.assigned': { target: 'working', actions: assign({ draft: ({ event }) => draftOf(event.request) }) },
        'job.cancelled': {},
      },
    },
    working: {
      initial: 'starting',
      on: { 'job.cancelled': { target: 'idle', actions: ['drop', 'abandon'] } },
      states: {
        starting: { always: [{ guard: 'isSeedRound', target: 'evaluating' }, { target: 'selecting' }] },
        selecting: {
          invoke: {
            src: 'select',
            input: stepInput,
            onDone: [
              {
                guard: ({ event }) => event.output === null,
                target: '#lineage.idle',
                actions: [
                  'drop',
                  emit({ type: 'job.finished' as const, result: { generation: null, stop: 'budget' as const } }),
                ],
              },
              {
                guard: ({ event }) => event.output?.trains === 'alone',
                target: 'training',
                actions: assign({ draft: ({ context, event }) => ({ ...context.draft!, ...event.output! }) }),
              },
              {
                target: 'editing',
                actions: assign({ draft: ({ context, event }) => ({ ...context.draft!, ...event.output! }) }),
              },
            ],
            onError: { target: '#lineage.idle', actions: ['drop', 'abandon'] },
          },
        },
        editing: {
          invoke: {
            src: 'edit',
            input: stepInput,
            onDone: {
              target: 'deciding',
              actions: assign({
                draft: ({ context, event }) => ({ ...context.draft!, edit: event.output, usage: event.output.usage }),
              }),
            },
            onError: { target: '#lineage.idle', actions: ['drop', 'abandon'] },
          },
        },
        deciding: { always: [{ guard: 'isTournament', target: 'competing' }, { target: 'edited' }] },
        competing: {
          invoke: {
            src: 'compete',
            input: stepInput,
            onDone: {
              target: 'edited',
              actions: assign({ draft: ({ context, event }) => ({ ...context.draft!, ...event.output }) }),
            },
            onError: { target: '#lineage.idle', actions: ['drop', 'abandon'] },
          },
        },
        edited: {
          always: [
            { guard: 'hasFailedEdit', target: 'judging' },
            { guard: 'isToTrain', target: 'training' },
            { target: 'evaluating' },
          ],
        },
        training: {
          invoke: {
            src: 'train',
            input: stepInput,
            onDone: {
              target: 'trained',
              actions: assign({ draft: ({ context, event }) => ({ ...context.draft!, ...event.output }) }),
            },
            onError: { target: '#lineage.idle', actions: ['drop', 'abandon'] },
          },
        },
        trained: { always: [{ guard: 'hasNothingNew', target: 'judging' }, { target: 'evaluating' }] },
        evaluating: {
          invoke: {
            src: 'evaluate',
            input: stepInput,
            onDone: {
              target: 'judging',
              actions: assign({ draft: ({ context, event }) => ({ ...context.draft!, ...event.output }) }),
            },
            onError: { target: '#lineage.idle', actions: ['drop', 'abandon'] },
          },
        },
        judging: {
          invoke: {
            src: 'judge',
            input: stepInput,
            onDone: {
              target: 'recording',
              actions: assign({ draft: ({ context, event }) => ({ ...context.draft!, ...event.output }) }),
            },
            onError: { target: '#lineage.idle', actions: ['drop', 'abandon'] },
          },
        },
        recording: {
          invoke: {
            src: 'record',
            input: stepInput,
            onDone: {
              target: '#lineage.idle',
              actions: [
                assign({ state: ({ context, event }) => advance(context.state, event.output), draft: null }),
                emit(({ context, event }) => ({
                  type: 'job.finished' as const,
                  result: { generation: event.output, stop: stopOf(context, event.output) },
                })),
              ],
            },
            onError: { target: '#lineage.idle', actions: ['drop', 'abandon'] },
          },
        },
      },
    },
  },
});

function stepInput({ context }: { readonly context: LineageContext }): StepInput {
  return { state: context.state, draft: context.draft! };
}

function draftOf(request: Request): Draft {
  return {
    request,
    parent: null,
    rollback: null,
    meta: null,
    isTournament: false,
    drawn: null,
    trains: null,
    edit: null,
    lesson: null,
    weights: null,
    evaluations: { train: null, selection: null, isPartial: false, isOverBudget: false },
    usage: { calls: 0, toolCalls: 0, promptTokens: 0, completionTokens: 0, costUsd: 0 },
    tournament: null,
    otherEvaluations: 0,
    judgement: null,
  };
}

function stopOf(context: LineageContext, generation: Generation): 'budget' | 'stagnation' | null {
  if (generation.failure?.stage === 'budget') return 'budget';
  return context.maxStagnation !== null && context.state.sinceImprovement >= context.maxStagnation
    ? 'stagnation'
    : null;
}
