import { fromPromise } from 'xstate';
import type { Ask } from '../../src/core/ask.ts';
import type { Budget } from '../../src/core/budget.ts';
import type { RoleActor, SelectParent } from '../../src/core/define.ts';
import { BudgetExhaustedError, ContractViolatedError, NicheFailedError } from '../../src/core/errors.ts';
import type { CommitId, GenomeId } from '../../src/core/ids.ts';
import type { Json } from '../../src/core/json.ts';
import type { ResultOf } from '../../src/core/messages.ts';
import type { RandomStream } from '../../src/core/random.ts';
import { addUsage, type Evaluation, type Generation, mayBeBest, untimed } from '../../src/core/records.ts';
import { hostJobMachine } from '../job-actor.ts';
import { type Draft, lineageMachine, type StepInput } from './lineage-machine.ts';
import { ancestor, type LineageState, metaAgentFor, scoreOf } from './lineage-state.ts';
import { summaryOf } from './summary.ts';

export interface LineagePorts {
  readonly ask: Ask;
  readonly budget: Budget;
  readonly select: SelectParent;
  readonly random: (purpose: string, generation: number) => RandomStream;
  /** Publishes through the guard, as this lineage and no other; false when nothing new was published. */
  readonly publish: (strategy: {
    generation: number;
    genome: GenomeId;
    commit: CommitId;
    score: number;
  }) => Promise<boolean>;
  readonly model: string;
  readonly seedGenome: { readonly genome: GenomeId; readonly bytes: number; readonly files: number };
  readonly items: { readonly train: number; readonly selection: number };
  readonly gatePolicy: 'strict-improvement' | 'valid';
  readonly showsTrain: boolean;
  readonly showsSelection: boolean;
  readonly maxStagnation: number | null;
  /** Where the lineage stands: empty, or folded from the journal. */
  readonly state: LineageState;
}

/** Supervises one lineage; everything it does it asks of other roles. */
export function createLineage(ports: LineagePorts): RoleActor<'lineage'> {
  const steps = {
    select: fromPromise<{ parent: number; meta: number } | null, StepInput>(async ({ input }) =>
      selectParent(ports, input),
    ),
    edit: fromPromise<ResultOf<'meta-agent'>, StepInput>(({ input, signal }) => edit(ports, input, signal)),
    evaluate: fromPromise<Pick<Draft, 'evaluations' | 'usage'>, StepInput>(({ input, signal }) =>
      evaluate(ports, input, signal),
    ),
    judge: fromPromise<NonNullable<Draft['judgement']>, StepInput>(({ input, signal }) => judge(ports, input, signal)),
    record: fromPromise<Generation, StepInput>(({ input, signal }) => record(ports, input, signal)),
  };
  return hostJobMachine('lineage', lineageMachine.provide({ actors: steps }), {
    state: ports.state,
    maxStagnation: ports.maxStagnation,
  });
}

const header = ({ draft }: StepInput) => ({
  run: draft.request.run,
  seed: draft.request.seed,
  lineage: draft.request.lineage,
  generation: draft.request.round,
});

function selectParent(ports: LineagePorts, { state, draft }: StepInput): { parent: number; meta: number } | null {
  if (ports.budget.exhausted !== null) return null;
  const parent = ports.select(state.archive, ports.random('selection', draft.request.round).next);
  if (!state.archive.some((entry) => entry.generation === parent)) {
    throw new ContractViolatedError(`the selection policy chose generation ${parent}, which is not in the archive`);
  }
  return { parent, meta: metaAgentFor(state, parent).generation };
}

function edit(ports: LineagePorts, input: StepInput, signal: AbortSignal): Promise<ResultOf<'meta-agent'>> {
  const { state, draft } = input;
  const parent = ancestor(state, draft.parent!);
  const meta = ancestor(state, draft.meta!);
  const history = ports.showsTrain
    ? state.history
    : state.history.map((line) => ({ ...line, trainScore: null, problem: null }));
  const evals: Record<string, Json> = { history: history as unknown as Json };
  if (ports.showsTrain) evals.train = (parent.train && untimed(parent.train)) as unknown as Json;
  if (ports.showsSelection) evals.selection = (parent.selection && untimed(parent.selection)) as unknown as Json;
  return ports.ask(
    'meta-agent',
    {
      ...header(input),
      model: ports.model,
      parent: { generation: parent.generation, genome: parent.genome },
      meta: { generation: meta.generation, genome: meta.genome },
      snapshot: draft.request.snapshot,
      evals,
    },
    signal,
  );
}

function genomeOf(ports: LineagePorts, draft: Draft): GenomeId {
  return draft.request.round === 0 ? ports.seedGenome.genome : draft.edit!.genome!;
}

