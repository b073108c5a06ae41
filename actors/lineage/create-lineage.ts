import { fromPromise } from 'xstate';
import type { RoleActor } from '../../src/core/define.ts';
import { ContractViolatedError } from '../../src/core/errors.ts';
import type { ResultOf } from '../../src/core/messages.ts';
import { type Generation, mayBeBest } from '../../src/core/records.ts';
import { hostJobMachine } from '../job-actor.ts';
import { editChild } from './edit-child.ts';
import { evaluate } from './evaluate-child.ts';
import { holdTournament } from './hold-tournament.ts';
import { failureOf, judgeChild } from './judge-child.ts';
import {
  type Choice,
  type Competition,
  type Draft,
  type Judgement,
  lineageMachine,
  type StepInput,
} from './lineage-machine.ts';
import { header, type LineagePorts } from './lineage-ports.ts';
import { ancestor, metaAgentFor, scoreOf, weightsFor } from './lineage-state.ts';
import { restoreWeights } from './restore-weights.ts';
import { rollbackOf } from './rollback.ts';
import { drawsTournament } from './selection.ts';
import { summaryOf } from './summary.ts';
import { type Schooling, trainsIn, trainWeights } from './training/train-weights.ts';

export type { LineagePorts } from './lineage-ports.ts';

/** Supervises one lineage; everything it does it asks of other roles. */
export function createLineage(ports: LineagePorts): RoleActor<'lineage'> {
  const steps = {
    select: fromPromise<Choice | null, StepInput>(({ input, signal }) => selectParent(ports, input, signal)),
    edit: fromPromise<ResultOf<'meta-agent'>, StepInput>(({ input, signal }) =>
      editChild(ports, input, input.draft.meta!, {}, signal),
    ),
    evaluate: fromPromise<Pick<Draft, 'evaluations' | 'usage'>, StepInput>(({ input, signal }) =>
      evaluate(ports, input, signal),
    ),
    train: fromPromise<Schooling, StepInput>(({ input, signal }) => trainWeights(ports, input, signal)),
    compete: fromPromise<Competition, StepInput>(({ input, signal }) => holdTournament(ports, input, signal)),
    judge: fromPromise<Judgement, StepInput>(({ input, signal }) => judgeChild(ports, input, signal)),
    record: fromPromise<Generation, StepInput>(({ input, signal }) => record(ports, input, signal)),
  };
  return hostJobMachine('lineage', lineageMachine.provide({ actors: steps }), {
    state: ports.state,
    maxStagnation: ports.maxStagnation,
  });
}

async function selectParent(ports: LineagePorts, input: StepInput, signal: AbortSignal): Promise<Choice | null> {
  const { state, draft } = input;
  if (ports.budget.exhausted !== null) return null;
  const draws = ports.draws(draft.request.round, state.drawn);
  const chosen = ports.select(state.archive, draws);
  if (!state.archive.some((entry) => entry.generation === chosen)) {
    throw new ContractViolatedError(`the selection policy chose generation ${chosen}, which is not in the archive`);
  }
  const rollback = ports.rollback === null ? null : rollbackOf(state, chosen, ports.rollback);
  const parent = rollback === null ? chosen : state.best!;
  const restored = rollback === null ? null : await restoreWeights(ports, input, { from: chosen, to: parent }, signal);
  const isTournament = ports.annealing !== null && drawsTournament(ports.annealing, state.tournaments, draws);
  const trains = trainsIn(ports.learning, draft.request.round);
  return {
    parent,
    rollback: rollback && { ...rollback, ...(restored === null ? {} : { weights: restored.is }) },
    meta: trains === 'alone' ? null : metaAgentFor(state, parent, ports.metaFrom).generation,
    isTournament,
    drawn: draws.drawn,
    trains,
    weights: restored?.weights ?? weightsFor(state, ancestor(state, parent)),
  };
}

async function record(ports: LineagePorts, input: StepInput, signal: AbortSignal): Promise<Generation> {
  const { state, draft } = input;
  const { round } = draft.request;
  const { train, selection } = draft.evaluations;
  const parent = draft.parent === null ? null : ancestor(state, draft.parent);
  const genome = round === 0 ? ports.seedGenome.genome : (draft.edit?.genome ?? parent!.genome);
  const taskModel = draft.weights?.model ?? (ports.taskModel === ports.model ? undefined : ports.taskModel);
  const size = draft.edit ?? parent ?? ports.seedGenome;
  const { verdict, checks, memory: gateMemory } = draft.judgement!;
  const previousBest = state.best === null ? null : scoreOf(state, state.best);
  const isBest =
    mayBeBest(verdict) && selection?.status === 'measured' && (previousBest === null || selection.score > previousBest);
  const base = {
    lineage: draft.request.lineage,
    generation: round,
    round,
    parent: draft.parent,
    metaFrom: draft.meta,
    genome,
    verdict,
    checks,
    failure: failureOf(draft),
    train,
    selection,
    adoption: draft.edit?.status === 'edited' ? draft.edit.adoption : null,
    reads: draft.edit?.reads ?? [],
    usage: draft.usage,
    bytes: size.bytes,
    files: size.files,
    changedFiles: draft.edit?.changedFiles ?? [],
    ...(draft.evaluations.isPartial ? { isPartial: true as const } : {}),
    ...(draft.tournament === null ? {} : { tournament: draft.tournament }),
    ...(draft.rollback === null ? {} : { rollback: draft.rollback }),
    ...(draft.drawn === null ? {} : { drawn: draft.drawn }),
    ...(draft.otherEvaluations === 0 ? {} : { otherEvaluations: draft.otherEvaluations }),
    ...(gateMemory === undefined ? {} : { gateMemory }),
    ...(draft.weights === null ? {} : { adapter: draft.weights.adapter }),
    ...(taskModel === undefined ? {} : { taskModel }),
    ...(draft.lesson === null ? {} : { lesson: draft.lesson }),
    ...(draft.rolledBack === undefined ? {} : { rolledBack: draft.rolledBack }),
  };
  const { commit } = await ports.ask(
    'archivist',
    {
      kind: 'record',
      ...header(input),
      round,
      model: ports.model,
      ...(taskModel === undefined ? {} : { taskModel }),
      genome,
      parentCommit: parent?.commit ?? null,
      metaFrom: draft.meta,
      verdict: base.verdict,
      summary: summaryOf(base),
      adoption: base.adoption,
      reads: base.reads,
      ...(base.adapter === undefined ? {} : { adapter: base.adapter }),
      ...(base.rollback === undefined ? {} : { rollback: base.rollback }),
      isBest,
    },
    signal,
  );
  const isWorthPublishing = base.verdict === 'promoted' && isBest;
  const published =
    isWorthPublishing && (await ports.publish({ generation: round, genome, commit: commit!, score: selection.score }));
  return { ...base, commit: commit!, published };
}
