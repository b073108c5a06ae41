import { BudgetExhaustedError, NicheFailedError } from '../../src/core/errors.ts';
import type { RequestOf } from '../../src/core/messages.ts';
import { addUsage, type Evaluation, type Generation } from '../../src/core/records.ts';
import { genomeOf, measure } from './evaluate-child.ts';
import type { Draft, Judgement, StepInput } from './lineage-machine.ts';
import { header, type LineagePorts } from './lineage-ports.ts';
import { type Ancestor, ancestor } from './lineage-state.ts';
import { takeBackWeights } from './training/train-weights.ts';

type Evidence = RequestOf<'gate'>;

/** A gate that asks for more than this has lost count. */
const maxRetests = 50;

/**
 * Asks the gate for a verdict. As long as it wants something measured again,
 * and the budget holds, candidate and best are measured on the same items, and
 * the gate is asked again with what came out.
 */
export async function judgeChild(ports: LineagePorts, input: StepInput, signal: AbortSignal): Promise<Judgement> {
  const { state, draft } = input;
  let { usage, otherEvaluations } = draft;
  if (draft.request.round === 0) return { judgement: judgeSeed(draft), usage, otherEvaluations };
  const best = state.best === null ? null : ancestor(state, state.best);
  const evidence = evidenceOf(ports, input, best);
  const retests: Evidence['retests'] = [];
  let judgement = await ports.ask('gate', evidence, signal);
  while (judgement.retest !== undefined && retests.length < maxRetests) {
    const places = judgement.retest;
    const trial = `retest-${retests.length + 1}`;
    const again = async (
      genome: Ancestor['genome'],
      weights: Ancestor['weights'],
      who: string,
    ): Promise<Evaluation> => {
      const what = { genome, split: 'selection' as const, count: places.length, places, trial: `${trial}-${who}` };
      const answer = await measure(ports, input, what, weights, signal);
      usage = addUsage(usage, answer.usage);
      otherEvaluations += answer.evaluation.items.length;
      return answer.evaluation;
    };
    try {
      const candidate = await again(genomeOf(ports, input), draft.weights, 'candidate');
      retests.push({ places, candidate, best: best === null ? null : await again(best.genome, best.weights, 'best') });
    } catch (error) {
      if (!(error instanceof BudgetExhaustedError)) throw error;
      break;
    }
    judgement = await ports.ask('gate', { ...evidence, retests: [...retests], trial }, signal);
  }
  const rolledBack = await takeBackWeights(ports, input, judgement.verdict, signal);
  return { judgement, usage, otherEvaluations, rolledBack };
}

function evidenceOf(ports: LineagePorts, input: StepInput, best: Ancestor | null): Evidence {
  const { state, draft } = input;
  const parent = ancestor(state, draft.parent!);
  return {
    ...header(input),
    policy: ports.gatePolicy,
    candidate: {
      selection: draft.evaluations.selection,
      isPartial: draft.evaluations.isPartial,
      failure: failureOf(draft),
      ...changeOf(draft, parent),
    },
    parent: {
      generation: parent.generation,
      genome: parent.genome,
      selection: parent.selection,
      bytes: parent.bytes,
    },
    best: best === null ? null : { generation: best.generation, selection: best.selection! },
    retests: [],
    memory: state.gateMemory,
  };
}

/** What was done to the code, and by how much asking. */
function changeOf({ edit, trains }: Draft, { genome, bytes, files }: Ancestor) {
  if (edit === null || trains === 'alone') {
    const nothing = { changedFiles: [], adoption: null, calls: 0, toolCalls: 0 };
    return { genome, bytes, files, ...nothing, isUnedited: true as const };
  }
  const { calls, toolCalls } = edit.usage;
  return {
    ...{ genome: edit.genome, bytes: edit.bytes, files: edit.files, changedFiles: edit.changedFiles },
    ...{ adoption: edit.status === 'edited' ? edit.adoption : null, calls, toolCalls },
    ...(edit.tools === undefined ? {} : { tools: edit.tools }),
  };
}

/** The seed is where every lineage starts, so it has no gate; but a niche that cannot measure it can measure nothing. */
function judgeSeed({ evaluations }: Draft): NonNullable<Draft['judgement']> {
  const broken = [evaluations.train, evaluations.selection].find(
    (e) => e?.status === 'failed' && e.reason === 'niche-error',
  );
  if (broken?.status === 'failed') throw new NicheFailedError(`the seed could not be measured: ${broken.message}`);
  return { verdict: 'seed', checks: [{ name: 'seed', outcome: 'pass', reason: 'generation 0' }] };
}

/** What kept a child from being measured, or `null`. */
export function failureOf(draft: Draft): Generation['failure'] {
  if (draft.edit?.status === 'failed') return draft.edit.failure;
  if (draft.trains === 'alone' && draft.lesson?.status === 'failed') {
    return { stage: 'training', message: draft.lesson.reason };
  }
  return draft.evaluations.isOverBudget ? { stage: 'budget', message: 'no evaluations left to measure it' } : null;
}