async function evaluate(
  ports: LineagePorts,
  input: StepInput,
  signal: AbortSignal,
): Promise<Pick<Draft, 'evaluations' | 'usage'>> {
  const { draft } = input;
  let usage = draft.usage;
  const evaluateSplit = async (split: 'train' | 'selection'): Promise<Evaluation> => {
    const reservation = ports.budget.reserve({ evaluations: ports.items[split] });
    const request = {
      ...header(input),
      genome: genomeOf(ports, draft),
      model: ports.model,
      split,
      count: ports.items[split],
    };
    let evaluated = 0;
    try {
      const answer = await ports.ask('environment', request, signal);
      evaluated = answer.evaluation.items.length;
      usage = addUsage(usage, answer.usage);
      return answer.evaluation;
    } finally {
      reservation.settle({ evaluations: evaluated });
    }
  };
  let train: Evaluation | null = null;
  try {
    train = await evaluateSplit('train');
    const selection = train.status === 'measured' ? await evaluateSplit('selection') : notRun(train);
    return { evaluations: { train, selection, isOverBudget: false }, usage };
  } catch (error) {
    if (!(error instanceof BudgetExhaustedError)) throw error;
    // What was measured before is paid for, and kept.
    return { evaluations: { train, selection: null, isOverBudget: true }, usage };
  }
}

function notRun(train: Extract<Evaluation, { status: 'failed' }>): Evaluation {
  return {
    status: 'failed',
    split: 'selection',
    reason: train.reason,
    message: `not run, training failed: ${train.message}`,
    items: [],
  };
}

async function judge(
  ports: LineagePorts,
  input: StepInput,
  signal: AbortSignal,
): Promise<NonNullable<Draft['judgement']>> {
  const { state, draft } = input;
  const { selection } = draft.evaluations;
  if (draft.request.round === 0) return judgeSeed(draft);
  const best = state.best === null ? null : ancestor(state, state.best);
  return ports.ask(
    'gate',
    {
      ...header(input),
      policy: ports.gatePolicy,
      candidate: { selection, failure: failureOf(draft), bytes: draft.edit!.bytes, files: draft.edit!.files },
      parent: {
        generation: draft.parent!,
        selection: ancestor(state, draft.parent!).selection,
        bytes: ancestor(state, draft.parent!).bytes,
      },
      best: best === null ? null : { generation: best.generation, selection: best.selection! },
    },
    signal,
  );
}

/** The seed is where every lineage starts, so it has no gate; but a niche that cannot measure it can measure nothing. */
function judgeSeed({ evaluations }: Draft): NonNullable<Draft['judgement']> {
  const broken = [evaluations.train, evaluations.selection].find(
    (e) => e?.status === 'failed' && e.reason === 'niche-error',
  );
  if (broken?.status === 'failed') throw new NicheFailedError(`the seed could not be measured: ${broken.message}`);
  return { verdict: 'seed', checks: [{ name: 'seed', outcome: 'pass', reason: 'generation 0' }] };
}

function failureOf(draft: Draft): Generation['failure'] {
  if (draft.edit?.status === 'failed') return draft.edit.failure;
  return draft.evaluations.isOverBudget ? { stage: 'budget', message: 'no evaluations left to measure it' } : null;
}

async function record(ports: LineagePorts, input: StepInput, signal: AbortSignal): Promise<Generation> {
  const { state, draft } = input;
  const { round } = draft.request;
  const { train, selection } = draft.evaluations;
  const parent = draft.parent === null ? null : ancestor(state, draft.parent);
  const genome = round === 0 ? ports.seedGenome.genome : (draft.edit!.genome ?? parent!.genome);
  const previousBest = state.best === null ? null : scoreOf(state, state.best);
  const isBest =
    mayBeBest(draft.judgement!.verdict) &&
    selection?.status === 'measured' &&
    (previousBest === null || selection.score > previousBest);
  const base = {
    lineage: draft.request.lineage,
    generation: round,
    round,
    parent: draft.parent,
    metaFrom: draft.meta,
    genome,
    verdict: draft.judgement!.verdict,
    checks: draft.judgement!.checks,
    failure: failureOf(draft),
    train,
    selection,
    adoption: draft.edit?.status === 'edited' ? draft.edit.adoption : null,
    reads: draft.edit?.reads ?? [],
    usage: draft.usage,
    bytes: draft.edit?.bytes ?? ports.seedGenome.bytes,
    files: draft.edit?.files ?? ports.seedGenome.files,
    changedFiles: draft.edit?.changedFiles ?? [],
  };
  const { commit } = await ports.ask(
    'archivist',
    {
      kind: 'record',
      ...header(input),
      round,
      model: ports.model,
      genome,
      parentCommit: parent?.commit ?? null,
      metaFrom: draft.meta,
      verdict: base.verdict,
      summary: summaryOf(base),
      adoption: base.adoption,
      reads: base.reads,
      isBest,
    },
    signal,
  );
  const isWorthPublishing = base.verdict === 'promoted' && isBest;
  const published =
    isWorthPublishing && (await ports.publish({ generation: round, genome, commit: commit!, score: selection.score }));
  return { ...base, commit: commit!, published };
}
