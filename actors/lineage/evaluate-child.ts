import { BudgetExhaustedError } from '../../src/core/errors.ts';
import type { GenomeId } from '../../src/core/ids.ts';
import type { RequestOf, ResultOf } from '../../src/core/messages.ts';
import { addUsage, type Evaluation, type ServedWeights } from '../../src/core/records.ts';
import type { Draft, StepInput } from './lineage-machine.ts';
import { header, type LineagePorts } from './lineage-ports.ts';
import { ancestor } from './lineage-state.ts';

/** Has one genome evaluated with these weights, within the budget. @throws {BudgetExhaustedError} before anything is spent. */
export async function measure(
  ports: LineagePorts,
  input: StepInput,
  what: Pick<RequestOf<'environment'>, 'genome' | 'split' | 'count' | 'places' | 'trial'>,
  weights: ServedWeights | null,
  signal: AbortSignal,
): Promise<ResultOf<'environment'>> {
  const reservation = ports.budget.reserve({ evaluations: what.count });
  let evaluated = 0;
  try {
    const answer = await ports.ask(
      'environment',
      { ...header(input), model: weights?.model ?? ports.taskModel, ...what },
      signal,
    );
    evaluated = answer.evaluation.items.length;
    return answer;
  } finally {
    reservation.settle({ evaluations: evaluated });
  }
}

/** Training first, then the hidden selection items; a training that failed is told of both. */
export async function evaluate(
  ports: LineagePorts,
  input: StepInput,
  signal: AbortSignal,
): Promise<Pick<Draft, 'evaluations' | 'usage'>> {
  const { draft } = input;
  // A tournament has measured its winner's training already.
  const found = { ...draft.evaluations };
  let { usage } = draft;
  const on = async (what: Pick<RequestOf<'environment'>, 'split' | 'count' | 'places' | 'trial'>) => {
    const answer = await measure(ports, input, { genome: genomeOf(ports, input), ...what }, draft.weights, signal);
    usage = addUsage(usage, answer.usage);
    return answer.evaluation;
  };
  if (found.isOverBudget) return { evaluations: found, usage };
  try {
    found.train ??= await on({ split: 'train', count: ports.items.train });
    if (found.train.status === 'failed') return { evaluations: { ...found, selection: notRun(found.train) }, usage };
    const stage = stageOf(ports, input);
    found.selection = await on({ split: 'selection', count: stage?.items ?? ports.items.selection });
    if (stage === null || found.selection.status === 'failed') return { evaluations: found, usage };
    found.isPartial = true;
    if (found.selection.score <= stage.above) return { evaluations: found, usage };
    const places = Array.from({ length: ports.items.selection - stage.items }, (_, i) => stage.items + i);
    const rest = await on({ split: 'selection', count: places.length, places, trial: 'rest' });
    return { evaluations: { ...found, selection: joined(found.selection, rest), isPartial: false }, usage };
  } catch (error) {
    if (!(error instanceof BudgetExhaustedError)) throw error;
    // What was measured before is paid for, and kept.
    return { evaluations: { ...found, isOverBudget: true }, usage };
  }
}

/** What must be passed before the whole selection is evaluated; a baseline without a gate has no bar either. */
function stageOf({ items, gatePolicy }: LineagePorts, { draft }: StepInput): { items: number; above: number } | null {
  return gatePolicy === 'valid' || draft.request.round === 0 ? null : (items.stage ?? null);
}

/** Both parts as one evaluation, which has a score when every item was measured. */
function joined(first: Extract<Evaluation, { status: 'measured' }>, rest: Evaluation): Evaluation {
  const items = [...first.items, ...rest.items];
  if (rest.status === 'failed') return { ...rest, items };
  const n = first.n + rest.n;
  return { ...rest, n, items, score: (first.score * first.n + rest.score * rest.n) / n };
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

/** What is evaluated: the seed, what the edit made, or, where nothing was to be edited, the parent's code. */
export function genomeOf(ports: LineagePorts, { state, draft }: StepInput): GenomeId {
  if (draft.request.round === 0) return ports.seedGenome.genome;
  return draft.trains === 'alone' ? ancestor(state, draft.parent!).genome : draft.edit!.genome!;
}
